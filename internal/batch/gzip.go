package batch

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// An appender is a Writer that appends.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

type gzipEncoder struct {
	w  *gzip.Writer
	to appender
}

type gzipDecoder struct {
	r     gzip.Reader
	from  bytes.Reader
	probe [1]byte // see readFrom
}

var (
	gzipEncoders = sync.Pool{New: func() any { return &gzipEncoder{w: gzip.NewWriter(nil)} }}
	gzipDecoders = sync.Pool{New: func() any { return new(gzipDecoder) }}
)

func appendGzip(dst, src []byte) ([]byte, error) {
	e := gzipEncoders.Get().(*gzipEncoder)
	defer gzipEncoders.Put(e)
	e.to.b = dst
	e.w.Reset(&e.to)
	_, err := e.w.Write(src)
	if err = errors.Join(err, e.w.Close()); err != nil {
		err = fmt.Errorf("compress with gzip: %w", err)
	}
	dst, e.to.b = e.to.b, nil
	return dst, err
}

// gzip reads one gzip member or several, as Java does.
func (o *output) gzip(src []byte) error {
	d := gzipDecoders.Get().(*gzipDecoder)
	defer gzipDecoders.Put(d)
	d.from.Reset(src)
	defer d.from.Reset(nil)
	err := d.r.Reset(&d.from)
	if err == nil {
		err = o.readFrom(&d.r, &d.probe)
	}
	return decodeError(Gzip, err)
}

// decodeError says that err comes of wrong bytes, unless it says what it comes
// of itself.
func decodeError(c Codec, err error) error {
	if err == nil || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrCorrupt) {
		return err
	}
	return fmt.Errorf("%w: %v: %w", ErrCorrupt, c, err)
}
