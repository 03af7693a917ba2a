package verify

import (
	"slices"
	"testing"
)

// A checkpoint may know of a later swap, of more segments, than the one that the
// journal has behind it.
func TestSwapThatTheCheckpointIsPast(t *testing.T) {
	made := func(base, end int64, generation uint32) segment {
		return segment{segmentName: segmentName{base, generation}, first: base, end: end, size: 100}
	}
	for _, c := range []struct {
		what string
		have segment
		ok   bool
	}{
		{"a later swap took more", made(24, 42, 3), true},
		{"a later swap took the same", made(30, 42, 3), true},
		{"something else is there", made(24, 42, 1), false},
	} {
		p := &partition{end: 50, segments: []segment{c.have}}
		err := p.swap(30, 42, 42, []segment{made(30, 42, 2)})
		if (err == nil) != c.ok || !slices.Equal(p.segments, []segment{c.have}) {
			t.Errorf("%s: %v, segments %+v", c.what, err, p.segments)
		}
	}
}
