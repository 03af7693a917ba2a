//go:build !linux

package bench

import "time"

// A pacer waits for moments, as exactly as time.Sleep does here.
type pacer struct{}

func newPacer() (*pacer, error) { return &pacer{}, nil }

// wait returns when d has passed.
func (p *pacer) wait(d time.Duration) error {
	time.Sleep(d)
	return nil
}

func (p *pacer) close() error { return nil }
