package bench

import (
	"sync"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// A sharedFile is a file that goroutines append to in turn, as anybody would
// who has no journal: under a lock.
type sharedFile struct {
	mu            sync.Mutex
	f             vfs.File
	b             handBatch
	pos, next     int64
	writes, syncs int64
}

// append writes values as one batch, and syncs if the mode says so.
func (s *sharedFile) append(d log.Durability, values [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, v := range values {
		s.b.append(startMillis+s.next+int64(i), nil, v)
	}
	encoded := s.b.seal(s.next)
	s.next += int64(len(values))
	return s.write(d, encoded)
}

// write appends encoded batches. The caller has the lock, or is alone.
func (s *sharedFile) write(d log.Durability, encoded []byte) error {
	if _, err := s.f.WriteAt(encoded, s.pos); err != nil {
		return err
	}
	s.pos += int64(len(encoded))
	s.writes++
	if d != log.Sync {
		return nil
	}
	s.syncs++
	return s.f.Sync()
}
