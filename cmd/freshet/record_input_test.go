package main

import (
	"bufio"
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/freshet/freshet/log"
	"github.com/google/go-cmp/cmp"
)

// TestRecordsGoThereAndBackAsJSON prints random records as consume does, and
// reads them as produce does.
func TestRecordsGoThereAndBackAsJSON(t *testing.T) {
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, 0))
	value := func() []byte {
		b := make([]byte, rng.IntN(12))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		switch rng.IntN(5) {
		case 0:
			return nil
		case 1:
			return []byte("a <text> \"with\" \\ and\n\tü" + string('a'+rune(rng.IntN(26))))
		case 2:
			return int64Of(rng.Int64() - rng.Int64())
		case 3:
			return []byte{}
		}
		return b
	}
	for range 2000 {
		want := log.Record{Key: value(), Value: value(), TimestampMillis: rng.Int64N(1 << 41)}
		for range rng.IntN(3) {
			want.Headers = append(want.Headers, log.Header{Key: "h", Value: value()})
		}
		var line bytes.Buffer
		p := recordPrinter{w: bufio.NewWriter(&line), format: formatJSONL, key: serdeAuto, value: serdeAuto}
		if err := p.print(log.TopicPartition{Topic: "t", Partition: 3}, &want); err != nil {
			t.Fatal(err)
		}
		if err := p.w.Flush(); err != nil {
			t.Fatal(err)
		}
		got, err := parseRecord(line.Bytes(), 4)
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, &line, err)
		}
		want.Offset = 4 // stands for the partition
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %s: %s", seed, &line, diff)
		}
	}
}
