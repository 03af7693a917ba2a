package batch

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pierrec/lz4/v4"
)

// referenceContent is what every file of testdata/reference decompresses to.
// The files were made by lz4 1.9.4, zstd 1.5.4 and Python's gzip of it, with
// options that no Go library writes: blocks of LZ4 that reach back to others
// (-BD), checksums of blocks (-BX), a content size, a window of 128 MiB (--ultra
// -22 --long=27), frames of zstd with one to skip between them, two gzip members.
func referenceContent() []byte {
	var b bytes.Buffer
	for i := range 20_000 {
		fmt.Fprintf(&b, "record %d\n", i*i%97)
	}
	return b.Bytes()
}

func readReferences(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/reference/*")
	if err != nil || len(files) != 8 {
		t.Fatalf("%v, %d files, want 8", err, len(files))
	}
	all := make(map[string][]byte)
	for _, f := range files {
		if all[filepath.Base(f)], err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func referenceCodec(name string) Codec {
	return map[string]Codec{".gz": Gzip, ".lz4": LZ4, ".zst": Zstd}[filepath.Ext(name)]
}

// TestDecompressReferences reads what the reference programs wrote.
func TestDecompressReferences(t *testing.T) {
	want := referenceContent()
	for name, src := range readReferences(t) {
		for _, limit := range []int{len(want), plenty} {
			out := output{left: limit, max: limit}
			if err := out.records(src, referenceCodec(name)); err != nil || !bytes.Equal(out.b, want) {
				t.Errorf("%s, at most %d bytes: %v and %d bytes, want %d", name, limit, err, len(out.b), len(want))
			}
		}
		out := output{left: len(want) - 1, max: len(want) - 1}
		if err := out.records(src, referenceCodec(name)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s, one byte too few: got %v, want %v", name, err, ErrTooLarge)
		}
	}
}

// TestDamagedReferences cuts the files in many places, which is always found,
// and flips bits, which is never worse than an error or other bytes.
func TestDamagedReferences(t *testing.T) {
	for name, src := range readReferences(t) {
		for n := 0; n < len(src); n += 1 + len(src)/150 {
			out := output{left: plenty, max: plenty}
			err := out.records(src[:n], referenceCodec(name))
			whole := (name == "frames.zst" || name == "members.gz") && n > 0 // a part may be whole frames
			if !errors.Is(err, ErrCorrupt) && !whole && !(n == 0 && referenceCodec(name) == Zstd) {
				t.Fatalf("the first %d bytes of %s: got %v, want %v", n, name, err, ErrCorrupt)
			}
		}
		for i := 0; i < len(src); i += 1 + len(src)/150 {
			bad := bytes.Clone(src)
			bad[i] ^= 1 << (i % 8)
			out := output{left: plenty, max: plenty}
			err := out.records(bad, referenceCodec(name))
			if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTooLarge) {
				t.Fatalf("bit %d of byte %d of %s: got %v", i%8, i, name, err)
			}
		}
	}
}

// TestLZ4Checksums shows that each of the three is looked at: a reader that
// does not would pass bytes that other clients refuse.
func TestLZ4Checksums(t *testing.T) {
	src := readReferences(t)["linked-checked.lz4"]
	header := len(lz4Header) + 8
	for what, at := range map[string]int{"header": header - 1, "block": len(src) - 9, "content": len(src) - 1} {
		bad := bytes.Clone(src)
		bad[at] ^= 1
		out := output{left: plenty, max: plenty}
		if err := out.lz4(bad); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("%s: got %v, want its checksum found wrong", what, err)
		}
	}
}

// TestLZ4ReadsOptions reads what the Go library writes with each of its options,
// and shows that both agree on the header that is written here.
func TestLZ4ReadsOptions(t *testing.T) {
	want := wordsBatch(3000)
	for _, size := range []lz4.BlockSize{lz4.Block64Kb, lz4.Block256Kb, lz4.Block1Mb, lz4.Block4Mb} {
		for _, on := range []bool{false, true} {
			var b bytes.Buffer
			w := lz4.NewWriter(&b)
			err := w.Apply(lz4.ConcurrencyOption(1), lz4.BlockSizeOption(size), lz4.ChecksumOption(on), lz4.BlockChecksumOption(on))
			if err == nil && on {
				err = w.Apply(lz4.SizeOption(uint64(len(want))))
			}
			if err == nil {
				_, err = w.Write(want)
			}
			if err = errors.Join(err, w.Close()); err != nil {
				t.Fatal(err)
			}
			out := output{left: plenty, max: plenty}
			if err := out.lz4(b.Bytes()); err != nil || !bytes.Equal(out.b, want) {
				t.Errorf("%v, checksums %v: %v and %d bytes, want %d", size, on, err, len(out.b), len(want))
			}
			if size == lz4.Block64Kb && !on && string(b.Bytes()[:len(lz4Header)]) != lz4Header {
				t.Errorf("the header is %x, want %x", b.Bytes()[:len(lz4Header)], lz4Header)
			}
		}
	}
}

func TestXXH32(t *testing.T) {
	for s, want := range map[string]uint32{ // of the algorithm's own test program
		"": 0x02CC5D05, "a": 0x550D7456, "abc": 0x32D153FF,
		"Nobody inspects the spammish repetition": 0xE2293B2F,
	} {
		if got := xxh32([]byte(s)); got != want {
			t.Errorf("%q: %08x, want %08x", s, got, want)
		}
	}
}
