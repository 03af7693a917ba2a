package log

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// ownerMain is a program that opens a log and keeps it until its input ends. It
// says "owner", or that the log was locked.
func ownerMain(dir string) error {
	if err := say("ready"); err != nil {
		return err
	}
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	b, err := Open(dir, Config{})
	if errors.Is(err, ErrLocked) {
		return say("locked")
	}
	if err != nil {
		return err
	}
	if err := say("owner"); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, b.Close())
}

// A contender is an ownerMain.
type contender struct {
	stdin  io.WriteCloser
	stdout *bufio.Reader
	kill   func() error
	wait   func() error
}

func contend(t *testing.T, dir string) *contender {
	t.Helper()
	cmd := child("owner", dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	c := &contender{in, bufio.NewReader(out), cmd.Process.Kill, cmd.Wait}
	c.hear(t, "ready")
	return c
}

// hear returns what the program says, which must be one of these.
func (c *contender) hear(t *testing.T, want ...string) string {
	t.Helper()
	line, err := c.stdout.ReadString('\n')
	for _, w := range want {
		if line == w+"\n" {
			return w
		}
	}
	t.Fatalf("want one of %q, got %q, %v", want, line, err)
	return ""
}

// TestOneOwner lets pairs of processes race for a directory, FRESHET_KILLS of
// them: one gets it, and the other hears that it is locked, also where somebody
// has deleted the lock file meanwhile. A killed owner leaves it free at once.
func TestOneOwner(t *testing.T) {
	rng := rand.New(rand.NewPCG(testSeed(t), 0))
	dir := t.TempDir()
	races := testCount(t, "FRESHET_KILLS", 20)
	var slowest time.Duration
	for race := range races {
		both := [2]*contender{contend(t, dir), contend(t, dir)}
		began := time.Now()
		for _, c := range both {
			if _, err := io.WriteString(c.stdin, "go\n"); err != nil {
				t.Fatal(err)
			}
		}
		var said [2]string
		for i, c := range both {
			said[i] = c.hear(t, "owner", "locked")
		}
		slowest = max(slowest, time.Since(began))
		if said[0] == said[1] {
			t.Fatalf("race %d: both say %s", race, said[0])
		}
		owner, loser := both[0], both[1]
		if said[1] == "owner" {
			owner, loser = loser, owner
		}
		if rng.IntN(2) == 0 {
			if err := os.Remove(filepath.Join(dir, lockName)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(dir, Config{}); !errors.Is(err, ErrLocked) {
			t.Fatalf("race %d: beside its owner: %v, want ErrLocked", race, err)
		}
		if err := loser.wait(); err != nil {
			t.Fatal(err)
		}
		if err := owner.leave(rng.IntN(2) == 0); err != nil {
			t.Fatal(err)
		}
		if rng.IntN(4) == 0 {
			b, err := Open(dir, Config{})
			if err != nil {
				t.Fatalf("race %d: after its owner: %v", race, err)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d races, the slowest took %v", races, slowest)
}

// leave ends an owner, by closing the log or by a kill.
func (c *contender) leave(killed bool) error {
	if !killed {
		return errors.Join(c.stdin.Close(), c.wait())
	}
	if err := c.kill(); err != nil {
		return err
	}
	if err := c.wait(); err == nil {
		return fmt.Errorf("the owner ended well, want it killed")
	}
	return nil
}

// TestLinksLeadNowhere puts symbolic links in the place of what the log has in
// its directory: nothing outside is read or written.
func TestLinksLeadNowhere(t *testing.T) {
	for _, name := range []string{journalDir, topicsDir, checkpointName, lockName} {
		outside, dir := t.TempDir(), t.TempDir()
		target := filepath.Join(outside, "target")
		if name == journalDir || name == topicsDir {
			if err := os.Mkdir(target, 0o700); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(target, []byte("somebody's"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
		b, err := Open(dir, Config{})
		if err == nil {
			t.Errorf("%s is a link out of the directory, and was followed", name)
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}
		entries, err := os.ReadDir(outside)
		if err != nil || len(entries) != 1 {
			t.Errorf("%s: outside are %v, %v", name, entries, err)
		}
		if name == journalDir || name == topicsDir {
			if inside, err := os.ReadDir(target); err != nil || len(inside) > 0 {
				t.Errorf("%s: written outside: %v, %v", name, inside, err)
			}
		} else if b, err := os.ReadFile(target); err != nil || string(b) != "somebody's" {
			t.Errorf("%s: outside is %q now, %v", name, b, err)
		}
	}
}

// TestNetworkFileSystemIsRefused, unless it was asked for.
func TestNetworkFileSystemIsRefused(t *testing.T) {
	cfg := Config{networkFS: func(string) (string, error) { return "nfs", nil }}
	dir := t.TempDir()
	if _, err := Open(dir, cfg); !errors.Is(err, ErrNetworkFS) {
		t.Fatalf("%v, want ErrNetworkFS", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("written all the same: %v, %v", entries, err)
	}
	cfg.AllowNetworkFS = true
	b, err := Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// FuzzTopicName makes topics of any name: it is refused, or is there again after
// a restart; no name is a path.
func FuzzTopicName(f *testing.F) {
	for _, name := range []string{"orders", "..", "a/b", "../../x", "a\x00b", "CON", "con.txt", "C:x", "\u202e", "LOCK", "é", "."} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		dir := filepath.Join(t.TempDir(), "log")
		b, err := Open(dir, Config{JournalBytes: 4 << 10, Durability: OS})
		if err != nil {
			t.Fatal(err)
		}
		d, made := b.CreateTopic(name, TopicConfig{})
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if (made == nil) != (CheckTopicName(name) == nil) {
			t.Fatalf("%q: %v", name, made)
		}
		if beside, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(beside) != 1 {
			t.Fatalf("%q: beside the log: %v, %v", name, beside, err)
		}
		if b, err = Open(dir, Config{Durability: OS}); err != nil {
			t.Fatal(err)
		}
		if again, err := b.Topic(name); (err == nil) != (made == nil) || err == nil && again.ID != d.ID {
			t.Fatalf("%q: %v after a restart, was %v", name, err, made)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
