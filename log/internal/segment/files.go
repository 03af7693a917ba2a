package segment

import (
	"sync"

	"github.com/freshet/freshet/internal/vfs"
)

// minFiles is the least that Files holds: those of two segments in use.
const minFiles = 6

// Files bounds how many files all segments of a log hold open at a time. A file
// is opened when it is needed and closed when others need the room and nobody
// uses it; the one that was used longest ago goes first. Files in use are not
// closed, so there may be as many more as there are operations under way.
//
// A file with writes that were not synced stays open until they are: were it
// closed, an error of writing it back might be told to nobody. Such files may
// take half the room. Whoever begins to write one more syncs the oldest of them.
//
// Any goroutine may call it.
type Files struct {
	max int
	mu  struct {
		sync.Mutex
		open         int // files that are open, or about to be
		clean, dirty fileList
	}
}

// NewFiles returns room for that many open files, at least 6.
func NewFiles(most int) *Files { return &Files{max: max(most, minFiles)} }

// Open returns how many files are open.
func (fs *Files) Open() int {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.mu.open
}

// An openFile is a file while it is open.
type openFile struct {
	vfs.File
	users   int  // under Files.mu
	dropped bool // under Files.mu: the last user closes it
}

// A file is one file of a segment, open or not.
type file struct {
	files *Files
	s     *Segment
	kind  kind

	syncing sync.Mutex // one sync at a time: the system tells each error once

	// Under Files.mu.
	open         *openFile
	list         *fileList // that it is in while it is open
	newer, older *file
	gone         error // why it cannot be opened any more
	failed       error // what syncing or closing it said
	writes       int   // begun so far
	writing      bool
}

// acquire returns the file, opened with the flags of its segment and these if
// it is not open. It stays open until release.
func (f *file) acquire(flag int) (*openFile, error) {
	fs := f.files
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for f.open == nil && f.gone == nil {
		if fs.mu.open >= fs.max && fs.evictLocked() {
			continue
		}
		if err := f.openLocked(flag); err != nil {
			return nil, err
		}
	}
	if f.gone != nil {
		return nil, f.gone
	}
	f.open.users++
	f.list.moveFront(f)
	return f.open, nil
}

// openLocked opens the file without the lock. Another goroutine may have been
// faster, or the file may be gone by then.
func (f *file) openLocked(flag int) error {
	fs := f.files
	fs.mu.open++
	fs.mu.Unlock()
	opened, err := f.s.fsys.OpenFile(f.s.name(f.kind), f.s.flag|flag, vfs.FilePerm)
	fs.mu.Lock()
	if err != nil {
		fs.mu.open--
		return err
	}
	if f.open == nil && f.gone == nil {
		f.open = &openFile{File: opened}
		fs.mu.clean.pushFront(f)
		return nil
	}
	fs.mu.Unlock()
	err = opened.Close()
	fs.mu.Lock()
	fs.mu.open--
	return err
}

// release ends a use.
func (f *file) release(o *openFile) {
	fs := f.files
	fs.mu.Lock()
	defer fs.mu.Unlock()
	o.users--
	if o.users > 0 {
		return
	}
	if !o.dropped && fs.mu.open > fs.max && f.list == &fs.mu.clean {
		f.detachLocked()
		o.dropped = true
	}
	if o.dropped {
		fs.closeLocked(f, o)
	}
}

// evictLocked closes the file that was used longest ago and that nobody uses.
// It gives the lock up meanwhile, and reports false where there is none.
func (fs *Files) evictLocked() bool {
	f := fs.mu.clean.oldest
	for f != nil && f.open.users > 0 {
		f = f.newer
	}
	if f == nil {
		return false
	}
	fs.closeLocked(f, f.detachLocked())
	return true
}

func (fs *Files) closeLocked(f *file, o *openFile) {
	fs.mu.Unlock()
	err := o.Close()
	fs.mu.Lock()
	fs.mu.open--
	if err != nil && f.failed == nil {
		f.failed = err
	}
}

func (f *file) detachLocked() *openFile {
	o := f.open
	f.list.remove(f)
	f.open = nil
	return o
}

// drop closes the file for good, when its last user is done. Opening it again
// fails with why.
func (f *file) drop(why error) error {
	fs := f.files
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f.gone = why
	if f.open == nil {
		return nil
	}
	o := f.detachLocked()
	if o.users > 0 {
		o.dropped = true
		return nil
	}
	fs.mu.Unlock()
	err := o.Close()
	fs.mu.Lock()
	fs.mu.open--
	return err
}

// beginWrite is acquire for somebody who is going to write. It fails if the
// file could not be synced before: nobody knows then what is in it.
func (f *file) beginWrite(flag int) (*openFile, error) {
	o, err := f.acquire(flag)
	if err != nil {
		return nil, err
	}
	fs := f.files
	fs.mu.Lock()
	if err := f.failed; err != nil {
		fs.mu.Unlock()
		f.release(o)
		return nil, err
	}
	f.writes++
	f.writing = true
	if f.open == o && f.list != &fs.mu.dirty {
		f.list.remove(f)
		fs.mu.dirty.pushFront(f)
	}
	var oldest *file
	if fs.mu.dirty.n > fs.max/2 {
		oldest = fs.mu.dirty.oldest
		for oldest != nil && oldest.writing {
			oldest = oldest.newer
		}
	}
	fs.mu.Unlock()
	if oldest != nil {
		_ = oldest.sync() // its error stays with it, for whoever syncs it next
	}
	return o, nil
}

func (f *file) endWrite(o *openFile) {
	f.files.mu.Lock()
	f.writing = false
	f.files.mu.Unlock()
	f.release(o)
}

// sync makes the writes that ended before it durable. Once it has failed it
// always fails.
func (f *file) sync() error {
	f.syncing.Lock()
	defer f.syncing.Unlock()
	fs := f.files
	fs.mu.Lock()
	defer fs.mu.Unlock()
	switch {
	case f.failed != nil:
		return f.failed
	case f.gone != nil:
		return f.gone
	case f.open == nil || f.list == &fs.mu.clean:
		return nil
	}
	o, writes, writing := f.open, f.writes, f.writing
	o.users++
	fs.mu.Unlock()
	err := o.Sync()
	f.release(o)
	fs.mu.Lock()
	if err != nil {
		f.failed = err
		return err
	}
	if f.open == o && !writing && f.writes == writes {
		f.list.remove(f)
		fs.mu.clean.pushFront(f)
	}
	return nil
}

// A fileList is a list of open files, in the order of their last use.
type fileList struct {
	newest, oldest *file
	n              int
}

func (l *fileList) pushFront(f *file) {
	f.list, f.newer, f.older = l, nil, l.newest
	if l.newest != nil {
		l.newest.newer = f
	} else {
		l.oldest = f
	}
	l.newest = f
	l.n++
}

func (l *fileList) remove(f *file) {
	if f.newer != nil {
		f.newer.older = f.older
	} else {
		l.newest = f.older
	}
	if f.older != nil {
		f.older.newer = f.newer
	} else {
		l.oldest = f.newer
	}
	f.list, f.newer, f.older = nil, nil, nil
	l.n--
}

func (l *fileList) moveFront(f *file) {
	if l.newest != f {
		l.remove(f)
		l.pushFront(f)
	}
}
