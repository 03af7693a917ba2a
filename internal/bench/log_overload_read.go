package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// A value of an overload begins with its producer and its number, and every
// eighth byte behind them is the lowest byte of that number, so that a page of
// another record is noticed.
func putNumbers(value []byte, producer int, number uint32) {
	binary.BigEndian.PutUint32(value, uint32(producer))
	binary.BigEndian.PutUint32(value[4:], number)
	for i := 8; i < len(value); i += 8 {
		value[i] = byte(number)
	}
}

func numbers(value []byte) (producer int, number uint32, err error) {
	if len(value) != overloadValueBytes {
		return 0, 0, fmt.Errorf("a value of %d bytes, want %d", len(value), overloadValueBytes)
	}
	producer, number = int(binary.BigEndian.Uint32(value)), binary.BigEndian.Uint32(value[4:])
	for i := 8; i < len(value); i += 8 {
		if value[i] != byte(number) {
			return 0, 0, fmt.Errorf("byte %d of record %d of producer %d is %d, want %d", i, number, producer, value[i], byte(number))
		}
	}
	return producer, number, nil
}

// readBack opens the log again and returns how many of the records that were
// acknowledged are not there. It fails where there is something that nobody
// offered, or something twice, or out of order.
func readBack(ctx context.Context, fsys vfs.FS, offerings []*offering) (lost int64, err error) {
	b, err := log.OpenFS(fsys, log.Config{Durability: log.OS})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	found := make([]uint32, len(offerings)) // numbers 0 to this are there
	var rec log.Record
	err = eachFetch(b, func(records log.Records) error {
		for records.Next(&rec) {
			if err := find(rec.Value, found); err != nil {
				return err
			}
		}
		return errors.Join(records.Err(), ctx.Err())
	})
	for i, o := range offerings {
		lost += max(o.acknowledged.Load()-int64(found[i]), 0)
	}
	return lost, err
}

// find counts one record, which must be the next of its producer.
func find(value []byte, found []uint32) error {
	producer, number, err := numbers(value)
	switch {
	case err != nil:
		return err
	case producer >= len(found):
		return fmt.Errorf("a record of producer %d, there are %d", producer, len(found))
	case number != found[producer]:
		return fmt.Errorf("record %d of producer %d, want number %d", number, producer, found[producer])
	}
	found[producer]++
	return nil
}
