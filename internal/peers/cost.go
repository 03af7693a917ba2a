package main

import (
	"runtime"
	"time"
)

// A cost is what a piece of work took.
type cost struct {
	wall time.Duration
	cpu  time.Duration // of the whole process, user and system
}

// A meter measures from its start to its stop.
type meter struct {
	at  time.Time
	cpu time.Duration
}

// startMeter collects garbage, which is whoever's came before, and starts.
func startMeter() meter {
	runtime.GC()
	return meter{cpu: processCPU(), at: time.Now()}
}

func (m meter) stop() cost { return cost{wall: time.Since(m.at), cpu: processCPU() - m.cpu} }
