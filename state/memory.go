package state

import (
	"bytes"
	"sync"
)

// Memory returns an engine that keeps its databases in memory, by task, for as
// long as the engine itself lives: closing and opening a task again finds what
// was applied.
//
// A task that is opened while it is open is taken over, as after a crash of
// its former owner, whose DB then returns ErrClosed.
func Memory() Engine { return &memoryEngine{tasks: map[string]*memoryTable{}} }

type memoryEngine struct {
	mu    sync.Mutex
	tasks map[string]*memoryTable
}

// A memoryTable is what survives of a task between its owners.
type memoryTable struct {
	mu     sync.RWMutex
	owner  *memoryDB
	values map[string][]byte
}

// A memoryDB is one owner's sight of a table.
type memoryDB struct{ table *memoryTable }

func (e *memoryEngine) Open(task string) (DB, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.tasks[task]
	if t == nil {
		t = &memoryTable{values: map[string][]byte{}}
		e.tasks[task] = t
	}
	db := &memoryDB{table: t}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.owner = db
	return db, nil
}

func (e *memoryEngine) Remove(task string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.tasks, task)
	return nil
}

func (d *memoryDB) Get(key []byte) ([]byte, bool, error) {
	t := d.table
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.owner != d {
		return nil, false, ErrClosed
	}
	value, found := t.values[string(key)]
	return value, found, nil
}

func (d *memoryDB) Apply(writes []Write) error {
	t := d.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.owner != d {
		return ErrClosed
	}
	for _, w := range writes {
		if w.Value == nil {
			delete(t.values, string(w.Key))
			continue
		}
		t.values[string(w.Key)] = bytes.Clone(w.Value)
	}
	return nil
}

func (d *memoryDB) Scan(from, to []byte, each func(key, value []byte) bool) error {
	found, err := d.between(from, to)
	if err != nil {
		return err
	}
	for _, w := range found {
		if !each(w.Key, w.Value) {
			return nil
		}
	}
	return nil
}

// between returns the keys of a range, sorted, with their values. It holds the
// lock for as long as it looks, not for as long as the caller does.
func (d *memoryDB) between(from, to []byte) ([]Write, error) {
	t := d.table
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.owner != d {
		return nil, ErrClosed
	}
	var found []Write
	for k, v := range t.values {
		if k >= string(from) && (to == nil || k < string(to)) {
			found = append(found, Write{Key: []byte(k), Value: v})
		}
	}
	SortWrites(found)
	return found, nil
}

func (d *memoryDB) Close() error {
	t := d.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.owner != d {
		return ErrClosed
	}
	t.owner = nil
	return nil
}
