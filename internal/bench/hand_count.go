package bench

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/freshet/freshet/internal/batch"
	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/opt"
)

// A handCount counts the words of one partition: a map in front of LevelDB,
// with a changelog and an output file.
type handCount struct {
	inputs    []*handReader // one of each worker
	changelog *handLog
	output    *handLog
	db        *leveldb.DB

	words   map[string]*handEntry
	changed []*handEntry // since the last commit
	unsaved []*handEntry // since the last write to LevelDB
}

type handEntry struct {
	key             []byte
	count           int64
	timestampMillis int64
	changed         bool
	unsaved         bool
}

func openHandCount(path string, files *fileSet, partition int) (c *handCount, err error) {
	c = &handCount{words: map[string]*handEntry{}}
	n := strconv.Itoa(partition)
	if c.changelog, err = files.createLog("changelog-" + n); err != nil {
		return nil, err
	}
	if c.output, err = files.createLog("output-" + n); err != nil {
		return nil, err
	}
	c.db, err = leveldb.OpenFile(filepath.Join(path, "store-"+n), handStoreOptions())
	return c, err
}

// handStoreOptions are those of Freshet's own engine.
func handStoreOptions() *opt.Options {
	return &opt.Options{
		BlockCacheCapacity: 16 << 20, WriteBuffer: 8 << 20, CompactionTableSize: 8 << 20, CompactionTotalSize: 64 << 20,
		Filter: filter.NewBloomFilter(10), DisableSeeksCompaction: true, DisableLargeBatchTransaction: true, DisableBufferPool: true,
	}
}

func (c *handCount) add(rec *batch.Record) error {
	e, ok := c.words[string(rec.Key)]
	if !ok {
		e = &handEntry{key: slices.Clone(rec.Key)}
		c.words[string(rec.Key)] = e
	}
	e.count++
	e.timestampMillis = max(e.timestampMillis, rec.TimestampMillis)
	if !e.changed {
		e.changed = true
		c.changed = append(c.changed, e)
	}
	return nil
}

// publish appends what has changed to changelog and output.
func (c *handCount) publish() error {
	var value [8]byte
	for _, e := range c.changed {
		binary.BigEndian.PutUint64(value[:], uint64(e.count))
		if err := c.changelog.append(e.timestampMillis, e.key, value[:]); err != nil {
			return err
		}
		if err := c.output.append(e.timestampMillis, e.key, value[:]); err != nil {
			return err
		}
		e.changed = false
		if !e.unsaved {
			e.unsaved = true
			c.unsaved = append(c.unsaved, e)
		}
	}
	c.changed = c.changed[:0]
	if err := c.changelog.flush(); err != nil {
		return err
	}
	return c.output.flush()
}

// storeBatchBytes bounds one write to LevelDB, as in Freshet's own engine.
const storeBatchBytes = 1 << 20

// save writes what LevelDB does not have yet, sorted, with the position in the
// last batch.
func (c *handCount) save() error {
	if len(c.unsaved) == 0 {
		return nil
	}
	slices.SortFunc(c.unsaved, func(a, b *handEntry) int { return bytes.Compare(a.key, b.key) })
	var b leveldb.Batch
	var value [16]byte
	size := 0
	for _, e := range c.unsaved {
		binary.BigEndian.PutUint64(value[:], uint64(e.timestampMillis))
		binary.BigEndian.PutUint64(value[8:], uint64(e.count))
		b.Put(e.key, value[:])
		e.unsaved = false
		if size += len(e.key) + len(value); size < storeBatchBytes {
			continue
		}
		if err := c.db.Write(&b, nil); err != nil {
			return err
		}
		b.Reset()
		size = 0
	}
	c.unsaved = c.unsaved[:0]
	b.Put([]byte("\x00position"), binary.BigEndian.AppendUint64(nil, uint64(c.changelog.next)))
	return c.db.Write(&b, nil)
}

// result folds the output file: the last count of a word is the one.
func (c *handCount) result(into map[string]int64) error {
	c.output.committed.Store(c.output.pos)
	r := newHandReader(c.output)
	for {
		more, err := r.read(func(rec *batch.Record) error {
			into[string(rec.Key)] = int64(binary.BigEndian.Uint64(rec.Value))
			return nil
		})
		if err != nil || !more {
			return err
		}
	}
}
