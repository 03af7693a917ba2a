package log

import (
	"errors"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// TestForeignDirectoryIsLeftAlone: no log is made among other files; what a log
// and its stores leave, and what belongs to nobody, does not count.
func TestForeignDirectoryIsLeftAlone(t *testing.T) {
	for name, foreign := range map[string]bool{
		"main.go": true, "CURRENT": true, "000001.log": true,
		".gitignore": false, "lost+found": false, "state": false, "LOCK": false,
	} {
		fsys := vfs.NewMem()
		if err := vfs.WriteFileAtomic(fsys, name, []byte("x")); err != nil {
			t.Fatal(err)
		}
		b, err := OpenFS(fsys, Config{})
		if foreign != errors.Is(err, ErrNotALog) || !foreign && err != nil {
			t.Errorf("beside %s: %v; want refused: %v", name, err, foreign)
		}
		if err == nil {
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if entries, err := fsys.ReadDir("."); err != nil || len(entries) != 1 {
			t.Errorf("beside %s: %d entries afterwards, %v", name, len(entries), err)
		}
	}
}
