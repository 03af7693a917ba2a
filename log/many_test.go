package log

import (
	"io/fs"
	"sync/atomic"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// A countingFS counts files that are open.
type countingFS struct {
	vfs.FS
	open, most atomic.Int64
}

type countedFile struct {
	vfs.File
	fs *countingFS
}

func (c *countingFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := c.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	if n := c.open.Add(1); n > c.most.Load() {
		c.most.Store(n) // a bound is tested by one goroutine at a time
	}
	return &countedFile{f, c}, nil
}

func (f *countedFile) Close() error {
	f.fs.open.Add(-1)
	return f.File.Close()
}

// TestManyPartitionsTakeFewFiles writes to, opens and reads partitions that are
// many more than files may be open.
func TestManyPartitionsTakeFewFiles(t *testing.T) {
	const partitions, openFiles, others = 2000, 64, 8 // others: journal, checkpoint
	fsys := &countingFS{FS: vfs.NewMem()}
	cfg := Config{OpenFiles: openFiles, stepped: true}
	b, err := OpenFS(fsys, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.CreateTopic("t", TopicConfig{Partitions: partitions}); err != nil {
		t.Fatal(err)
	}
	c := b.NewCommitBuilder()
	for p := range int32(partitions) {
		if err := c.Append("t", p, &Record{Value: []byte{byte(p)}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Commit(c.Build()); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if got := fsys.open.Load(); got != 0 {
		t.Fatalf("%d files stay open", got)
	}
	b = open(t, fsys, cfg)
	if got := fsys.open.Load(); got > others {
		t.Errorf("%d files are open before anything was read, want at most %d", got, others)
	}
	consumer := b.NewConsumer()
	for p := range int32(partitions) {
		if err := consumer.Assign(TopicPartition{"t", p}, 0); err != nil {
			t.Fatal(err)
		}
	}
	read := 0
	for read < partitions {
		fetches, err := consumer.Fetch(1 << 20)
		if err != nil || len(fetches) == 0 {
			t.Fatalf("%d fetches, %v, after %d records", len(fetches), err, read)
		}
		read += len(fetches)
	}
	if got := fsys.most.Load(); got > openFiles+others {
		t.Errorf("%d files were open at a time, want at most %d", got, openFiles+others)
	}
}
