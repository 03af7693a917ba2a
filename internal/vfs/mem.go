package vfs

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// A Mem is an [FS] in memory that knows what of it would survive a power cut:
// beside what was written it keeps what was synced, and of the difference only
// the pages and the names that changed.
//
// [Mem.Crash] and [Mem.KillProcess] return a new Mem and leave this one as it
// is. What still runs on it, as the threads of a process that is about to die,
// cannot reach the new one.
//
// Files have no times: ModTime is zero.
type Mem struct {
	mu struct {
		sync.RWMutex // also covers every node
		root         *node
		locked       map[*node]bool // directories
		pending      []nameEvent    // oldest first
		nextID       uint64
	}
}

// A node is a file or a directory, whatever its names.
type node struct {
	id      uint64 // names it in the draws of a crash
	perm    fs.FileMode
	entries map[string]*node // of a directory; nil in a file
	durable map[string]*node // entries at the last SyncDir
	content                  // of a file
}

// A nameEvent is one create, rename or remove that is not durable everywhere.
// A crash keeps all of it or nothing, as file systems do that journal names;
// what SyncDir made durable is no longer in it.
type nameEvent struct {
	id      uint64
	changes []nameChange
}

type nameChange struct {
	dir  *node
	name string
	to   *node // nil when removed
}

func (c nameChange) apply(entries map[string]*node) {
	if c.to == nil {
		delete(entries, c.name)
		return
	}
	entries[c.name] = c.to
}

// maxPending bounds how many name changes nobody syncs. A system writes such
// changes back within seconds; here the oldest becomes durable.
const maxPending = 4096

// NewMem returns an empty Mem.
func NewMem() *Mem {
	m := new(Mem)
	m.mu.root = m.newNodeLocked(DirPerm | fs.ModeDir)
	m.mu.locked = map[*node]bool{}
	return m
}

func (m *Mem) newNodeLocked(perm fs.FileMode) *node {
	m.mu.nextID++
	n := &node{id: m.mu.nextID, perm: perm}
	if perm.IsDir() {
		n.entries, n.durable = map[string]*node{}, map[string]*node{}
	}
	return n
}

// lookupLocked returns the node that has a name.
func (m *Mem) lookupLocked(op, name string) (*node, error) {
	if err := checkName(op, name); err != nil {
		return nil, err
	}
	n := m.mu.root
	if name == "." {
		return n, nil
	}
	for elem := range strings.SplitSeq(name, "/") {
		if n.entries == nil {
			return nil, &fs.PathError{Op: op, Path: name, Err: syscall.ENOTDIR}
		}
		if n = n.entries[elem]; n == nil {
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
	}
	return n, nil
}

// dirLocked returns the directory that has a name.
func (m *Mem) dirLocked(op, name string) (*node, error) {
	n, err := m.lookupLocked(op, name)
	if err == nil && n.entries == nil {
		err = &fs.PathError{Op: op, Path: name, Err: syscall.ENOTDIR}
	}
	return n, err
}

// parentLocked returns the directory that holds a name, which need not exist,
// and the name in it.
func (m *Mem) parentLocked(op, name string) (*node, string, error) {
	if err := checkName(op, name); err != nil {
		return nil, "", err
	}
	if name == "." {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: errRoot}
	}
	dir, base := split(name)
	n, err := m.dirLocked(op, dir)
	return n, base, err
}

// changeLocked applies name changes that survive a crash together.
func (m *Mem) changeLocked(changes ...nameChange) {
	for _, c := range changes {
		c.apply(c.dir.entries)
	}
	m.mu.nextID++
	m.mu.pending = append(m.mu.pending, nameEvent{m.mu.nextID, changes})
	if len(m.mu.pending) <= maxPending {
		return
	}
	for _, c := range m.mu.pending[0].changes {
		c.apply(c.dir.durable)
	}
	m.mu.pending = slices.Delete(m.mu.pending, 0, 1)
}

// OpenFile implements [FS].
func (m *Mem) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if err := checkOpen(name, flag); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.openLocked(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &memFile{m: m, n: n, name: name, flag: flag}, nil
}

func (m *Mem) openLocked(name string, flag int, perm fs.FileMode) (*node, error) {
	n, err := m.lookupLocked("open", name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0:
		dir, base, err := m.parentLocked("open", name)
		if err != nil {
			return nil, err
		}
		n = m.newNodeLocked(perm.Perm())
		m.changeLocked(nameChange{dir, base, n})
		return n, nil
	case err != nil:
		return nil, err
	case flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	case n.entries != nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	case flag&os.O_TRUNC != 0:
		n.truncate(0)
	}
	return n, nil
}

// Rename implements [FS].
func (m *Mem) Rename(oldname, newname string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.lookupLocked("rename", oldname)
	if err != nil {
		return err
	}
	from, fromBase, err := m.parentLocked("rename", oldname)
	if err != nil {
		return err
	}
	to, toBase, err := m.parentLocked("rename", newname)
	if err != nil {
		return err
	}
	replaced := to.entries[toBase]
	switch {
	case replaced == n:
		return nil
	case replaced != nil && replaced.entries != nil:
		return &fs.PathError{Op: "rename", Path: newname, Err: fs.ErrExist}
	case replaced != nil && n.entries != nil:
		return &fs.PathError{Op: "rename", Path: newname, Err: syscall.ENOTDIR}
	case strings.HasPrefix(newname, oldname+"/"):
		return &fs.PathError{Op: "rename", Path: newname, Err: syscall.EINVAL}
	}
	m.changeLocked(nameChange{from, fromBase, nil}, nameChange{to, toBase, n})
	return nil
}

// Remove implements [FS].
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parentLocked("remove", name)
	if err != nil {
		return err
	}
	n := dir.entries[base]
	if n == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	if len(n.entries) > 0 {
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	m.changeLocked(nameChange{dir, base, nil})
	return nil
}

// MkdirAll implements [FS].
func (m *Mem) MkdirAll(name string, perm fs.FileMode) error {
	if err := checkName("mkdir", name); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.mu.root
	if name == "." {
		return nil
	}
	for elem := range strings.SplitSeq(name, "/") {
		next := n.entries[elem]
		if next == nil {
			next = m.newNodeLocked(perm.Perm() | fs.ModeDir)
			m.changeLocked(nameChange{n, elem, next})
		}
		if next.entries == nil {
			return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.ENOTDIR}
		}
		n = next
	}
	return nil
}

// ReadDir implements [FS].
func (m *Mem) ReadDir(name string) ([]fs.DirEntry, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n, err := m.dirLocked("readdir", name)
	if err != nil {
		return nil, err
	}
	list := make([]fs.DirEntry, 0, len(n.entries))
	for base, child := range n.entries {
		list = append(list, fs.FileInfoToDirEntry(child.info(base)))
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return list, nil
}

// Stat implements [FS].
func (m *Mem) Stat(name string) (fs.FileInfo, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n, err := m.lookupLocked("stat", name)
	if err != nil {
		return nil, err
	}
	_, base := split(name)
	return n.info(base), nil
}

// SyncDir implements [FS].
func (m *Mem) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, err := m.dirLocked("syncdir", name)
	if err != nil {
		return err
	}
	kept := m.mu.pending[:0]
	for _, e := range m.mu.pending {
		if e = e.syncDir(dir); len(e.changes) > 0 {
			kept = append(kept, e)
		}
	}
	clear(m.mu.pending[len(kept):])
	m.mu.pending = kept
	return nil
}

// syncDir makes the changes to dir durable and returns the event without them.
func (e nameEvent) syncDir(dir *node) nameEvent {
	var rest []nameChange
	for _, c := range e.changes {
		if c.dir == dir {
			c.apply(dir.durable)
		} else {
			rest = append(rest, c)
		}
	}
	return nameEvent{e.id, rest}
}

// Lock implements [FS].
func (m *Mem) Lock(name string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, _, err := m.parentLocked("lock", name)
	if err != nil {
		return nil, err
	}
	if m.mu.locked[dir] {
		return nil, &LockedError{Path: name, PID: os.Getpid()}
	}
	n, err := m.openLocked(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, FilePerm)
	if err != nil {
		return nil, err
	}
	n.writeAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	m.mu.locked[dir] = true
	return &memLock{m: m, dir: dir}, nil
}

type memLock struct {
	m    *Mem
	dir  *node
	once sync.Once // closing again must not open what another has locked since
}

func (l *memLock) Close() error {
	l.once.Do(func() {
		l.m.mu.Lock()
		defer l.m.mu.Unlock()
		delete(l.m.mu.locked, l.dir)
	})
	return nil
}
