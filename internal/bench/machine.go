package bench

import "runtime"

// A Machine says where a report comes from.
type Machine struct {
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Threads int    `json:"threads"` // GOMAXPROCS
}

func thisMachine() Machine {
	return Machine{Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Threads: runtime.GOMAXPROCS(0)}
}
