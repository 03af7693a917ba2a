package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// pebbleSystem is a log on a log-structured merge tree: the key is the offset,
// big-endian. It is not at its defaults in one more thing: memtables are as
// large as CockroachDB makes them, since 4 MiB are for tests of small data.
//
// Without syncing, an acknowledgement does not wait for the write to the
// operating system, so the crash of the process alone may lose records.
func pebbleSystem() system {
	return system{
		name: "pebble", module: "github.com/cockroachdb/pebble/v2",
		durability: map[mode]durability{
			modeSync: {"fdatasync per batch", true},
			modeOS:   {"process memory, written behind", false},
		},
		checks: "CRC-32C per block",
		open:   openPebble,
	}
}

const pebbleMemTableBytes = 64 << 20 // 64 MiB

type pebbleStore struct {
	db    *pebble.DB
	batch *pebble.Batch
	write *pebble.WriteOptions
	next  uint64
}

func openPebble(_ context.Context, dir string, m mode) (store, error) {
	opts := &pebble.Options{
		Logger:             pebbleLogger{},
		FormatMajorVersion: pebble.FormatNewest,
		MemTableSize:       pebbleMemTableBytes,
	}
	for i := range opts.Levels {
		opts.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	}
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, err
	}
	s := &pebbleStore{db: db, batch: db.NewBatch(), write: pebble.Sync}
	if m == modeOS {
		s.write = pebble.NoSync
	}
	return s, nil
}

func (s *pebbleStore) appendBatch(_ context.Context, values [][]byte) error {
	var key [8]byte
	for _, v := range values {
		binary.BigEndian.PutUint64(key[:], s.next)
		if err := s.batch.Set(key[:], v, nil); err != nil {
			return err
		}
		s.next++
	}
	if err := s.batch.Commit(s.write); err != nil {
		return err
	}
	s.batch.Reset()
	return nil
}

func (s *pebbleStore) readAll(ctx context.Context, _ int64, sum *tally) (err error) {
	it, err := s.db.NewIterWithContext(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	next := uint64(0)
	for ok := it.First(); ok; ok = it.Next() {
		if got := binary.BigEndian.Uint64(it.Key()); got != next {
			return fmt.Errorf("offset %d, want %d", got, next)
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		sum.add(v)
		next++
	}
	return it.Error()
}

func (s *pebbleStore) close() error { return errors.Join(s.batch.Close(), s.db.Close()) }

// A pebbleLogger passes on what went wrong only.
type pebbleLogger struct{}

func (pebbleLogger) Infof(string, ...any) {}

func (pebbleLogger) Errorf(format string, args ...any) {
	slog.Error("pebble", "err", fmt.Sprintf(format, args...))
}

// Fatalf may not return: pebble goes on as if it had not been called.
func (pebbleLogger) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("pebble: "+format, args...))
}
