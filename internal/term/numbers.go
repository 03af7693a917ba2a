package term

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Count writes n in full with its digits in threes: 12 904.
func Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	first := 0 // of the digits
	if n < 0 {
		first = 1
	}
	grouped := make([]byte, 0, len(digits)*4/3+1)
	for i := range len(digits) {
		if i > first && (len(digits)-i)%3 == 0 {
			grouped = append(grouped, ' ')
		}
		grouped = append(grouped, digits[i])
	}
	return string(grouped)
}

// Short writes n with two or three digits that matter: 950, 1.2 M, 412 k.
func Short(n float64) string {
	digits, unit := scale(n, 1000, []string{"", " k", " M", " G", " T"})
	return digits + unit
}

// Rate writes a number a second: 7 912/s, 41.2k/s, 9.1M/s. What no time has
// passed for, and so has no rate, is 0/s.
func Rate(perSecond float64) string {
	if math.IsNaN(perSecond) || math.IsInf(perSecond, 0) {
		perSecond = 0
	}
	const inFull = 10_000 // below it all digits are shown
	if math.Abs(math.Round(perSecond)) < inFull {
		return Count(int64(math.Round(perSecond))) + "/s"
	}
	digits, unit := scale(perSecond, 1000, []string{"", "k", "M", "G", "T"})
	return digits + unit + "/s"
}

// Bytes writes a size in the units of memory: 512 B, 45.2 MiB.
func Bytes(n int64) string {
	digits, unit := scale(float64(n), 1024, []string{" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"})
	return digits + unit
}

// scale divides n by step until what is written before the point is less than
// step, and returns the digits with the unit reached.
func scale(n, step float64, units []string) (digits, unit string) {
	for i, unit := range units {
		size := math.Abs(n)
		switch {
		case i == 0 && math.Round(size) < step:
			return strconv.FormatFloat(n, 'f', 0, 64), unit
		case i > 0 && size < 99.95: // what rounds to 100.0 is 100
			return strconv.FormatFloat(n, 'f', 1, 64), unit
		case i > 0 && math.Round(size) < step, i == len(units)-1:
			return strconv.FormatFloat(n, 'f', 0, 64), unit
		}
		n /= step
	}
	return "", ""
}

// Duration writes d in one or two units: 412 ns, 38 ms, 1.2 s, 12 s, 4 min 05 s,
// 2 h 03 min.
func Duration(d time.Duration) string {
	if d < 0 {
		return "-" + Duration(-max(d, -math.MaxInt64))
	}
	switch {
	case d == 0:
		return "0 s"
	case d < time.Microsecond:
		return fmt.Sprintf("%d ns", d)
	case d.Round(time.Microsecond) < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Round(time.Microsecond)/time.Microsecond)
	case d.Round(time.Millisecond) < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond)/time.Millisecond)
	case d.Round(time.Second/10) < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Round(time.Second/10).Seconds())
	case d.Round(time.Second) < time.Minute:
		return fmt.Sprintf("%d s", d.Round(time.Second)/time.Second)
	case d.Round(time.Second) < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d min %02d s", d/time.Minute, d%time.Minute/time.Second)
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
}
