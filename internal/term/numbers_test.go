package term

import (
	"math"
	"testing"
	"time"
)

func TestCountGroupsDigits(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 7: "7", 999: "999", 1000: "1 000", 12904: "12 904", 123456: "123 456", 1204331: "1 204 331",
		-1: "-1", -999: "-999", -1000: "-1 000", math.MinInt64: "-9 223 372 036 854 775 808",
	} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestShortKeepsTwoOrThreeDigits(t *testing.T) {
	for n, want := range map[float64]string{
		0: "0", 1: "1", 950: "950", 999.4: "999", 999.5: "1.0 k", 1000: "1.0 k", 1_200_000: "1.2 M",
		99_949: "99.9 k", 99_950: "100 k", 412_300: "412 k", 999_499: "999 k", 999_500: "1.0 M",
		9.13e9: "9.1 G", 5e15: "5000 T", -1_200_000: "-1.2 M",
	} {
		if got := Short(n); got != want {
			t.Errorf("Short(%g) = %q, want %q", n, got, want)
		}
	}
}

func TestRateIsExactWhileSmall(t *testing.T) {
	for n, want := range map[float64]string{
		0: "0/s", 7912.4: "7 912/s", 9999.4: "9 999/s", 9999.5: "10.0k/s", 41_200: "41.2k/s", 388_000: "388k/s",
		9.13e6: "9.1M/s", math.Inf(1): "0/s", math.NaN(): "0/s",
	} {
		if got := Rate(n); got != want {
			t.Errorf("Rate(%g) = %q, want %q", n, got, want)
		}
	}
}

func TestBytesUsesBinaryUnits(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 512: "512 B", 1023: "1023 B", 1024: "1.0 KiB", 47_395_635: "45.2 MiB", 100 << 20: "100 MiB",
		1<<30 - 1: "1.0 GiB", 1 << 40: "1.0 TiB", math.MaxInt64: "8.0 EiB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestDurationHasOneOrTwoUnits(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0 s"},
		{412, "412 ns"},
		{1500, "2 µs"},
		{999_499 * time.Nanosecond, "999 µs"},
		{999_500 * time.Nanosecond, "1 ms"},
		{38 * time.Millisecond, "38 ms"},
		{999_600 * time.Microsecond, "1.0 s"},
		{1234 * time.Millisecond, "1.2 s"},
		{9949 * time.Millisecond, "9.9 s"},
		{9950 * time.Millisecond, "10 s"},
		{59_499 * time.Millisecond, "59 s"},
		{59_500 * time.Millisecond, "1 min 00 s"},
		{245 * time.Second, "4 min 05 s"},
		{time.Hour - 500*time.Millisecond, "1 h 00 min"},
		{123 * time.Minute, "2 h 03 min"},
		{27 * time.Hour, "27 h 00 min"},
		{-38 * time.Millisecond, "-38 ms"},
		{math.MinInt64, "-2562047 h 47 min"},
	} {
		if got := Duration(c.d); got != c.want {
			t.Errorf("Duration(%d) = %q, want %q", c.d, got, c.want)
		}
	}
}
