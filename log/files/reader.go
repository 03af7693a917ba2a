package files

import (
	"context"
	"errors"
	"io"
)

// ReadFrom brings the lines of r into the topic as they come and returns at
// its end, when all of them are committed. Whenever r pauses, the whole lines
// that came are committed at once. Name stands for r in errors and spreads its
// lines over the partitions.
//
// A reader has no position: another ReadFrom takes whatever its reader gives.
//
// When ctx ends, the whole lines that came are committed, and a Read that is
// still under way is left behind; r is its until it returns.
func (s *Source) ReadFrom(ctx context.Context, name string, r io.Reader) error {
	if s.failed != nil {
		return s.failed
	}
	return s.finish(s.readFrom(ctx, name, r))
}

// A piece is what one Read gave.
type piece struct {
	buf []byte
	err error
}

func (s *Source) readFrom(ctx context.Context, name string, r io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // whoever reads ahead stops
	st := s.newStream(name)
	pieces, empty := make(chan piece), make(chan []byte, 2)
	for range cap(empty) { // one to read into while the other is taken from
		empty <- make([]byte, s.cfg.ReadBytes)
	}
	go readPieces(ctx, r, pieces, empty)
	for {
		p, err := s.nextPiece(ctx, pieces)
		if err != nil {
			return err
		}
		if err := st.takePiece(p); err != nil {
			return err
		}
		if p.err != nil {
			return nil
		}
		empty <- p.buf[:cap(p.buf)]
	}
}

// readPieces reads until r ends.
func readPieces(ctx context.Context, r io.Reader, pieces chan<- piece, empty <-chan []byte) {
	for {
		var buf []byte
		select {
		case buf = <-empty:
		case <-ctx.Done():
			return
		}
		n, err := r.Read(buf)
		select {
		case pieces <- piece{buf[:n], err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// nextPiece waits for the next piece. While there is none, it commits what was
// gathered; once that is enough, it lets the reader wait.
func (s *Source) nextPiece(ctx context.Context, pieces <-chan piece) (piece, error) {
	for {
		ready := pieces
		if !s.builder.Empty() {
			if !s.full() {
				select {
				case p := <-pieces:
					return p, nil
				default:
				}
			}
			if !s.busy {
				if err := s.begin(); err != nil {
					return piece{}, err
				}
			} else if s.full() {
				ready = nil
			}
		}
		select {
		case p := <-ready:
			return p, nil
		case err := <-s.result:
			if err := s.settle(err); err != nil {
				return piece{}, err
			}
		case <-ctx.Done():
			return piece{}, ctx.Err()
		}
	}
}

// takePiece appends the lines of a piece.
func (st *stream) takePiece(p piece) error {
	ended := errors.Is(p.err, io.EOF)
	for rest := p.buf; ; {
		n := copy(st.free(), rest)
		rest = rest[n:]
		if err := st.take(n, ended && len(rest) == 0); err != nil {
			return err
		}
		if len(rest) == 0 {
			break
		}
	}
	if p.err != nil && !ended {
		return &FileError{Path: st.name, Err: p.err}
	}
	return nil
}
