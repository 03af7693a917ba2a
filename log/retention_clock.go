package log

import (
	"math"
	"time"
)

// A settledClock is the wall clock as the cleaner believes it: only what two
// looks agree on, an interval of monotonic time apart, so that no jump of the
// clock makes anything expire that comes back from it by the second look.
type settledClock struct {
	interval  time.Duration
	looked    bool
	at        time.Duration // of the last look, monotonic
	wall      int64         // what it said, in epoch milliseconds
	confirmed int64         // the smaller of what the last two said
}

func newSettledClock(interval time.Duration) settledClock {
	return settledClock{interval: interval, confirmed: math.MinInt64}
}

// due reports whether it is time for the next look.
func (c *settledClock) due(mono time.Duration) bool { return !c.looked || mono-c.at >= c.interval }

// look takes in what the wall clock says.
func (c *settledClock) look(mono time.Duration, wall int64) {
	if c.looked {
		c.confirmed = min(c.wall, wall)
	}
	c.looked, c.at, c.wall = true, mono, wall
}

// millis returns the time that has come for sure, in epoch milliseconds, given
// what the wall clock says now; math.MinInt64 before the second look.
func (c *settledClock) millis(wall int64) int64 { return min(c.confirmed, wall) }

// longAgo reports whether more than d has passed since a time, both for sure.
func longAgo(millis, now int64, d time.Duration) bool {
	return now != math.MinInt64 && millis <= now && now-millis > d.Milliseconds()
}
