package files

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ReadFiles brings the lines of files into the topic that are not there yet,
// file by file to its end, and returns when they are committed. A path that is
// given twice is read once.
//
// Every file is looked at before any is read: one that is missing, unreadable
// or no regular file (ErrNotAFile) is an error and nothing is read. Where a
// file turns out to be ErrTruncated, ErrReplaced, ErrLineGrew or to have a line
// that is ErrLineTooLong, or ctx ends, what was read before is committed.
func (s *Source) ReadFiles(ctx context.Context, paths []string) error {
	if s.failed != nil {
		return s.failed
	}
	found, err := s.look(paths)
	if err != nil {
		return err
	}
	for i := range found {
		if err = s.readFile(ctx, &found[i]); err != nil {
			break
		}
	}
	return s.finish(err)
}

// A foundFile is a file that is to be read.
type foundFile struct {
	path      string // absolute
	sizeBytes int64  // when it was found
}

// look finds the files and sets the totals of the progress.
func (s *Source) look(paths []string) ([]foundFile, error) {
	var found []foundFile
	seen := make(map[string]bool, len(paths))
	var total int64
	for _, p := range paths {
		path, err := filepath.Abs(p)
		if err != nil {
			return nil, fmt.Errorf("absolute path of %s: %w", p, err)
		}
		if seen[path] {
			continue
		}
		seen[path] = true
		size, err := lookAt(path)
		if err != nil {
			return nil, err
		}
		found = append(found, foundFile{path, size})
		total += size
	}
	p := &s.progress
	p.filesDone.Store(0)
	p.bytesDone.Store(0)
	p.bytesBefore.Store(0)
	p.filesTotal.Store(int64(len(found)))
	p.bytesTotal.Store(total)
	return found, nil
}

// lookAt returns the size of a regular file that can be opened. It is asked
// what it is first, because opening a pipe would wait for somebody to write.
func lookAt(path string) (sizeBytes int64, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, systemError(path, err)
	}
	if !info.Mode().IsRegular() {
		kind := "a device or pipe (it can only be read as it comes, such as from standard input)"
		if info.IsDir() {
			kind = "a directory (give the files in it)"
		}
		return 0, &FileError{Path: path, Err: ErrNotAFile, Reason: kind}
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, systemError(path, err)
	}
	if err := f.Close(); err != nil {
		return 0, systemError(path, err)
	}
	return info.Size(), nil
}

// systemError names the path once.
func systemError(path string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return &FileError{Path: path, Err: err}
}

// readFile takes the lines of one file that are new.
func (s *Source) readFile(ctx context.Context, found *foundFile) (err error) {
	f, err := os.Open(found.path)
	if err != nil {
		return systemError(found.path, err)
	}
	defer func() {
		if closeErr := f.Close(); err == nil && closeErr != nil {
			err = systemError(found.path, closeErr)
		}
	}()
	st := s.newStream(found.path)
	if err := st.resume(ctx, f); err != nil {
		return err
	}
	s.progress.bytesDone.Add(st.at)
	s.progress.bytesBefore.Add(st.at)
	readErr := st.readAll(ctx, f)
	if err := st.note(); err != nil {
		return errors.Join(readErr, err)
	}
	if readErr != nil {
		return readErr
	}
	s.progress.bytesTotal.Add(st.at - found.sizeBytes) // what it grew by while it was read
	if s.builder.Empty() {                             // nothing new, so nothing to wait for
		s.progress.filesDone.Add(1)
		return nil
	}
	s.gathered.files++
	if !s.full() {
		return nil
	}
	return s.begin()
}

// resume puts the stream where the file was left, having seen that everything
// before is as it was.
func (st *stream) resume(ctx context.Context, f *os.File) error {
	st.hash = sha256.New()
	before := st.s.known[st.name]
	buf := st.buf
	for at := int64(0); at < before.OffsetBytes; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := f.Read(buf[:min(int64(len(buf)), before.OffsetBytes-at)])
		if err == io.EOF {
			return &FileError{Path: st.name, Err: ErrTruncated,
				Reason: fmt.Sprintf("%d bytes are there, %d were read before (%s)", at, before.OffsetBytes, wayOut)}
		}
		if err != nil {
			return systemError(st.name, err)
		}
		st.hash.Write(buf[:n]) // never fails, says hash.Hash
		at += int64(n)
	}
	st.at, st.noted = before.OffsetBytes, before.OffsetBytes
	st.lines, st.unterminated = before.Lines, before.Unterminated
	if before.OffsetBytes > 0 && st.position().Hash != before.Hash {
		return &FileError{Path: st.name, Err: ErrReplaced,
			Reason: fmt.Sprintf("its first %d bytes are not those that were read before (%s)", before.OffsetBytes, wayOut)}
	}
	return nil
}

// readAll takes lines to the end of the file.
func (st *stream) readAll(ctx context.Context, f *os.File) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := f.Read(st.free())
		switch takeErr := st.take(n, err == io.EOF); {
		case takeErr != nil:
			return takeErr
		case err == io.EOF:
			return nil
		case err != nil:
			return systemError(st.name, err)
		}
		if !st.s.full() {
			continue
		}
		if err := st.note(); err != nil {
			return err
		}
		if err := st.s.begin(); err != nil {
			return err
		}
	}
}

// note adds the stream's position to the next commit, if it moved.
func (st *stream) note() error {
	if st.at == st.noted {
		return nil
	}
	st.noted = st.at
	return st.s.appendPosition(st.name, st.position())
}
