package log

import (
	"errors"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"pgregory.net/rapid"
)

// TestOffsetForTimeModel compares with a look at every record: timestamps in no
// order, all codecs, several segments and a tail, a start that moves.
func TestOffsetForTimeModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := open(t, vfs.NewMem(), Config{stepped: true, TailBytes: 4 << 10, SegmentBytes: 1 << 10})
		tp := TopicPartition{"t", 0}
		if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
			rt.Fatal(err)
		}
		var times []int64
		for range rapid.IntRange(1, 30).Draw(rt, "batches") {
			var rs []testRecord
			for range rapid.IntRange(1, 5).Draw(rt, "records") {
				at := rapid.Int64Range(0, 50).Draw(rt, "time")
				times = append(times, at)
				rs = append(rs, testRecord{at, "k", value(int(at))[:rapid.IntRange(0, 300).Draw(rt, "size")]})
			}
			appendBatch(t, b, tp, encode(t, rapid.SampledFrom(codecs).Draw(rt, "codec"), rs...))
			if rapid.IntRange(0, 5).Draw(rt, "marker") == 0 {
				appendProduced(t, b, tp, marker(true, 7))
				times = append(times, -1)
			}
			if rapid.IntRange(0, 9).Draw(rt, "flush") == 0 {
				if err := b.flush(); err != nil {
					rt.Fatal(err)
				}
			}
		}
		start := 0
		check := func() {
			for at := int64(-1); at <= 51; at++ {
				want := -1
				for o := start; o < len(times) && want < 0; o++ {
					if times[o] >= max(at, 0) { // a marker has no time
						want = o
					}
				}
				got, ok, err := b.OffsetForTime(tp, at)
				if err != nil {
					rt.Fatal(err)
				}
				if ok != (want >= 0) || ok && (got.Offset != Offset(want) || got.TimestampMillis != times[want]) {
					rt.Fatalf("time %d: %+v, %v; want offset %d of %v from %d", at, got, ok, want, times, start)
				}
			}
		}
		check()
		start = rapid.IntRange(0, len(times)).Draw(rt, "start")
		p, err := b.partition(tp)
		if err != nil {
			rt.Fatal(err)
		}
		if err := b.commitEntries(logStartEntry{p.at(), Offset(start)}); err != nil {
			rt.Fatal(err)
		}
		check()
		b = restart(t, b)
		check()
		if err := b.Close(); err != nil {
			rt.Fatal(err)
		}
	})
}

func TestOffsetForTimeOfNothing(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	if at, ok, err := b.OffsetForTime(TopicPartition{"t", 0}, 0); ok || err != nil {
		t.Fatalf("%+v, %v, %v", at, ok, err)
	}
	if _, _, err := b.OffsetForTime(TopicPartition{"t", 1}, 0); !errors.Is(err, ErrUnknownTopic) {
		t.Fatalf("%v, want ErrUnknownTopic", err)
	}
}
