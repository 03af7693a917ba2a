package bench

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A pacer waits for moments. It belongs to one goroutine. Here it is a timer
// with a file descriptor: time.Sleep wakes up as much as a millisecond late in
// a program that has nothing else to do, which would be taken for latency.
type pacer struct {
	fd int
	f  *os.File
}

func newPacer() (*pacer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	return &pacer{fd: fd, f: os.NewFile(uintptr(fd), "timer")}, nil
}

// wait returns when d has passed.
func (p *pacer) wait(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(d.Nanoseconds())}
	if err := unix.TimerfdSettime(p.fd, 0, &spec, nil); err != nil {
		return os.NewSyscallError("timerfd_settime", err)
	}
	var expired [8]byte
	_, err := p.f.Read(expired[:])
	return err
}

func (p *pacer) close() error { return p.f.Close() }
