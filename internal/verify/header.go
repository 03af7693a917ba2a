package verify

import (
	"fmt"
	"hash/crc32"
)

func checkMagic(magic, wantMagic string, version, wantVersion uint32) error {
	if magic != wantMagic {
		return fmt.Errorf("magic is %q, want %q", magic, wantMagic)
	}
	if version != wantVersion {
		return &versionError{version, wantVersion}
	}
	return nil
}

// A versionError says that a file is of another version: it may be sound.
type versionError struct{ got, want uint32 }

func (e *versionError) Error() string {
	return fmt.Sprintf("format version %d, this program reads %d (use the program that wrote it)", e.got, e.want)
}

// crcOfZeros adds the four zero bytes that stand for the crc field itself.
func crcOfZeros(sum uint32) uint32 { return crc32.Update(sum, castagnoli, make([]byte, 4)) }

func crcError(got, want uint32) error { return fmt.Errorf("crc %08x, want %08x", got, want) }

func flagsError(flags uint32) error { return fmt.Errorf("unknown flags %#x", flags) }
