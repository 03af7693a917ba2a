package verify

import (
	"fmt"
	"hash/crc32"
)

// The versions of the format that are read.
const (
	oldestVersion = 1
	newestVersion = 2
)

func checkMagic(magic, wantMagic string, version uint32) error {
	if magic != wantMagic {
		return fmt.Errorf("magic is %q, want %q", magic, wantMagic)
	}
	if version < oldestVersion || version > newestVersion {
		return &versionError{version}
	}
	return nil
}

// A versionError says that a file is of another version: it may be sound.
type versionError struct{ got uint32 }

func (e *versionError) Error() string {
	return fmt.Sprintf("format version %d, this program reads %d to %d (use one that reads version %d)",
		e.got, oldestVersion, newestVersion, e.got)
}

// crcOfZeros adds the four zero bytes that stand for the crc field itself.
func crcOfZeros(sum uint32) uint32 { return crc32.Update(sum, castagnoli, make([]byte, 4)) }

func crcError(got, want uint32) error { return fmt.Errorf("crc %08x, want %08x", got, want) }

func sequenceError(got, want uint64) error { return fmt.Errorf("sequence %d, want %d", got, want) }

func prevError(got, want uint32) error {
	return fmt.Errorf("crc of the record before is %08x, want %08x", got, want)
}

func flagsError(flags uint32) error { return fmt.Errorf("unknown flags %#x", flags) }
