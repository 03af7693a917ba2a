package leveldb

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"github.com/syndtr/goleveldb/leveldb/storage"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/state"
)

// currentName is the file that names the manifest.
const currentName = "CURRENT"

// files is goleveldb's storage, on a vfs.FS. What it does that goleveldb's own
// does not:
//
//   - a journal is synced before it is closed. goleveldb closes the full one and
//     goes on in a new one, so that syncing the new one would say nothing of the
//     values in the old.
//   - the name of a new file is durable before anything is written to it.
//   - names match whole: "000007.log.tmp" is not a journal.
//   - CURRENT leads to a manifest or is an error. goleveldb's own takes the next
//     best file, which may be an older manifest.
//   - after one write or sync has failed, all do, and the database must be
//     closed. goleveldb writes on, and gives the next write the sequence number
//     of the failed one, which then is thrown away at the next open.
type files struct {
	fsys vfs.FS

	mu struct {
		sync.Mutex
		failed error // the first failure
	}
}

// fail remembers the first failure and returns err.
func (s *files) fail(err error) error {
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.failed == nil {
		s.mu.failed = err
	}
	return err
}

// failure returns the first failure, after which nothing is written.
func (s *files) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.failed
}

// cause returns the first failure if there is one, whatever goleveldb has made of
// it, and err otherwise.
func (s *files) cause(err error) error {
	if first := s.failure(); err != nil && first != nil {
		return first
	}
	return err
}

// refuseUnmarked returns an error if there are files of a database.
func (s *files) refuseUnmarked() error {
	fds, err := s.List(storage.TypeAll)
	if err != nil {
		return classify(err)
	}
	if len(fds) > 0 {
		return fmt.Errorf("%w: %s is missing beside %s", state.ErrCorrupt, markerName, fds[0])
	}
	return nil
}

// Lock is goleveldb's guard against opening the storage twice. LOCK is held by
// then, and the storage used once.
func (s *files) Lock() (storage.Locker, error) { return unlocked{}, nil }

type unlocked struct{}

func (unlocked) Unlock() {}

// Log drops goleveldb's diary of compactions.
func (s *files) Log(string) {}

// Close does nothing: the files belong to goleveldb, the lock to the db.
func (s *files) Close() error { return nil }

func (s *files) SetMeta(fd storage.FileDesc) error {
	if err := s.failure(); err != nil {
		return err
	}
	return s.fail(vfs.WriteFileAtomic(s.fsys, currentName, []byte(fd.String()+"\n")))
}

func (s *files) GetMeta() (storage.FileDesc, error) {
	b, err := vfs.ReadFile(s.fsys, currentName)
	if err != nil {
		return storage.FileDesc{}, err
	}
	name, whole := strings.CutSuffix(string(b), "\n")
	fd, ok := parseName(name)
	if !whole || !ok || fd.Type != storage.TypeManifest {
		return storage.FileDesc{}, &storage.ErrCorrupted{Err: fmt.Errorf("%s names %q, want a manifest", currentName, b)}
	}
	if _, err := s.fsys.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return storage.FileDesc{}, &storage.ErrCorrupted{Err: fmt.Errorf("%s names %s, which is missing", currentName, name)}
	}
	return fd, nil
}

func (s *files) List(types storage.FileType) ([]storage.FileDesc, error) {
	entries, err := s.fsys.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var fds []storage.FileDesc
	for _, e := range entries {
		if fd, ok := parseName(e.Name()); ok && fd.Type&types != 0 {
			fds = append(fds, fd)
		}
	}
	return fds, nil
}

// parseName is the inverse of FileDesc.String.
func parseName(name string) (storage.FileDesc, bool) {
	number, kind, _ := strings.Cut(name, ".")
	fd := storage.FileDesc{}
	switch {
	case kind == "log":
		fd.Type = storage.TypeJournal
	case kind == "ldb":
		fd.Type = storage.TypeTable
	case kind == "tmp":
		fd.Type = storage.TypeTemp
	default:
		fd.Type = storage.TypeManifest
		number = strings.TrimPrefix(name, "MANIFEST-")
	}
	n, err := strconv.ParseInt(number, 10, 64)
	fd.Num = n
	return fd, err == nil && n >= 0 && fd.String() == name
}

func (s *files) Remove(fd storage.FileDesc) error {
	if err := s.failure(); err != nil {
		return err
	}
	return s.fsys.Remove(fd.String())
}

func (s *files) Rename(from, to storage.FileDesc) error {
	if err := s.failure(); err != nil {
		return err
	}
	if err := s.fsys.Rename(from.String(), to.String()); err != nil {
		return s.fail(err)
	}
	return s.fail(s.fsys.SyncDir("."))
}
