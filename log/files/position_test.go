package files

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"github.com/freshet/freshet/log"
)

func TestPositionKeepsItsBytes(t *testing.T) {
	p := Position{OffsetBytes: 0x0102030405060708, Lines: 0x1112, Unterminated: true, Hash: sha256.Sum256(nil)}
	want := "\x01\x01\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x00\x00\x00\x00\x11\x12" + string(p.Hash[:])
	got := AppendPosition(nil, p)
	if string(got) != want {
		t.Errorf("want % x\ngot  % x", want, got)
	}
	if back, err := ParsePosition(got); err != nil || back != p {
		t.Errorf("want %v, got %v, %v", p, back, err)
	}
}

func TestParsePositionRefuses(t *testing.T) {
	good := string(AppendPosition(nil, Position{OffsetBytes: 10, Lines: 2}))
	for _, c := range []struct {
		name, bytes string
		want        error
		text        string
	}{
		{"nothing", "", log.ErrCorrupt, "0 bytes, want 50"},
		{"another version", "\x02" + good[1:], log.ErrVersion, "version 2, want 1"},
		{"another version of another size", "\x02", log.ErrVersion, "version 2, want 1"},
		{"a byte less", good[:49], log.ErrCorrupt, "49 bytes, want 50"},
		{"a byte more", good + "x", log.ErrCorrupt, "51 bytes, want 50"},
		{"an unknown flag", "\x01\x02" + good[2:], log.ErrCorrupt, "flags 00000010"},
		{"a negative offset", good[:2] + "\xff" + good[3:], log.ErrCorrupt, "lines in -"},
		{"more lines than bytes", good[:17] + "\x0b" + good[18:], log.ErrCorrupt, "11 lines in 10 bytes"},
		{"an unterminated line that is none", "\x01\x01" + good[2:17] + "\x00" + good[18:], log.ErrCorrupt, "unterminated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParsePosition([]byte(c.bytes))
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("want %q in a %v, got %v", c.text, c.want, err)
			}
		})
	}
}

func FuzzParsePosition(f *testing.F) {
	f.Add(AppendPosition(nil, Position{}))
	f.Add(AppendPosition(nil, Position{OffsetBytes: 1 << 40, Lines: 7, Unterminated: true, Hash: sha256.Sum256([]byte("x"))}))
	f.Add([]byte{positionVersion + 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePosition(b)
		if err != nil {
			return
		}
		if again := AppendPosition(nil, p); !bytes.Equal(again, b) {
			t.Errorf("read % x, wrote % x", b, again)
		}
	})
}
