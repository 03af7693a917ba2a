package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func TestDirCreatesItsRoot(t *testing.T) {
	base := t.TempDir()
	path := filepath.Join(base, "a", "b")
	if _, err := Existing(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("existing: want fs.ErrNotExist, got %v", err)
	}
	put(t, openDir(t, path), "f", "abc")
	for _, dir := range []string{filepath.Dir(path), path} {
		info, err := os.Stat(dir)
		check(t, err)
		if runtime.GOOS != "windows" && info.Mode().Perm() != DirPerm {
			t.Errorf("%s: want %v, got %v", dir, DirPerm, info.Mode().Perm())
		}
	}
	fsys, err := Existing(path)
	check(t, err)
	wantFile(t, fsys, "f", "abc")
	for _, file := range []string{filepath.Join(path, "f"), filepath.Join(path, "f", "g")} {
		if _, err := Dir(file); err == nil {
			t.Errorf("directory where a file is, %s: no error", file)
		}
	}
}

func TestSymbolicLinkDoesNotLeaveTheRoot(t *testing.T) {
	outside, path := t.TempDir(), t.TempDir()
	put(t, openDir(t, outside), "f", "abc")
	if err := os.Symlink(outside, filepath.Join(path, "link")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	fsys := openDir(t, path)
	if b, err := ReadFile(fsys, "link/f"); err == nil {
		t.Errorf("read through a link that leaves the root: got %q", b)
	}
	if err := WriteFileAtomic(fsys, "link/f", []byte("x")); err == nil {
		t.Error("write through a link that leaves the root: no error")
	}
	check(t, RemoveAll(fsys, "link")) // the link, not what it leads to
	wantList(t, fsys, ".")
	wantList(t, openDir(t, outside), ".", "f")
}

// Whatever fails, the name holds one of the two contents, and a disk that is
// full is not filled up with what is left of the attempts.
func TestWriteFileAtomicFails(t *testing.T) {
	const old, new = "old", "new and longer"
	for _, kind := range []OpKind{OpCreate, OpWrite, OpSync, OpClose, OpRename, OpSyncDir} {
		m := NewMem()
		check(t, WriteFileAtomic(m, "f", []byte(old)))
		fsys := Fail(m, func(op Op) error {
			switch op.Kind {
			case kind:
				return &ShortWrite{Bytes: 2, Err: syscall.ENOSPC}
			default:
				return nil
			}
		})
		if err := WriteFileAtomic(fsys, "f", []byte(new)); !IsNoSpace(err) {
			t.Errorf("%s fails: want ENOSPC, got %v", kind, err)
		}
		want := old
		if kind == OpSyncDir {
			want = new // but not durably
		}
		wantFile(t, m, "f", want)
		wantList(t, m, ".", "f")
	}
}

func TestDirWithoutANameIsRefused(t *testing.T) {
	if _, err := Dir(""); err == nil || !strings.Contains(err.Error(), "name is empty") {
		t.Errorf("got %v, want that the name is empty", err)
	}
}
