package term

import (
	"fmt"
	"time"
)

// A Progress is how much of a known amount of work is done.
type Progress struct {
	Done, Total int64

	// Began is the part of Done that was there when Elapsed began. A program
	// that goes on where it was must not take it for its own speed.
	Began   int64
	Elapsed time.Duration
}

// Fraction is between 0 and 1; no work at all is done.
func (p Progress) Fraction() float64 {
	if p.Total <= 0 || p.Done >= p.Total {
		return 1
	}
	return max(float64(p.Done)/float64(p.Total), 0)
}

// Left is how long the rest takes at the average speed since Began. It is not
// known before something is done.
func (p Progress) Left() (left time.Duration, known bool) {
	switch done := p.Done - p.Began; {
	case p.Done >= p.Total:
		return 0, true
	case done <= 0 || p.Elapsed <= 0:
		return 0, false
	default:
		seconds := p.Elapsed.Seconds() * float64(p.Total-p.Done) / float64(done)
		const longest = 1000 * time.Hour // beyond it, nobody waits, and Duration would overflow one day
		return time.Duration(min(seconds, longest.Seconds()) * float64(time.Second)), true
	}
}

// Line draws the progress, its bar barWidth cells wide:
//
//	████████▌        61 %  ETA 4 s
func (p Progress) Line(barWidth int) string {
	fraction := p.Fraction()
	// Rounded down, so that 100 % is not shown before the end.
	line := fmt.Sprintf("%s %3d %%", Left(Bar(fraction, barWidth), barWidth), int(fraction*100))
	left, known := p.Left()
	if !known || left == 0 {
		return line
	}
	if left < time.Minute {
		return line + fmt.Sprintf("  ETA %d s", (left+time.Second-1)/time.Second)
	}
	return line + "  ETA " + Duration(left)
}
