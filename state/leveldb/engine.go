package leveldb

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/opt"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/state"
)

// Defaults of Options.
const (
	DefaultBlockCacheBytes = 64 << 20 // 64 MiB
	DefaultOpenFiles       = 500
)

// Options of an engine. The zero value is good.
type Options struct {
	// BlockCacheBytes bounds the blocks of tables, their indexes and filters kept
	// in memory for all tasks together. Default 64 MiB.
	BlockCacheBytes int

	// OpenFiles bounds the tables kept open for all tasks together. Default 500.
	OpenFiles int

	// BootID names the machine's boot: whatever was written since it began is
	// still there, if only in the page cache. An empty one is unknown, and makes
	// every database that was not closed corrupt. Default: the operating
	// system's, where it has one.
	BootID func() string
}

func (o Options) withDefaults() Options {
	if o.BlockCacheBytes <= 0 {
		o.BlockCacheBytes = DefaultBlockCacheBytes
	}
	if o.OpenFiles <= 0 {
		o.OpenFiles = DefaultOpenFiles
	}
	if o.BootID == nil {
		o.BootID = bootID
	}
	return o
}

const (
	// Reopening replays a write buffer of journal: 50 ms for 4 MiB, 2.7 s for 64.
	// Larger buffers also miss the CPU's caches.
	writeBufferBytes = 8 << 20

	// Larger tables and levels than LevelDB's own, so that loading many keys does
	// not have to wait for compaction.
	tableBytes = 8 << 20
	levelBytes = 64 << 20

	filterBitsPerKey = 10 // one absent key in a hundred costs a read
)

// Engine returns the engine that keeps its databases below the root of fsys.
func Engine(fsys vfs.FS, options Options) state.Engine {
	options = options.withDefaults()
	return &engine{
		fsys: fsys,
		boot: options.BootID(),
		options: opt.Options{
			BlockCacher:                  opt.NewLRU(options.BlockCacheBytes),
			OpenFilesCacher:              opt.NewLRU(options.OpenFiles),
			WriteBuffer:                  writeBufferBytes,
			CompactionTableSize:          tableBytes,
			CompactionTotalSize:          levelBytes,
			Filter:                       filter.NewBloomFilter(filterBitsPerKey),
			DisableSeeksCompaction:       true,
			DisableLargeBatchTransaction: true,
			// The pool hands buffers of a table's size to blocks, which are then
			// accounted at that size: the block cache would hold only a few.
			DisableBufferPool: true,
			// Otherwise a bad record of the journal is skipped and the rest read.
			Strict: opt.StrictAll,
		},
	}
}

type engine struct {
	fsys    vfs.FS
	boot    string
	options opt.Options
}

func (e *engine) Open(task string) (state.DB, error) {
	db, err := e.open(task)
	if err != nil {
		return nil, fmt.Errorf("open state of task %s: %w", task, err)
	}
	return db, nil
}

func (e *engine) open(task string) (opened *db, err error) {
	if err := checkTask(task); err != nil {
		return nil, err
	}
	if err := e.fsys.MkdirAll(task, vfs.DirPerm); err != nil {
		return nil, err
	}
	if err := e.fsys.SyncDir("."); err != nil {
		return nil, err
	}
	fsys := vfs.Sub(e.fsys, task)
	lock, err := fsys.Lock(lockName)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	files := &files{fsys: fsys}
	if err := e.prepare(files); err != nil {
		return nil, err
	}
	options := e.options
	ldb, err := leveldb.Open(files, &options)
	if err != nil {
		return nil, classify(files.cause(err))
	}
	return &db{ldb: ldb, files: files, boot: e.boot, lock: lock}, nil
}

// prepare decides whether what is in the directory may be trusted, and says in
// MARKER that it is open from now on.
func (e *engine) prepare(files *files) error {
	m, found, err := readMarker(files.fsys)
	if err != nil {
		return err
	}
	switch {
	case !found:
		if err := files.refuseUnmarked(); err != nil {
			return err
		}
	case !m.closed && (e.boot == "" || m.boot != e.boot):
		return fmt.Errorf("%w: not closed before the machine's last start", state.ErrCorrupt)
	}
	if err := files.cutTornTail(); err != nil {
		return err
	}
	return marker{boot: e.boot}.write(files.fsys)
}

func (e *engine) Remove(task string) error {
	if err := e.remove(task); err != nil {
		return fmt.Errorf("remove state of task %s: %w", task, err)
	}
	return nil
}

// remove takes MARKER away first: whatever else a crash in the middle leaves is
// then refused at Open.
func (e *engine) remove(task string) error {
	if err := checkTask(task); err != nil {
		return err
	}
	if _, err := e.fsys.Stat(task); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	fsys := vfs.Sub(e.fsys, task)
	lock, err := fsys.Lock(lockName)
	if err != nil {
		return err
	}
	err = removeMarker(fsys)
	if err := errors.Join(err, lock.Close()); err != nil {
		return err
	}
	if err := vfs.RemoveAll(e.fsys, task); err != nil {
		return err
	}
	return e.fsys.SyncDir(".")
}

var errTask = errors.New("a task is named by one path element")

func checkTask(task string) error {
	if task == "." || strings.Contains(task, "/") || !fs.ValidPath(task) {
		return errTask
	}
	return nil
}
