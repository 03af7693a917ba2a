package files

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshet/freshet/log"
)

// Files to a topic on the disk, without waiting for it: what the Source and the
// log cost.
func BenchmarkReadFiles(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(dir, "text")
	line := "a line of a text, about as long as one of a program\n"
	const lines = 200_000
	write(b, path, strings.Repeat(line, lines))
	broker, err := log.Open(filepath.Join(dir, "log"), log.Config{Durability: log.OS})
	if err != nil {
		b.Fatal(err)
	}
	defer broker.Close()
	b.SetBytes(int64(lines * len(line)))
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		s, err := New(broker, fmt.Sprintf("lines-%d", n), Config{Partitions: 4})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.ReadFiles(b.Context(), []string{path}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(lines*b.N)/b.Elapsed().Seconds(), "lines/s")
}
