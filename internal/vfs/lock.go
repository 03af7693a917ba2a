package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// ErrLocked is wrapped by the error of a Lock that somebody else has.
var ErrLocked = errors.New("locked")

// A LockedError says who has a lock.
type LockedError struct {
	Path string // of the lock file
	PID  int    // of the process that has it; 0 when the file does not say
}

func (e *LockedError) Error() string {
	switch e.PID {
	case 0:
		return fmt.Sprintf("lock %s: in use by another process (stop it first)", e.Path)
	case os.Getpid():
		return fmt.Sprintf("lock %s: in use by this process, %d (close it first)", e.Path, e.PID)
	}
	return fmt.Sprintf("lock %s: in use by process %d (stop it first)", e.Path, e.PID)
}

func (e *LockedError) Unwrap() error { return ErrLocked }

// locked holds the directories that this process has locked. The system's own
// locks do not tell two openers of one process apart everywhere: on NFS they
// belong to the process.
var locked struct {
	sync.Mutex
	dirs []fs.FileInfo
}

// claim adds a directory to those locked, and reports false if it is there.
func claim(dir fs.FileInfo) bool {
	locked.Lock()
	defer locked.Unlock()
	for _, d := range locked.dirs {
		if os.SameFile(d, dir) {
			return false
		}
	}
	locked.dirs = append(locked.dirs, dir)
	return true
}

func disclaim(dir fs.FileInfo) {
	locked.Lock()
	defer locked.Unlock()
	for i, d := range locked.dirs {
		if os.SameFile(d, dir) {
			locked.dirs = append(locked.dirs[:i], locked.dirs[i+1:]...)
			return
		}
	}
}

// A fileLock is held through open files; closing them gives it up, and so
// does the system when the process dies.
type fileLock struct {
	dir   fs.FileInfo
	files []*os.File
	once  sync.Once
	err   error
}

func (l *fileLock) Close() error {
	l.once.Do(func() {
		l.err = closeAll(l.files)
		disclaim(l.dir)
	})
	return l.err
}

func closeAll(files []*os.File) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

func lockFile(root *os.Root, name string) (*fileLock, error) {
	path := filepath.Join(root.Name(), name)
	dir, err := root.Stat(filepath.Dir(name))
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !claim(dir) {
		return nil, &LockedError{Path: path, PID: os.Getpid()}
	}
	files, err := acquire(root, name)
	if err != nil {
		disclaim(dir)
		if errors.Is(err, ErrLocked) {
			return nil, &LockedError{Path: path, PID: holder(root, name)}
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &fileLock{dir: dir, files: files}, nil
}

// writeHolder leaves the process id in a lock file that was just locked.
func writeHolder(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// holder returns the process id in a lock file, or 0. It is for the message
// only: whether the lock is held, the system has said.
func holder(root *os.Root, name string) int {
	b, err := root.ReadFile(name)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	return pid
}
