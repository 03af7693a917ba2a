package vfs

import (
	"errors"
	"runtime/debug"
)

// A Mapper is a [File] parts of which can be mapped into memory. A file that
// wraps another may pass it on.
type Mapper interface {
	// Map returns n bytes of the file from off, which is a multiple of
	// [WindowBytes]. What is written there is in the file at once. unmap ends it.
	// It returns errors.ErrUnsupported where it cannot be done.
	Map(off int64, n int) (b []byte, unmap func() error, err error)
}

// Map maps a part of f, which need not be a [Mapper]: for files that wrap others.
func Map(f File, off int64, n int) (b []byte, unmap func() error, err error) {
	m, ok := f.(Mapper)
	if !ok {
		return nil, nil, errors.ErrUnsupported
	}
	return m.Map(off, n)
}

// WindowBytes is how much of the file a [Window] keeps mapped.
const WindowBytes = 4 << 20

// A Window writes small pieces of a file, one behind the other, through memory
// instead of by a system call each, which costs several times as much. What it
// has written is read back at once through the file, survives the death of the
// process and is durable after the file's Sync, as with WriteAt. But of a piece
// during which the process dies any bytes may be there, not only the first.
//
// One goroutine at a time may use it.
type Window struct {
	file  File
	size  int64 // of the file: beyond it memory means nothing
	mem   []byte
	off   int64 // of mem
	unmap func() error
}

// NewWindow returns a Window on what has been preallocated of f, or nil where f
// cannot be mapped. The size of f must not shrink below what is written.
func NewWindow(f File) (*Window, error) {
	size, err := f.Size()
	if err != nil || size == 0 {
		return nil, err
	}
	w := &Window{file: f, size: size}
	if !w.move(0) {
		return nil, nil
	}
	return w, nil
}

// Write writes b at off, all or nothing as far as the caller can tell. It
// reports false where it cannot: then WriteAt of the file can, or says why not.
// A nil Window writes nothing.
func (w *Window) Write(b []byte, off int64) bool {
	if w == nil {
		return false
	}
	at := off - w.off
	if at < 0 || at+int64(len(b)) > int64(len(w.mem)) {
		if len(b) > WindowBytes/2 || off < 0 || !w.move(off) {
			return false
		}
		if at = off - w.off; at+int64(len(b)) > int64(len(w.mem)) {
			return false
		}
	}
	return store(w.mem[at:], b)
}

// move maps the part of the file that off is in.
func (w *Window) move(off int64) bool {
	start := off - off%WindowBytes
	n := min(WindowBytes, w.size-start)
	if n <= 0 || w.unmap != nil && start == w.off || w.Close() != nil {
		return false
	}
	mem, unmap, err := Map(w.file, start, int(n))
	if err != nil {
		// Not an error: it costs time only, and what is wrong with the file shows
		// when it is written to.
		return false
	}
	w.mem, w.off, w.unmap = mem, start, unmap
	return true
}

// store copies b to mem. Memory that the system has no page for, since the disk
// is full or broken or somebody has cut the file, is a fault that would end the
// process.
func store(mem, b []byte) (ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { ok = recover() == nil }()
	copy(mem, b)
	return true
}

// Close lets go of the memory, not of the file.
func (w *Window) Close() error {
	if w == nil || w.unmap == nil {
		return nil
	}
	unmap := w.unmap
	w.mem, w.unmap = nil, nil
	return unmap()
}
