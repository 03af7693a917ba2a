package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"testing"
)

// everyFS runs a test of the contract on every FS there is.
func everyFS(t *testing.T, test func(t *testing.T, fsys FS)) {
	makers := map[string]func(t *testing.T) FS{
		"dir": func(t *testing.T) FS { return openDir(t, t.TempDir()) },
		"mem": func(*testing.T) FS { return NewMem() },
		"sub of dir": func(t *testing.T) FS {
			fsys := openDir(t, t.TempDir())
			check(t, fsys.MkdirAll("a/b", DirPerm))
			return Sub(Sub(fsys, "a"), "b")
		},
		"sub of mem": func(t *testing.T) FS {
			fsys := NewMem()
			check(t, fsys.MkdirAll("a/b", DirPerm))
			return Sub(fsys, "a/b")
		},
		"mem after crash": func(*testing.T) FS { return NewMem().Crash(nil) },
		"mem after kill":  func(*testing.T) FS { return NewMem().KillProcess() },
		"fail":            func(*testing.T) FS { return Fail(NewMem(), func(Op) error { return nil }) },
		"trace":           func(*testing.T) FS { return Trace(NewMem(), func(string) {}) },
	}
	for name, make := range makers {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: want %v, got %v", what, want, err)
	}
}

// open opens a file that is closed when the test ends.
func open(t testing.TB, fsys FS, name string, flag int) File {
	t.Helper()
	f, err := fsys.OpenFile(name, flag, FilePerm)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
			t.Errorf("close %s: %v", name, err)
		}
	})
	return f
}

func create(t testing.TB, fsys FS, name string) File {
	t.Helper()
	return open(t, fsys, name, os.O_RDWR|os.O_CREATE)
}

func write(t testing.TB, f File, off int64, s string) {
	t.Helper()
	n, err := f.WriteAt([]byte(s), off)
	if err != nil || n != len(s) {
		t.Fatalf("write at %d: %d bytes, %v", off, n, err)
	}
}

func put(t testing.TB, fsys FS, name, s string) {
	t.Helper()
	f := open(t, fsys, name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	write(t, f, 0, s)
	check(t, f.Close())
}

func wantFile(t testing.TB, fsys FS, name, want string) {
	t.Helper()
	got, err := ReadFile(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Fatalf("%s: want %d bytes %.60q, got %d bytes %.60q", name, len(want), want, len(got), got)
	}
}

func wantMissing(t testing.TB, fsys FS, name string) {
	t.Helper()
	if _, err := fsys.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("stat %s: want fs.ErrNotExist, got %v", name, err)
	}
}

func list(t testing.TB, fsys FS, name string) []string {
	t.Helper()
	entries, err := fsys.ReadDir(name)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() {
			name += "/"
		}
		names = append(names, name)
	}
	return names
}

func wantList(t testing.TB, fsys FS, name string, want ...string) {
	t.Helper()
	if got := list(t, fsys, name); !slices.Equal(got, want) {
		t.Fatalf("entries of %s: want %q, got %q", name, want, got)
	}
}

func TestWriteThenRead(t *testing.T) {
	everyFS(t, func(t *testing.T, fsys FS) {
		f := create(t, fsys, "f")
		write(t, f, 0, "hello")
		write(t, f, 10_000, "world") // leaves a hole
		want := append(append([]byte("hello"), make([]byte, 9_995)...), "world"...)
		wantFile(t, fsys, "f", string(want))

		b := make([]byte, 10)
		n, err := f.ReadAt(b, 10_003)
		if n != 2 || err != io.EOF || string(b[:n]) != "ld" {
			t.Errorf("read over the end: want 2 bytes and io.EOF, got %d, %v, %q", n, err, b[:n])
		}
		if n, err := f.ReadAt(b, 20_000); n != 0 || err != io.EOF {
			t.Errorf("read behind the end: want 0 bytes and io.EOF, got %d, %v", n, err)
		}
		if _, err := f.ReadAt(b, -1); err == nil || err == io.EOF {
			t.Errorf("read at -1: got %v", err)
		}
		if _, err := f.WriteAt(b, -1); err == nil {
			t.Error("write at -1: no error")
		}
		if n, err := f.WriteAt(nil, 50_000); n != 0 || err != nil {
			t.Errorf("write of nothing: got %d, %v", n, err)
		}
		wantSize(t, f, 10_005)
		check(t, f.Sync())
	})
}

func wantSize(t testing.TB, f File, want int64) {
	t.Helper()
	if got, err := f.Size(); err != nil || got != want {
		t.Fatalf("size: want %d, got %d, %v", want, got, err)
	}
}

func TestTruncateCutsAndFillsWithZeros(t *testing.T) {
	everyFS(t, func(t *testing.T, fsys FS) {
		f := create(t, fsys, "f")
		write(t, f, 0, string(bytes.Repeat([]byte("x"), 10_000)))
		check(t, f.Sync())
		for _, size := range []int64{9_000, 8_192, 3, 0, 5_000} {
			check(t, f.Truncate(size))
			wantSize(t, f, size)
		}
		wantFile(t, fsys, "f", string(make([]byte, 5_000)))
		if err := f.Truncate(-1); err == nil {
			t.Error("truncate to -1: no error")
		}
	})
}

func TestPreallocatedReadsZeros(t *testing.T) {
	everyFS(t, func(t *testing.T, fsys FS) {
		f := create(t, fsys, "f")
		write(t, f, 0, "abc")
		check(t, f.Preallocate(2))
		check(t, f.Preallocate(0))
		wantFile(t, fsys, "f", "abc")
		check(t, f.Preallocate(10_000))
		got, err := ReadFile(fsys, "f")
		check(t, err)
		if len(got) != 3 && len(got) != 10_000 { // where the system cannot reserve, nothing happens
			t.Errorf("want 3 or 10000 bytes, got %d", len(got))
		}
		if !bytes.Equal(got, append([]byte("abc"), make([]byte, len(got)-3)...)) {
			t.Error("what was preallocated is not zero")
		}
		if err := f.Preallocate(-1); err == nil {
			t.Error("preallocate -1: no error")
		}
	})
}

func TestOpenFlags(t *testing.T) {
	everyFS(t, func(t *testing.T, fsys FS) {
		_, err := fsys.OpenFile("f", os.O_RDWR, FilePerm)
		wantError(t, "open a missing file", err, fs.ErrNotExist)
		_, err = fsys.OpenFile("no/f", os.O_RDWR|os.O_CREATE, FilePerm)
		wantError(t, "create in a missing directory", err, fs.ErrNotExist)

		f := open(t, fsys, "f", os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		write(t, f, 0, "abc")
		if _, err := f.ReadAt(make([]byte, 1), 0); err == nil || err == io.EOF {
			t.Errorf("read of a file open for writing: got %v", err)
		}
		_, err = fsys.OpenFile("f", os.O_WRONLY|os.O_CREATE|os.O_EXCL, FilePerm)
		wantError(t, "create what exists", err, fs.ErrExist)
		wantFile(t, fsys, "f", "abc")

		r := open(t, fsys, "f", os.O_RDONLY|os.O_CREATE)
		if _, err := r.WriteAt([]byte("x"), 0); err == nil {
			t.Error("write to a file open for reading: no error")
		}
		if err := r.Truncate(0); err == nil {
			t.Error("truncate of a file open for reading: no error")
		}
		wantFile(t, fsys, "f", "abc")
		open(t, fsys, "f", os.O_WRONLY|os.O_TRUNC)
		wantFile(t, fsys, "f", "")

		for _, flag := range []int{os.O_APPEND, os.O_SYNC} {
			if f, err := fsys.OpenFile("f", os.O_RDWR|flag, FilePerm); err == nil {
				t.Errorf("open with flag %#x: no error, closed with %v", flag, f.Close())
			}
		}
		check(t, fsys.MkdirAll("d", DirPerm))
		for _, name := range []string{".", "d"} {
			if f, err := fsys.OpenFile(name, os.O_RDONLY, 0); err == nil {
				t.Errorf("open directory %s: no error, closed with %v", name, f.Close())
			}
		}
	})
}

func TestClosedFileRefuses(t *testing.T) {
	everyFS(t, func(t *testing.T, fsys FS) {
		f := create(t, fsys, "f")
		check(t, f.Close())
		_, err := f.ReadAt(make([]byte, 1), 0)
		wantError(t, "read", err, fs.ErrClosed)
		_, err = f.WriteAt([]byte("x"), 0)
		wantError(t, "write", err, fs.ErrClosed)
		_, err = f.Size()
		wantError(t, "size", err, fs.ErrClosed)
		wantError(t, "sync", f.Sync(), fs.ErrClosed)
		wantError(t, "truncate", f.Truncate(1), fs.ErrClosed)
		wantError(t, "close", f.Close(), fs.ErrClosed)
	})
}

func TestNamesThatLeaveTheRootAreRefused(t *testing.T) {
	everyFS(t, func(t *testing.T, fsys FS) {
		put(t, fsys, "f", "abc")
		for _, name := range []string{"..", "../f", "a/../../f", "a/..", "/f", "/", "", "a//b", "a/", "./f"} {
			_, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, FilePerm)
			wantError(t, "open "+name, err, fs.ErrInvalid)
			wantError(t, "rename to "+name, fsys.Rename("f", name), fs.ErrInvalid)
			wantError(t, "rename from "+name, fsys.Rename(name, "g"), fs.ErrInvalid)
			wantError(t, "remove "+name, fsys.Remove(name), fs.ErrInvalid)
			wantError(t, "mkdir "+name, fsys.MkdirAll(name, DirPerm), fs.ErrInvalid)
			_, err = fsys.ReadDir(name)
			wantError(t, "readdir "+name, err, fs.ErrInvalid)
			_, err = fsys.Stat(name)
			wantError(t, "stat "+name, err, fs.ErrInvalid)
			wantError(t, "syncdir "+name, fsys.SyncDir(name), fs.ErrInvalid)
			_, err = fsys.Lock(name)
			wantError(t, "lock "+name, err, fs.ErrInvalid)
		}
		wantFile(t, fsys, "f", "abc")
		wantList(t, fsys, ".", "f")
	})
}

func TestDirectories(t *testing.T) {
	everyFS(t, func(t *testing.T, fsys FS) {
		check(t, fsys.MkdirAll("b/c/d", DirPerm))
		check(t, fsys.MkdirAll("b/c", DirPerm))
		check(t, fsys.MkdirAll(".", DirPerm))
		for _, name := range []string{"b/z", "b/a", "b/m", "a"} {
			put(t, fsys, name, name)
		}
		wantList(t, fsys, ".", "a", "b/")
		wantList(t, fsys, "b", "a", "c/", "m", "z")
		wantList(t, fsys, "b/c/d")

		info, err := fsys.Stat("b/m")
		check(t, err)
		if info.Name() != "m" || info.Size() != 3 || info.IsDir() || !info.Mode().IsRegular() {
			t.Errorf("stat b/m: got %s, %d bytes, %v", info.Name(), info.Size(), info.Mode())
		}
		info, err = fsys.Stat("b")
		check(t, err)
		if info.Name() != "b" || !info.IsDir() {
			t.Errorf("stat b: got %s, %v", info.Name(), info.Mode())
		}
		for _, name := range []string{".", "b", "b/c/d"} {
			check(t, fsys.SyncDir(name))
		}

		_, err = fsys.ReadDir("no")
		wantError(t, "readdir", err, fs.ErrNotExist)
		_, err = fsys.Stat("b/no")
		wantError(t, "stat", err, fs.ErrNotExist)
		wantError(t, "syncdir", fsys.SyncDir("no"), fs.ErrNotExist)
		wantError(t, "remove", fsys.Remove("no"), fs.ErrNotExist)
		wantError(t, "rename", fsys.Rename("no", "a"), fs.ErrNotExist)
		wantError(t, "rename into", fsys.Rename("a", "no/a"), fs.ErrNotExist)
		_, err = fsys.Lock("no/LOCK")
		wantError(t, "lock", err, fs.ErrNotExist)
		for what, err := range map[string]error{
			"remove a directory that is not empty": fsys.Remove("b"),
			"remove the root":                      fsys.Remove("."),
			"rename the root":                      fsys.Rename(".", "x"),
			"rename over a directory":              fsys.Rename("a", "b"),
			"rename a directory over a file":       fsys.Rename("b", "a"),
			"rename a directory into itself":       fsys.Rename("b", "b/x"),
			"make a directory where a file is":     fsys.MkdirAll("a", DirPerm),
			"make a directory below a file":        fsys.MkdirAll("a/x", DirPerm),
			"sync a file as a directory":           fsys.SyncDir("a"),
		} {
			if err == nil {
				t.Errorf("%s: no error", what)
			}
		}
		check(t, fsys.Remove("b/c/d"))
		wantList(t, fsys, "b", "a", "c/", "m", "z")
		wantList(t, fsys, "b/c")
	})
}

func TestRenameReplaces(t *testing.T) {
	everyFS(t, func(t *testing.T, fsys FS) {
		check(t, fsys.MkdirAll("d/e", DirPerm))
		put(t, fsys, "a", "one")
		put(t, fsys, "d/b", "two")
		check(t, fsys.Rename("a", "d/b"))
		wantFile(t, fsys, "d/b", "one")
		wantMissing(t, fsys, "a")
		check(t, fsys.Rename("d/b", "d/b"))
		check(t, fsys.Rename("d", "x"))
		wantFile(t, fsys, "x/b", "one")
		wantList(t, fsys, ".", "x/")
	})
}

func TestOpenFileOutlivesItsName(t *testing.T) {
	everyFS(t, func(t *testing.T, fsys FS) {
		f := create(t, fsys, "f")
		write(t, f, 0, "abc")
		if err := fsys.Remove("f"); err != nil {
			t.Skip("this system keeps open files:", err)
		}
		b := make([]byte, 3)
		_, err := f.ReadAt(b, 0)
		check(t, err)
		if string(b) != "abc" {
			t.Errorf("want abc, got %q", b)
		}
		put(t, fsys, "f", "new")
		write(t, f, 0, "old")
		wantFile(t, fsys, "f", "new")
	})
}

func TestRemoveAll(t *testing.T) {
	everyFS(t, func(t *testing.T, fsys FS) {
		check(t, RemoveAll(fsys, "no"))
		check(t, RemoveAll(fsys, "no/no"))
		wantError(t, "remove ..", RemoveAll(fsys, ".."), fs.ErrInvalid)
		check(t, fsys.MkdirAll("a/b/c", DirPerm))
		put(t, fsys, "a/b/f", "x")
		put(t, fsys, "g", "x")
		check(t, RemoveAll(fsys, "a"))
		wantList(t, fsys, ".", "g")
		check(t, fsys.MkdirAll("a/b", DirPerm))
		check(t, RemoveAll(fsys, "."))
		wantList(t, fsys, ".")
	})
}

func TestWriteFileAtomicReplaces(t *testing.T) {
	everyFS(t, func(t *testing.T, fsys FS) {
		check(t, fsys.MkdirAll("d", DirPerm))
		put(t, fsys, "d/f.tmp", "left by a crash, and longer")
		check(t, WriteFileAtomic(fsys, "d/f", []byte("one")))
		check(t, WriteFileAtomic(fsys, "d/f", []byte("two")))
		wantFile(t, fsys, "d/f", "two")
		wantList(t, fsys, "d", "f")
		if err := WriteFileAtomic(fsys, "no/f", nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("want fs.ErrNotExist, got %v", err)
		}
	})
}

func TestLockIsHeldOnce(t *testing.T) {
	everyFS(t, func(t *testing.T, fsys FS) {
		lock, err := fsys.Lock("LOCK")
		check(t, err)
		wantFile(t, fsys, "LOCK", fmt.Sprintf("%d\n", os.Getpid()))
		for _, name := range []string{"LOCK", "OTHER"} { // one lock a directory
			_, err = fsys.Lock(name)
			var locked *LockedError
			if !errors.As(err, &locked) || !errors.Is(err, ErrLocked) || locked.PID != os.Getpid() {
				t.Fatalf("want a LockedError of this process, got %v", err)
			}
		}
		check(t, fsys.MkdirAll("d", DirPerm))
		other, err := fsys.Lock("d/LOCK")
		check(t, err)
		check(t, lock.Close())
		check(t, lock.Close()) // twice is once
		lock, err = fsys.Lock("LOCK")
		check(t, err)
		check(t, lock.Close())
		check(t, other.Close())
	})
}

func TestManyAtOnce(t *testing.T) {
	everyFS(t, func(t *testing.T, fsys FS) {
		const writers, chunk = 4, 1000
		f := create(t, fsys, "f")
		errs := make(chan error)
		for w := range writers {
			go func() {
				b := bytes.Repeat([]byte{byte('a' + w)}, chunk)
				_, err := f.WriteAt(b, int64(w*chunk))
				errs <- errors.Join(err, f.Sync(), WriteFileAtomic(fsys, fmt.Sprint("g", w), b))
			}()
		}
		for range writers {
			check(t, <-errs)
		}
		var want []byte
		for w := range writers {
			want = append(want, bytes.Repeat([]byte{byte('a' + w)}, chunk)...)
		}
		wantFile(t, fsys, "f", string(want))
		wantList(t, fsys, ".", "f", "g0", "g1", "g2", "g3")
	})
}
