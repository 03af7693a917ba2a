package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

const (
	// bombLimit is what the tests of this file allow a batch to decompress to.
	bombLimit = 1 << 20

	// codecBytes bounds the constant that a decoder takes beside its output: a
	// window of 8 MiB and zstd's tables, or what gzip has.
	codecBytes = 12 << 20
)

func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// stream compresses n zeros by w, which writes to the buffer.
func stream(t *testing.T, out *bytes.Buffer, w io.WriteCloser, n int64) []byte {
	t.Helper()
	if _, err := io.Copy(w, zeros(n)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gzipZeros(t *testing.T, n int64) []byte {
	var out bytes.Buffer
	return stream(t, &out, gzip.NewWriter(&out), n)
}

func zstdZeros(t *testing.T, n int64, options ...zstd.EOption) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, append(options, zstd.WithEncoderConcurrency(1))...)
	if err != nil {
		t.Fatal(err)
	}
	return stream(t, &out, w, n)
}

func lz4Zeros(t *testing.T, n int64, options ...lz4.Option) []byte {
	t.Helper()
	var out bytes.Buffer
	w := lz4.NewWriter(&out)
	if err := w.Apply(append(options, lz4.ConcurrencyOption(1))...); err != nil {
		t.Fatal(err)
	}
	return stream(t, &out, w, n)
}

func xerial(blocks ...[]byte) []byte {
	b := []byte(xerialMagic + xerialVersion + xerialVersion)
	for _, block := range blocks {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(block))), block...)
	}
	return b
}

// rle is a zstd frame of n blocks that each say one byte 128 Ki times, with the
// window descriptor given.
func rle(n int, window byte) []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, window}
	for i := range n {
		head := uint32(zstdBlockBytes<<3 | 1<<1)
		if i == n-1 {
			head |= 1
		}
		b = append(b, byte(head), byte(head>>8), byte(head>>16), 0)
	}
	return b
}

// bombs are records that decompress to far more than bombLimit.
func bombs(t *testing.T) map[string]struct {
	codec   Codec
	records []byte
} {
	type bomb = struct {
		codec   Codec
		records []byte
	}
	const big = 32 << 20
	few := zeroBlock(64 << 10)
	return map[string]bomb{
		"gzip zeros":                 {Gzip, gzipZeros(t, big)},
		"gzip members":               {Gzip, bytes.Repeat(gzipZeros(t, 1000), 10_000)},
		"gzip empty, then zeros":     {Gzip, append(bytes.Repeat(gzipZeros(t, 0), 1000), gzipZeros(t, big)...)},
		"zstd zeros":                 {Zstd, zstdZeros(t, big)},
		"zstd zeros, window 512 MiB": {Zstd, zstdZeros(t, big, zstd.WithWindowSize(zstd.MaxWindowSize))},
		"zstd repeated, window huge": {Zstd, rle(1024, 0xff)},
		"zstd repeated, window tiny": {Zstd, rle(1024, 7<<3)},
		"zstd frames":                {Zstd, bytes.Repeat(rle(1, 10<<3), 1024)},
		"zstd declares 2^62":         {Zstd, append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x40}, 1, 0, 0)},
		"lz4 zeros, 64 KiB blocks":   {LZ4, lz4Zeros(t, big, lz4.BlockSizeOption(lz4.Block64Kb))},
		"lz4 zeros, 4 MiB blocks":    {LZ4, lz4Zeros(t, big, lz4.BlockSizeOption(lz4.Block4Mb))},
		"snappy zeros":               {Snappy, s2.EncodeSnappy(nil, make([]byte, big))},
		"xerial zeros":               {Snappy, xerial(s2.EncodeSnappy(nil, make([]byte, big)))},
		"xerial blocks":              {Snappy, xerial(bytesOf(few, 4096)...)},
	}
}

func zeroBlock(n int) []byte { return s2.EncodeSnappy(nil, make([]byte, n)) }

func bytesOf(b []byte, n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = b
	}
	return all
}

// allocatedBy returns how many bytes f allocates, freed or not.
func allocatedBy(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestBombs shows that what decompresses to more than it may is refused, and
// that nothing near its size is allocated on the way: the output doubles until
// the limit, which comes to less than three times that in all, beside the
// decoder's own.
func TestBombs(t *testing.T) {
	for name, bomb := range bombs(t) {
		t.Run(name, func(t *testing.T) {
			b := withRecords(smallBatch(), bomb.records, bomb.codec)
			var err error
			var got []byte
			allocated := allocatedBy(func() { got, err = Decompress(nil, b, bombLimit) })
			if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "over 1048576 bytes") || len(got) != 0 {
				t.Errorf("got %v and %d bytes, want %v", err, len(got), ErrTooLarge)
			}
			if limit := 3*uint64(bombLimit) + 4*uint64(len(b)) + codecBytes; allocated > limit {
				t.Errorf("allocated %d bytes, want at most %d", allocated, limit)
			}
			if cap(got) > bombLimit {
				t.Errorf("the output grew to %d bytes, want at most %d", cap(got), bombLimit)
			}
		})
	}
}

// TestDeclaredSizesAreNotBelieved gives it little bytes that say they are many,
// and a large limit: nothing is allocated for them.
func TestDeclaredSizesAreNotBelieved(t *testing.T) {
	const huge = "\xff\xff\xff\xff\x0f" // 4294967295
	lz4Frame := lz4Zeros(t, 100, lz4.BlockSizeOption(lz4.Block4Mb))
	for name, lie := range map[string]struct {
		codec   Codec
		records string
	}{
		"snappy":                    {Snappy, huge + "\x00x"},
		"snappy, nothing":           {Snappy, huge},
		"snappy literal":            {Snappy, huge + "\xfc\xff\xff\xff\xffx"},
		"snappy copy":               {Snappy, "\xc0\x84\x3d\x00x\x06"},
		"snappy length":             {Snappy, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"},
		"snappy of S2":              {Snappy, "\x09\x00x\x01\x01\x01\x00"}, // the decoder would repeat
		"xerial size":               {Snappy, xerialMagic + xerialVersion + xerialVersion + "\xff\xff\xff\xff"},
		"xerial size, signed":       {Snappy, xerialMagic + xerialVersion + xerialVersion + "\x80\x00\x00\x00\x00"},
		"xerial block":              {Snappy, string(xerial([]byte(huge + "\x00x")))},
		"xerial version":            {Snappy, xerialMagic + "\x00\x00\x00\x00" + xerialVersion},
		"xerial, no size":           {Snappy, string(xerial(nil)[:xerialHeaderBytes]) + "\x00\x00"},
		"lz4 block":                 {LZ4, lz4Header + "\xff\xff\x00\x00x"},
		"lz4 block, too large":      {LZ4, lz4Header + "\xff\xff\x01\x00x"},
		"lz4 block, raw":            {LZ4, lz4Header + "\xff\xff\x00\x80x"},
		"lz4 block, raw, too large": {LZ4, lz4Header + "\x01\x00\x01\x80" + strings.Repeat("x", 1<<16+1) + "\x00\x00\x00\x00"},
		"lz4 match":                 {LZ4, lz4Header + "\x05\x00\x00\x00\x1fx\x01\x00\xff\x00\x00\x00\x00"},
		"lz4 over its block":        {LZ4, lz4Header + "\xf4\x01\x00\x00\x1fx\x01\x00" + strings.Repeat("\xff", 494) + "\x00\x00" + "\x00\x00\x00\x00"},
		"lz4 of 4 MiB, torn":        {LZ4, string(lz4Frame[:len(lz4Frame)-9])},
		"lz4, something behind":     {LZ4, string(lz4Frame) + "x"},
		"lz4 twice":                 {LZ4, string(lz4Frame) + string(lz4Frame)},
		"lz4 header":                {LZ4, "\x04\x22\x4d\x18\x60\x40\x83\x00\x00\x00\x00"},
		"lz4 header of version 0":   {LZ4, "\x04\x22\x4d\x18\x20\x40\x82\x00\x00\x00\x00"},
		"lz4 block size reserved":   {LZ4, "\x04\x22\x4d\x18\x60\x30\x82\x00\x00\x00\x00"},
		"lz4 of old Linux":          {LZ4, "\x02\x21\x4c\x18\x04\x00\x00\x00\x10x\x00\x00"},
		"zstd single segment":       {Zstd, "\x28\xb5\x2f\xfd\xa0\x00\x00\x00\x02\x01\x00\x00"},
		"zstd with content size":    {Zstd, "\x28\xb5\x2f\xfd\x80\x98\x00\x00\x00\x02\x15\x00\x00xx"},
		"zstd skips":                {Zstd, "\x50\x2a\x4d\x18\xff\xff\xff\xff"},
		"zstd block":                {Zstd, "\x28\xb5\x2f\xfd\x00\x50\xf9\xff\x0fxx"},
		"zstd block reserved":       {Zstd, "\x28\xb5\x2f\xfd\x00\x50\x07\x00\x00"},
		"zstd reserved":             {Zstd, "\x28\xb5\x2f\xfd\x08\x50\x01\x00\x00"},
		"zstd dictionary":           {Zstd, "\x28\xb5\x2f\xfd\x01\x50\x07\x01\x00\x00"},
		"zstd magic":                {Zstd, "\x29\xb5\x2f\xfd\x00\x50\x01\x00\x00"},
		"zstd, a header only":       {Zstd, "\x28\xb5\x2f\xfd\x00\x50\x00"},
		"zstd without checksum":     {Zstd, "\x28\xb5\x2f\xfd\x04\x50\x01\x00\x00"},
		"gzip header":               {Gzip, "\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\x00\xff\xff"},
		"gzip, nothing":             {Gzip, ""},
		"gzip, then more":           {Gzip, string(gzipZeros(t, 100)) + "x"},
	} {
		t.Run(name, func(t *testing.T) {
			out := output{left: 1 << 30, max: 1 << 30}
			var err error
			allocated := allocatedBy(func() { err = out.records([]byte(lie.records), lie.codec) })
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("got %v, want %v", err, ErrCorrupt)
			}
			if allocated > 1<<20 {
				t.Errorf("allocated %d bytes, want at most 1 MiB", allocated)
			}
		})
	}
}

// TestZstdWindowIsWhatBlocksCanFill shows that a window of 128 MiB, which Java
// declares at the highest level, costs nothing where the batch is small, and is
// refused where it is needed.
func TestZstdWindowIsWhatBlocksCanFill(t *testing.T) {
	const window128 = 17 << 3
	good := rle(1, window128)
	var out output
	allocated := allocatedBy(func() {
		out = output{left: 1 << 30, max: 1 << 30}
		if err := out.zstd(good); err != nil || len(out.b) != zstdBlockBytes {
			t.Errorf("%v and %d bytes, want %d", err, len(out.b), zstdBlockBytes)
		}
	})
	if allocated > 2<<20 {
		t.Errorf("allocated %d bytes, want at most 2 MiB", allocated)
	}
	out = output{left: 1 << 30, max: 1 << 30}
	if err := out.zstd(rle(100, window128)); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "window") {
		t.Errorf("got %v, want the window refused", err)
	}
}

// TestZstdLimitIsNotCorruption has a batch reach back over more than may come
// out, in the block that goes past it: that is too large, not wrong.
func TestZstdLimitIsNotCorruption(t *testing.T) {
	content := make([]byte, 200<<10, 250<<10)
	seed := uint32(1)
	for i := range content {
		seed = seed*1664525 + 1013904223
		content[i] = byte(seed >> 24)
	}
	content = append(content, content[:50<<10]...)
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	if err == nil {
		_, err = w.Write(content)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{150 << 10, 250<<10 - 1} {
		out := output{left: limit, max: limit}
		if err := out.zstd(b.Bytes()); !errors.Is(err, ErrTooLarge) {
			t.Errorf("at most %d bytes: got %v, want %v", limit, err, ErrTooLarge)
		}
	}
	out := output{left: len(content), max: len(content)}
	if err := out.zstd(b.Bytes()); err != nil || !bytes.Equal(out.b, content) {
		t.Errorf("%v and %d bytes, want %d", err, len(out.b), len(content))
	}
}
