package vfs

import (
	"bytes"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
)

// openWindow returns a window on a new preallocated file, and the file.
func openWindow(t *testing.T, size int64) (*Window, File) {
	t.Helper()
	fsys, err := Dir(t.TempDir())
	check(t, err)
	f, err := fsys.OpenFile("a", os.O_RDWR|os.O_CREATE, FilePerm)
	check(t, err)
	t.Cleanup(func() { check(t, f.Close()) })
	check(t, f.Preallocate(size))
	w, err := NewWindow(f)
	check(t, err)
	if w == nil {
		if runtime.GOOS == "linux" {
			t.Fatal("no window on a preallocated file")
		}
		t.Skip("this system maps no files")
	}
	t.Cleanup(func() { check(t, w.Close()) })
	return w, f
}

// Through a window and beside it, what is written is read back.
func TestWindow(t *testing.T) {
	const size = 2*WindowBytes + 5000
	w, f := openWindow(t, size)
	r := rand.New(rand.NewPCG(1, 2))
	want := make([]byte, size)
	through := 0
	for off := int64(0); off < size; {
		piece := make([]byte, min(1+r.Int64N(40_000), size-off))
		for i := range piece {
			piece[i] = byte(r.Uint32())
		}
		if w.Write(piece, off) {
			through++
		} else if _, err := f.WriteAt(piece, off); err != nil {
			t.Fatal(err)
		}
		off += int64(copy(want[off:], piece))
	}
	if through < 100 {
		t.Errorf("%d pieces went through memory, want most of some 400", through)
	}
	check(t, f.Sync())
	got := make([]byte, size)
	if _, err := f.ReadAt(got, 0); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the file does not hold what was written")
	}
	if n, err := f.Size(); n != size || err != nil {
		t.Errorf("size %d, %v, want %d", n, err, size)
	}
}

// What a window cannot write it leaves to the file.
func TestWindowLeavesAlone(t *testing.T) {
	w, f := openWindow(t, 100)
	for _, off := range []int64{-1, 95, 100, WindowBytes, 1 << 40} {
		if w.Write([]byte("0123456789"), off) {
			t.Errorf("wrote 10 bytes at %d of 100", off)
		}
	}
	if !w.Write([]byte("0123456789"), 90) {
		t.Error("did not write the last 10 bytes")
	}
	check(t, w.Close())
	check(t, w.Close())
	if n, err := f.Size(); n != 100 || err != nil {
		t.Errorf("size %d, %v, want 100", n, err)
	}
	var none *Window
	if none.Write([]byte("a"), 0) || none.Close() != nil {
		t.Error("a nil window wrote, or did not close")
	}
	m, err := NewMem().OpenFile("a", os.O_RDWR|os.O_CREATE, FilePerm)
	check(t, err)
	if w, err := NewWindow(m); w != nil || err != nil {
		t.Errorf("window on a file in memory: %v, %v", w, err)
	}
}

// Memory that has lost its page is no end of the process.
func TestWindowOfCutFile(t *testing.T) {
	w, f := openWindow(t, 1<<20)
	if !w.Write([]byte("abc"), 1<<19) {
		t.Fatal("did not write")
	}
	check(t, f.Truncate(10))
	if w.Write([]byte("abc"), 1<<19) {
		t.Error("wrote where the file has no page")
	}
	check(t, f.Preallocate(1<<20))
	if !w.Write([]byte("abc"), 1<<19) {
		t.Error("did not write when the file was long again")
	}
	b := make([]byte, 3)
	if _, err := f.ReadAt(b, 1<<19); err != nil || string(b) != "abc" {
		t.Errorf("read %q, %v", b, err)
	}
}

func BenchmarkWindow(b *testing.B) {
	const size = 64 << 20
	piece := make([]byte, 248)
	fsys, err := Dir(b.TempDir())
	check(b, err)
	for _, through := range []bool{false, true} {
		b.Run(map[bool]string{false: "WriteAt", true: "Window"}[through], func(b *testing.B) {
			f, err := fsys.OpenFile("a", os.O_RDWR|os.O_CREATE|os.O_TRUNC, FilePerm)
			check(b, err)
			check(b, f.Preallocate(size))
			w, err := NewWindow(f)
			check(b, err)
			if through && w == nil {
				b.Skip("this system maps no files")
			}
			b.SetBytes(int64(len(piece)))
			for i := 0; b.Loop(); i++ {
				off := int64(i) * int64(len(piece)) % (size - 4096)
				if through && w.Write(piece, off) {
					continue
				}
				if _, err := f.WriteAt(piece, off); err != nil {
					b.Fatal(err)
				}
			}
			check(b, w.Close())
			check(b, f.Close())
		})
	}
}
