package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/log/files"
)

// An input brings lines into the topic.
type input func(context.Context, *files.Source) error

// newInput returns what the command line says is to be counted.
func newInput(o *options, stdin io.Reader) (input, error) {
	if o.stdin {
		return func(ctx context.Context, s *files.Source) error { return s.ReadFrom(ctx, "standard input", stdin) }, nil
	}
	paths := o.paths
	if len(paths) == 0 {
		var err error
		if paths, err = librarySources(); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context, s *files.Source) error { return s.ReadFiles(ctx, paths) }, nil
}

// withWayOut ends an error with what this program's user can do about it.
func withWayOut(err error, o *options) error {
	var fileErr *files.FileError
	if errors.Is(err, files.ErrLineTooLong) && errors.As(err, &fileErr) {
		return fmt.Errorf("%s, line %d: longer than %d bytes (--max-line BYTES raises the limit)",
			fileErr.Path, fileErr.Line, o.lines.MaxLineBytes)
	}
	if errors.Is(err, log.ErrCorrupt) && o.dataDir != "" {
		return fmt.Errorf("%w (go run ./cmd/freshet log verify --data-dir %s tells more)", err, shellWord(o.dataDir))
	}
	return err
}
