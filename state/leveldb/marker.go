package leveldb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"strings"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/state"
)

const (
	lockName   = "LOCK"
	markerName = "MARKER"
)

// A marker tells whether a database can have lost anything.
type marker struct {
	boot   string // in which it was opened
	closed bool   // everything was synced, and nothing written since
}

// The layout of an encoded marker; see the package comment.
const (
	markerVersion   = 1
	markerHeadBytes = 2
	markerCRCBytes  = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (m marker) write(fsys vfs.FS) error {
	b := []byte{markerVersion, 0}
	if m.closed {
		b[1] = 1
	}
	b = append(b, m.boot...)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return vfs.WriteFileAtomic(fsys, markerName, b)
}

func readMarker(fsys vfs.FS) (m marker, found bool, err error) {
	b, err := vfs.ReadFile(fsys, markerName)
	if errors.Is(err, fs.ErrNotExist) {
		return marker{}, false, nil
	}
	if err != nil {
		return marker{}, false, classify(err)
	}
	if len(b) < markerHeadBytes+markerCRCBytes {
		return marker{}, false, fmt.Errorf("%w: %s of %d bytes", state.ErrCorrupt, markerName, len(b))
	}
	body := b[:len(b)-markerCRCBytes]
	got, want := binary.BigEndian.Uint32(b[len(body):]), crc32.Checksum(body, castagnoli)
	if got != want {
		return marker{}, false, fmt.Errorf("%w: %s: crc %08x, want %08x", state.ErrCorrupt, markerName, got, want)
	}
	if body[0] != markerVersion {
		return marker{}, false, fmt.Errorf("%w: %s of version %d, want %d", state.ErrCorrupt, markerName, body[0], markerVersion)
	}
	return marker{boot: string(body[markerHeadBytes:]), closed: body[1] == 1}, true, nil
}

// removeMarker makes whatever lies beside the marker untrusted, durably.
func removeMarker(fsys vfs.FS) error {
	if err := fsys.Remove(markerName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fsys.SyncDir(".")
}

// bootID returns Linux's name for the current boot, and nothing elsewhere.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "" // unknown, which is safe
	}
	return strings.TrimSpace(string(b))
}
