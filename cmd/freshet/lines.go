package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/freshet/freshet/log"
)

const (
	lineBufferBytes = 1 << 20
	chunkBytes      = 1 << 20 // at which a commit is made though more lines are there
)

// A chunk is lines that are to be committed together, and what ended the
// input behind them: io.EOF, or why the next line is bad.
type chunk struct {
	records []log.Record
	err     error
}

// A lineReader cuts its input into chunks of the lines that are there, so that
// none waits for the next. It belongs to one goroutine.
type lineReader struct {
	in     *bufio.Reader
	limit  int // of a line in bytes, so that none fills the memory; the log's own is a little less
	record func(line []byte) (log.Record, error)
}

// read sends chunks until one has an error, or ctx ends.
func (l *lineReader) read(ctx context.Context, chunks chan<- chunk) {
	for {
		c := l.next()
		select {
		case chunks <- c:
		case <-ctx.Done():
			return
		}
		if c.err != nil {
			return
		}
	}
}

func (l *lineReader) next() (c chunk) {
	size := 0
	for size < chunkBytes && (size == 0 || l.lineBuffered()) {
		line, err := l.line()
		c.err = err
		if line != nil {
			r, err := l.record(line)
			if err != nil {
				c.err = err
				return c
			}
			c.records = append(c.records, r)
			size += len(line) + 1
		}
		if c.err != nil {
			return c
		}
	}
	return c
}

// line returns the next line without its newline. The last one may come with
// the error, and is nil where the input ends behind a newline.
func (l *lineReader) line() ([]byte, error) {
	line := []byte{}
	for {
		piece, err := l.in.ReadSlice('\n')
		line = append(line, piece...)
		if len(line) > l.limit+1 {
			return nil, fmt.Errorf("it is longer than %d bytes (max.message.bytes of the topic, set with --max-message-bytes when it is made): %w",
				l.limit, log.ErrRecordTooLarge)
		}
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
		case len(line) == 0:
			return nil, err
		default:
			return line, err
		}
	}
}

// lineBuffered reports whether a whole line can be read without waiting.
func (l *lineReader) lineBuffered() bool {
	b, err := l.in.Peek(l.in.Buffered())
	return err == nil && bytes.IndexByte(b, '\n') >= 0
}

// record makes a record of a line.
func (o *produceOptions) record(line []byte) (log.Record, error) {
	if o.separator != "" {
		key, value, found := bytes.Cut(line, []byte(o.separator))
		if !found {
			return log.Record{}, fmt.Errorf("no key: %q is not in it (--key-separator cuts a line into key and value)", o.separator)
		}
		return log.Record{Key: key, Value: value}, nil
	}
	r := log.Record{Value: line}
	if o.keySet {
		r.Key = []byte(o.key)
	}
	return r, nil
}
