package main

import (
	"context"

	"github.com/tidwall/wal"
)

// walSystem is tidwall/wal: numbered entries in files, each a length and the
// bytes. There is no checksum and no timestamp.
func walSystem() system {
	return system{
		name: "tidwall/wal", module: "github.com/tidwall/wal",
		durability: map[mode]durability{
			modeSync: {"fsync per batch", true},
			modeOS:   {"page cache", true},
		},
		open: openWAL,
	}
}

type walStore struct {
	log   *wal.Log
	batch wal.Batch
	next  uint64
}

func openWAL(_ context.Context, dir string, m mode) (store, error) {
	opts := *wal.DefaultOptions
	opts.NoSync = m == modeOS
	opts.NoCopy = true // nothing is kept of a record
	l, err := wal.Open(dir, &opts)
	if err != nil {
		return nil, err
	}
	return &walStore{log: l, next: 1}, nil
}

func (s *walStore) appendBatch(_ context.Context, values [][]byte) error {
	for _, v := range values {
		s.batch.Write(s.next, v)
		s.next++
	}
	return s.log.WriteBatch(&s.batch) // which empties the batch
}

func (s *walStore) readAll(_ context.Context, _ int64, sum *tally) error {
	first, err := s.log.FirstIndex()
	if err != nil {
		return err
	}
	last, err := s.log.LastIndex()
	if err != nil {
		return err
	}
	for i := first; i <= last && i > 0; i++ { // 0 and 0: empty
		v, err := s.log.Read(i)
		if err != nil {
			return err
		}
		sum.add(v)
	}
	return nil
}

func (s *walStore) close() error { return s.log.Close() }
