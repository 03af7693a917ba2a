package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// A countingFS counts the files that are open.
type countingFS struct {
	vfs.FS
	open, most atomic.Int64
}

type countedFile struct {
	vfs.File
	fs     *countingFS
	closed atomic.Bool
}

func (c *countingFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := c.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	n := c.open.Add(1)
	for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); most = c.most.Load() {
	}
	return &countedFile{File: f, fs: c}, nil
}

func (f *countedFile) Close() error {
	if !f.closed.Swap(true) {
		f.fs.open.Add(-1)
	}
	return f.File.Close()
}

// TestOpenFilesHaveABound makes, opens and reads many segments.
func TestOpenFilesHaveABound(t *testing.T) {
	const most = 16
	t.Run("memory", func(t *testing.T) { manySegments(t, vfs.NewMem(), 10_000, most, true) })
	t.Run("directory", func(t *testing.T) {
		fsys, err := vfs.Dir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		manySegments(t, fsys, 2000, most, false)
	})
}

// manySegments makes segments with indexes, through Files of that size if all
// are to be synced too.
func manySegments(t *testing.T, below vfs.FS, n, most int, synced bool) {
	const seed = 11
	rng := rand.New(rand.NewPCG(seed, seed))
	fsys := &countingFS{FS: below}
	m := &model{t: t, spans: timedSpans(rng, 0, 12, 1000)}
	files := NewFiles(most)
	metas := make([]Meta, n)
	segments := make([]*Segment, n)
	for i := range metas {
		var err error
		if segments[i], err = Create(files, fsys, 0, uint32(i)); err != nil {
			t.Fatal(err)
		}
		if !synced { // made at once, since a disk takes its time
			if err := segments[i].Close(); err != nil {
				t.Fatal(err)
			}
			var b []byte
			for _, sp := range m.spans {
				b = append(b, sp.Bytes...)
			}
			writeFile(t, fsys, LogName(0, uint32(i)), b)
			metas[i] = meta(0, m.size(), m.spans[len(m.spans)-1].Last+1)
			metas[i].Generation = uint32(i)
			continue
		}
		if err := segments[i].Append(m.spans, nil); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range segments {
		if !synced {
			break
		}
		if err := s.Sync(); err != nil {
			t.Fatal(err)
		}
		metas[i] = s.Meta()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range segments {
		var err error
		if segments[i], err = Open(files, fsys, metas[i]); err != nil {
			t.Fatal(err)
		}
	}
	if got := fsys.open.Load(); got != 0 {
		t.Fatalf("%d files open before anything was read", got)
	}
	for i, s := range segments {
		m.what = fmt.Sprintf("segment %d", i)
		last := m.spans[rng.IntN(len(m.spans))].Last
		if _, err := s.Position(last); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.FindTimestamp(rng.Int64N(1_700_000_000_010)); err != nil {
			t.Fatal(err)
		}
		if i%50 == 0 {
			m.readAll(s)
			m.check(s)
		}
	}
	if got := fsys.most.Load(); got > int64(most) {
		t.Errorf("%d files were open at a time, want at most %d", got, most)
	}
	if got, want := fsys.open.Load(), int64(files.Open()); got != want || got == 0 {
		t.Errorf("%d files are open, %d counted", got, want)
	}
	for _, s := range segments {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if fsys.open.Load() != 0 || files.Open() != 0 {
		t.Errorf("%d files stay open, %d counted", fsys.open.Load(), files.Open())
	}
}

// writeFile writes a file, not durably.
func writeFile(t testing.TB, fsys vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fsys.OpenFile(name, 2, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestReadersAppenderSyncAndEviction runs all at once in too little room.
func TestReadersAppenderSyncAndEviction(t *testing.T) {
	const seed = 12
	const segments, readers = 6, 4
	rng := rand.New(rand.NewPCG(seed, seed))
	fsys := &countingFS{FS: vfs.NewMem()}
	files := NewFiles(0)
	m := &model{t: t, what: fmt.Sprint("seed ", seed), spans: timedSpans(rng, 0, 200, 800)}
	all := make([]*Segment, segments)
	for i := range all {
		var err error
		if all[i], err = Create(files, fsys, 0, uint32(i)); err != nil {
			t.Fatal(err)
		}
	}
	var done atomic.Bool
	var writing, reading sync.WaitGroup
	for _, s := range all {
		writing.Add(1)
		go func() {
			defer writing.Done()
			for i := range m.spans {
				if err := s.Append(m.spans[i:i+1], nil); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	for i := range readers + 1 {
		reading.Add(1)
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		go func() {
			defer reading.Done()
			for !done.Load() {
				s := all[rng.IntN(segments)]
				var err error
				if i == readers {
					err = s.Sync()
				} else {
					err = lookAround(s, rng)
				}
				if err != nil {
					t.Error(err)
					return
				}
				runtime.Gosched()
			}
		}()
	}
	writing.Wait()
	done.Store(true)
	reading.Wait()
	if limit := int64(minFiles + segments + readers + 1); fsys.most.Load() > limit {
		t.Errorf("%d files open at a time, want at most %d", fsys.most.Load(), limit)
	}
	for _, s := range all {
		if err := s.Sync(); err != nil {
			t.Fatal(err)
		}
		m.readAll(s)
		m.check(s)
		m.check(reopened(t, fsys, s))
	}
}

// lookAround reads somewhere in what a segment has by now.
func lookAround(s *Segment, rng *rand.Rand) error {
	meta := s.Meta()
	if meta.SizeBytes == 0 {
		return nil
	}
	offset := rng.Int64N(meta.End)
	pos, err := s.Position(offset)
	if err != nil {
		return err
	}
	b, err := s.ReadAt(pos, rng.IntN(5000), nil)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return fmt.Errorf("offset %d of %d was not found", offset, meta.End)
	}
	at, found, err := s.FindTimestamp(meta.MaxTimestampMillis)
	if err == nil && (!found || at >= meta.SizeBytes) {
		err = fmt.Errorf("timestamp %d was found at %d, %v, of %+v", meta.MaxTimestampMillis, at, found, meta)
	}
	return err
}

// A gateFS holds reads of .log files until it is opened.
type gateFS struct {
	vfs.FS
	reading chan struct{}
	open    chan struct{}
}

type gateFile struct {
	vfs.File
	fs *gateFS
}

func (g *gateFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := g.FS.OpenFile(name, flag, perm)
	if err != nil || name != LogName(0, 0) {
		return f, err
	}
	return gateFile{f, g}, nil
}

func (f gateFile) ReadAt(b []byte, pos int64) (int, error) {
	f.fs.reading <- struct{}{}
	<-f.fs.open
	return f.File.ReadAt(b, pos)
}

// TestReaderOutlivesRemove: whoever reads when a segment is removed or closed
// reads to the end; whoever comes later is told.
func TestReaderOutlivesRemove(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*Segment) error
		want error
	}{{"remove", (*Segment).Remove, fs.ErrNotExist}, {"close", (*Segment).Close, fs.ErrClosed}} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(13, 13))
			counting := &countingFS{FS: vfs.NewMem()}
			gate := &gateFS{counting, make(chan struct{}), make(chan struct{})}
			ss := spans(rng, 0, 1)
			files := NewFiles(0)
			s, err := Create(files, gate, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Append(ss, nil); err != nil {
				t.Fatal(err)
			}
			type result struct {
				b   []byte
				err error
			}
			read := make(chan result)
			go func() {
				b, err := s.ReadAt(0, 1<<20, nil)
				read <- result{b, err}
			}()
			<-gate.reading
			if err := c.end(s); err != nil {
				t.Fatal(err)
			}
			if got := counting.open.Load(); got != 1 {
				t.Fatalf("%d files open, want that of the reader", got)
			}
			close(gate.open)
			if r := <-read; r.err != nil || string(r.b) != string(ss[0].Bytes) {
				t.Fatalf("read %d bytes, %v", len(r.b), r.err)
			}
			if counting.open.Load() != 0 || files.Open() != 0 {
				t.Fatalf("%d files stay open, %d counted", counting.open.Load(), files.Open())
			}
			if _, err := s.ReadAt(0, 1, nil); !errors.Is(err, c.want) {
				t.Errorf("reading later: %v, want %v", err, c.want)
			}
			if _, err := s.Position(0); !errors.Is(err, c.want) {
				t.Errorf("looking up later: %v, want %v", err, c.want)
			}
			if err := s.Append(ss, nil); !errors.Is(err, c.want) {
				t.Errorf("appending later: %v, want %v", err, c.want)
			}
			if err := s.Sync(); !errors.Is(err, c.want) {
				t.Errorf("syncing later: %v, want %v", err, c.want)
			}
		})
	}
}

// TestFileInUseIsNotEvicted opens many files while one is read.
func TestFileInUseIsNotEvicted(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 15))
	gate := &gateFS{vfs.NewMem(), make(chan struct{}), make(chan struct{})}
	files := NewFiles(0)
	ss := spans(rng, 0, 1)
	all := make([]*Segment, 3*minFiles)
	for i := range all {
		var err error
		if all[i], err = Create(files, gate, 0, uint32(i)); err != nil {
			t.Fatal(err)
		}
		if err := all[i].Append(ss, nil); err != nil {
			t.Fatal(err)
		}
		if err := all[i].Sync(); err != nil {
			t.Fatal(err)
		}
	}
	read := make(chan error)
	go func() {
		_, err := all[0].ReadAt(0, 1<<20, nil)
		read <- err
	}()
	<-gate.reading
	for _, s := range all[1:] {
		if _, err := s.ReadAt(0, 1, nil); err != nil {
			t.Fatal(err)
		}
	}
	if files.Open() > minFiles {
		t.Errorf("%d files open, want at most %d", files.Open(), minFiles)
	}
	close(gate.open)
	if err := <-read; err != nil {
		t.Fatal(err)
	}
}

// TestLostWriteIsToldToItsOwner: a file is synced early when others need the
// room, and an error of that reaches its own Sync, each time.
func TestLostWriteIsToldToItsOwner(t *testing.T) {
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		rng := rand.New(rand.NewPCG(14, 14))
		lost := 0
		fsys := vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
			if op.Kind == vfs.OpSync && op.Name == LogName(0, 0) && lost == 0 {
				lost++
				return &vfs.LostSync{Err: cause}
			}
			return nil
		})
		files := NewFiles(0)
		ss := spans(rng, 0, 2)
		var all []*Segment
		for i := range 2 * minFiles {
			s, err := Create(files, fsys, 0, uint32(i))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Append(ss[:1], nil); err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		if lost != 1 {
			t.Fatal("no file was synced early")
		}
		for range 2 {
			err := all[0].Sync()
			if err == nil {
				t.Fatal("the lost write was told to nobody")
			}
			if vfs.IsNoSpace(err) {
				t.Fatalf("%v looks as if the next Sync could succeed", err)
			}
		}
		if err := all[0].Append(ss[1:], nil); err == nil {
			t.Fatal("appended behind a lost write")
		}
		for _, s := range all[1:] {
			if err := s.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
