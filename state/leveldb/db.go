package leveldb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/util"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/state"
)

// A db is the database of one task.
type db struct {
	ldb   *leveldb.DB
	files *files
	boot  string
	lock  io.Closer

	batch leveldb.Batch // of the goroutine that applies
}

func (d *db) Get(key []byte) ([]byte, bool, error) {
	value, err := d.ldb.Get(key, nil)
	if errors.Is(err, leveldb.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, classify(err)
	}
	return value, true, nil
}

// batchBytes bounds one write to LevelDB, which takes no read in between and
// wants to fit the write buffer. A larger Apply is written in several.
const batchBytes = 1 << 20

func (d *db) Apply(writes []state.Write) error {
	if err := d.apply(writes); err != nil {
		err = classify(d.files.cause(err))
		return errors.Join(d.files.fail(err), d.distrust(err))
	}
	return nil
}

// apply writes the database's own keys in the last batch.
func (d *db) apply(writes []state.Write) error {
	if err := d.files.failure(); err != nil {
		return err
	}
	d.batch.Reset()
	size := 0
	for _, w := range writes {
		if own(w) {
			continue
		}
		if size += d.add(w); size >= batchBytes {
			if err := d.write(); err != nil {
				return err
			}
			size = 0
		}
	}
	for _, w := range writes {
		if own(w) {
			d.add(w)
		}
	}
	return d.write()
}

// own says that a key is the database's own.
func own(w state.Write) bool { return len(w.Key) > 0 && w.Key[0] == 0x00 }

// add puts a write into the batch and returns about what it takes there.
func (d *db) add(w state.Write) int {
	if w.Value == nil {
		d.batch.Delete(w.Key)
	} else {
		d.batch.Put(w.Key, w.Value)
	}
	return len(w.Key) + len(w.Value)
}

func (d *db) write() error {
	err := d.ldb.Write(&d.batch, &opt.WriteOptions{NoWriteMerge: true})
	d.batch.Reset()
	return err
}

func (d *db) Scan(from, to []byte, each func(key, value []byte) bool) error {
	it := d.ldb.NewIterator(&util.Range{Start: from, Limit: to}, &opt.ReadOptions{DontFillCache: true})
	defer it.Release()
	for it.Next() {
		if !each(bytes.Clone(it.Key()), bytes.Clone(it.Value())) {
			return nil
		}
	}
	return classify(it.Error())
}

// Close syncs everything, the journal by closing it, before the marker says so.
func (d *db) Close() error {
	err := d.ldb.Close()
	if errors.Is(err, leveldb.ErrClosed) {
		return state.ErrClosed
	}
	if first := d.files.failure(); first != nil {
		err = first
	}
	if err == nil {
		err = marker{boot: d.boot, closed: true}.write(d.files.fsys)
	}
	if err != nil {
		err = classify(err)
		err = fmt.Errorf("close state: %w", errors.Join(err, d.distrust(err)))
	}
	return errors.Join(err, d.lock.Close())
}

// distrust makes sure that a corrupt database is not opened again, even by a
// process that does not know of this error: what the page cache holds after a
// failed sync is anybody's guess.
func (d *db) distrust(err error) error {
	if !errors.Is(err, state.ErrCorrupt) {
		return nil
	}
	return removeMarker(d.files.fsys)
}

// classify gives an error of goleveldb or a file its meaning. Everything that is
// not known to be harmless to what is on disk is corruption: rebuilding is
// always right.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, state.ErrCorrupt), errors.Is(err, state.ErrClosed):
		return err
	case errors.Is(err, leveldb.ErrClosed):
		return state.ErrClosed
	case vfs.IsNoSpace(err), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return err
	}
	return fmt.Errorf("%w: %w", state.ErrCorrupt, err)
}
