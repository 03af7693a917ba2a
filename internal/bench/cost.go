package bench

import (
	"runtime"
	"time"
)

// A cost is what a piece of work took.
type cost struct {
	wall       time.Duration
	cpu        time.Duration // of the whole process, user and system
	allocs     uint64
	allocBytes uint64
}

func (c cost) plus(d cost) cost {
	return cost{c.wall + d.wall, c.cpu + d.cpu, c.allocs + d.allocs, c.allocBytes + d.allocBytes}
}

// A meter measures from its start to its stop.
type meter struct {
	at  time.Time
	cpu time.Duration
	mem runtime.MemStats
}

// startMeter collects garbage, which is whoever's came before, and starts.
func startMeter() *meter {
	runtime.GC()
	m := &meter{}
	runtime.ReadMemStats(&m.mem)
	m.cpu = processCPU()
	m.at = time.Now()
	return m
}

func (m *meter) stop() cost {
	c := cost{wall: time.Since(m.at), cpu: processCPU() - m.cpu}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	c.allocs, c.allocBytes = mem.Mallocs-m.mem.Mallocs, mem.TotalAlloc-m.mem.TotalAlloc
	return c
}
