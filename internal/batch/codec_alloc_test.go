package batch

import (
	"fmt"
	"runtime/debug"
	"testing"
)

// TestCodecsAllocateNothing shows that with buffers that are large enough,
// nothing is allocated once the pools are warm. Collections would empty them.
func TestCodecsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget at random")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	b := wordsBatch(3000)
	for _, c := range codecs {
		t.Run(c.String(), func(t *testing.T) {
			small, err := Compress(nil, b, c)
			if err != nil {
				t.Fatal(err)
			}
			into, plain := make([]byte, 0, len(b)), make([]byte, 0, len(b))
			for name, f := range map[string]func() error{
				"Compress":   func() error { _, err := Compress(into, b, c); return err },
				"Decompress": func() error { _, err := Decompress(plain, small, plenty); return err },
				"Validate":   func() error { _, _, err := Validate(small, plenty, plain); return err },
			} {
				got := testing.AllocsPerRun(200, func() {
					if err := f(); err != nil {
						t.Fatal(err)
					}
				})
				if got != 0 {
					t.Errorf("%s: %v allocations, want 0", name, got)
				}
			}
		})
	}
}

// TestValidatingAllocatesNothing is about batches without compression, which
// need no buffer, and whose records have headers.
func TestValidatingAllocatesNothing(t *testing.T) {
	b := smallBatch()
	got := testing.AllocsPerRun(100, func() {
		if _, _, err := Validate(b, 0, nil); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

// TestStampingAllocatesNothing is about what is done to a batch in place, and to
// one that is copied into a buffer.
func TestStampingAllocatesNothing(t *testing.T) {
	b := smallBatch()
	buf := make([]byte, 0, 1024)
	for name, f := range map[string]func(){
		"StampProducer":      func() { StampProducer(b, 7, 1, 5, true) },
		"StampLogAppendTime": func() { StampLogAppendTime(b, 99) },
		"SetLastOffsetDelta": func() { SetLastOffsetDelta(b, 9) },
		"AppendMarker":       func() { buf = AppendMarker(buf[:0], Marker{true, 3}, 7, 1, 99) },
	} {
		if got := testing.AllocsPerRun(100, f); got != 0 {
			t.Errorf("%s: %v allocations, want 0", name, got)
		}
	}
}

// TestFilteringAllocatesNothingARecord shows that what Filter allocates does not
// grow with the batch.
func TestFilteringAllocatesNothingARecord(t *testing.T) {
	keep := func(rec *Record) bool { return rec.Offset%2 == 0 }
	for _, n := range []int{1, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			b := wordsBatch(n)
			buf := make([]byte, 0, 2*len(b))
			got := testing.AllocsPerRun(100, func() {
				if _, _, err := Filter(buf, b, 1_800_000_000_000, keep); err != nil {
					t.Fatal(err)
				}
			})
			if got > 2 {
				t.Errorf("%v allocations, want at most 2", got)
			}
		})
	}
}
