package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// A Machine says where figures come from.
type Machine struct {
	Go          string  `json:"go"`
	OS          string  `json:"os"`
	Arch        string  `json:"arch"`
	Threads     int     `json:"gomaxprocs"`
	CPU         string  `json:"cpu"`    // "" where it is not known
	Kernel      string  `json:"kernel"` // "" where it is not known
	FileSystem  string  `json:"file_system"`
	FsyncMicros float64 `json:"fsync_4kib_micros"` // median
}

// A Module is a system's code and its version.
type Module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
}

func thisMachine(dir string) (Machine, error) {
	m := Machine{
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Threads: runtime.GOMAXPROCS(0),
		CPU: cpuModel(), Kernel: kernel(), FileSystem: fileSystem(dir),
	}
	took, err := fsyncTime(dir)
	m.FsyncMicros = float64(took) / float64(time.Microsecond)
	return m, err
}

// fsyncTime is the median time of an fsync after 4 KiB more in a file: what a
// sync costs here at least.
func fsyncTime(dir string) (median time.Duration, err error) {
	f, err := os.CreateTemp(dir, "freshet-peers-fsync-")
	if err != nil {
		return 0, fmt.Errorf("make a file to measure fsync with: %w (name another directory with --dir)", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	const tries = 51
	var took []time.Duration
	page := make([]byte, 4096)
	for range tries {
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		began := time.Now()
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[tries/2], nil
}

// modulesOf returns the versions of what was compared, as linked.
func modulesOf(all []system) []Module {
	versions := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			versions[dep.Path] = dep.Version
		}
	}
	paths := []string{}
	for _, s := range all {
		paths = append(paths, s.module)
		if also, ok := clientOf[s.module]; ok {
			paths = append(paths, also)
		}
	}
	slices.Sort(paths)
	var modules []Module
	for _, path := range slices.Compact(paths) {
		m := Module{Path: path, Version: versions[path]}
		if path == freshetSystem().module {
			m.Version = thisTree()
		}
		modules = append(modules, m)
	}
	return modules
}

// clientOf has the module of the client where it is not the system's own.
var clientOf = map[string]string{
	"github.com/nats-io/nats-server/v2":  "github.com/nats-io/nats.go",
	"github.com/twmb/franz-go/pkg/kfake": "github.com/twmb/franz-go",
}

// thisTree names the commit that the working directory is of. Without git, or
// outside of the repository, nobody knows.
func thisTree() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty=, changed", "--exclude=*").Output()
	if err != nil {
		return "this tree"
	}
	return strings.TrimSpace(string(out))
}
