package term

import (
	"math"
	"testing"
	"time"
)

func TestBarIsDrawnInEighths(t *testing.T) {
	for _, c := range []struct {
		fraction float64
		width    int
		want     string
	}{
		{0, 4, ""},
		{1e-9, 4, "▏"},
		{1.0 / 8, 1, "▏"},
		{2.0 / 8, 1, "▎"},
		{3.0 / 8, 1, "▍"},
		{4.0 / 8, 1, "▌"},
		{5.0 / 8, 1, "▋"},
		{6.0 / 8, 1, "▊"},
		{7.0 / 8, 1, "▉"},
		{1, 1, "█"},
		{0.5, 4, "██"},
		{0.61, 4, "██▌"},
		{0.999, 4, "████"},
		{2, 4, "████"},
		{-1, 4, ""},
		{math.NaN(), 4, ""},
		{math.Inf(1), 4, "████"},
		{1, 0, ""},
		{1, -3, ""},
	} {
		if got := Bar(c.fraction, c.width); got != c.want {
			t.Errorf("Bar(%g, %d) = %q, want %q", c.fraction, c.width, got, c.want)
		}
	}
}

func TestProgressLine(t *testing.T) {
	for _, c := range []struct {
		name string
		p    Progress
		want string
	}{
		{"begun", Progress{Done: 0, Total: 100, Elapsed: time.Second}, "             0 %"},
		{"under way", Progress{Done: 61, Total: 100, Elapsed: 61 * time.Second / 10}, "██████▏     61 %  ETA 4 s"},
		{"minutes to go", Progress{Done: 1, Total: 100, Elapsed: 3 * time.Second}, "▏            1 %  ETA 4 min 57 s"},
		{"goes on where it was", Progress{Done: 60, Total: 100, Began: 50, Elapsed: time.Second}, "██████      60 %  ETA 4 s"},
		{"nothing done since", Progress{Done: 50, Total: 100, Began: 50, Elapsed: time.Second}, "█████       50 %"},
		{"almost", Progress{Done: 9_999, Total: 10_000, Elapsed: time.Second}, "██████████  99 %  ETA 1 s"},
		{"done", Progress{Done: 100, Total: 100, Elapsed: time.Second}, "██████████ 100 %"},
		{"the input grew", Progress{Done: 101, Total: 100, Elapsed: time.Second}, "██████████ 100 %"},
		{"no work", Progress{}, "██████████ 100 %"},
		{"hopeless", Progress{Done: 1, Total: math.MaxInt64, Elapsed: time.Hour}, "▏            0 %  ETA 1000 h 00 min"},
	} {
		if got := c.p.Line(10); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestColumnsAreExactlyAsWide(t *testing.T) {
	for _, c := range []struct {
		got, want string
	}{
		{Left("the", 5), "the  "},
		{Left("therefore", 5), "ther…"},
		{Left("生命生命", 6), "生命… "},
		{Left("\x1b[1mthe\x1b[0m", 4), "\x1b[1mthe\x1b[0m "},
		{Left("the", 0), ""},
		{Right("1 204", 7), "  1 204"},
		{Right("1 204 331", 7), "1 204 …"},
		{Right("1 204", 5), "1 204"},
		{Right("生命", 5), " 生命"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestPrintableDisarmsText(t *testing.T) {
	for in, want := range map[string]string{
		"plain words": "plain words", "Größe 生命 e\u0301": "Größe 生命 e\u0301",
		"\x1b[2J": "\ufffd[2J", "a\tb\r\n": "a\ufffdb\ufffd\ufffd", "\xff\xfe": "\ufffd\ufffd",
		"abc\u202edef": "abc\ufffddef", "\u009b31m": "\ufffd31m",
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}
