package state_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/freshet/freshet/state"
)

func TestPositionBytes(t *testing.T) {
	p := state.Position{TopicID: uuid.UUID{0: 0xaa, 15: 0xbb}, LeaderEpoch: 0x01020304, Offset: 0x05060708090a0b0c, SeenMillis: 0x0d0e0f1011121314}
	want := []byte{2,
		0xaa, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbb,
		1, 2, 3, 4,
		5, 6, 7, 8, 9, 10, 11, 12,
		13, 14, 15, 16, 17, 18, 19, 20}
	if got := p.Append(nil); !bytes.Equal(got, want) {
		t.Errorf("Append = %x, want %x", got, want)
	}
	older := append([]byte{1}, want[1:29]...)
	p.SeenMillis = 0
	if got, err := state.DecodePosition(older); err != nil || got != p {
		t.Errorf("version 1 is read as %+v, %v; want %+v", got, err, p)
	}
}

func FuzzDecodePosition(f *testing.F) {
	f.Add(state.Position{TopicID: uuid.UUID{1}, LeaderEpoch: 2, Offset: 3}.Append(nil))
	f.Add(state.Position{Offset: 1<<63 - 1}.Append(nil))
	f.Add(append([]byte{1}, make([]byte, 28)...))
	f.Add([]byte{})
	f.Add(make([]byte, 29))
	f.Add(bytes.Repeat([]byte{0xff}, 37))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := state.DecodePosition(b)
		if err != nil {
			if !errors.Is(err, state.ErrCorrupt) {
				t.Fatalf("error %v does not wrap ErrCorrupt", err)
			}
			return
		}
		want := b
		if b[0] == 1 {
			want = append(append([]byte{2}, b[1:]...), make([]byte, 8)...)
		}
		if got := p.Append(nil); !bytes.Equal(got, want) {
			t.Fatalf("%x decodes to %s, which encodes to %x", b, p, got)
		}
		if p.Offset < 0 || p.LeaderEpoch < 0 || p.SeenMillis < 0 {
			t.Fatalf("decoded %s from %x", p, b)
		}
	})
}
