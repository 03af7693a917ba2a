package log

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

// A modelHistory takes a log through random operations of all kinds and crashes
// it at random operations of the file system. It keeps a ledger for each
// operation: after a crash the log must be what one of them says, no older than
// the last that was acknowledged.
type modelHistory struct {
	*history
	b       *Broker
	ledgers []*ledger // of the operations since it was opened, the first that of the opening
	durable int       // which of them a power cut leaves in any case
	now     time.Time
	mono    time.Duration // since it was opened
	values  int
	attempt int // transactions that were begun
	fences  map[string]Fence
	stale   map[string]Fence // that somebody else has taken over from
	done    map[string]int   // operations, by name
}

func newModelHistory(seed uint64) *modelHistory {
	h := &modelHistory{history: newHistory(seed), now: time.UnixMilli(1_700_000_000_000), done: map[string]int{}}
	h.cfg.Now = func() time.Time { return h.now }
	h.cfg.CleanerBufferBytes = 1 << 10
	h.cfg.OpenFiles = 6 + h.rng.IntN(20)
	h.ledgers = []*ledger{newLedger()}
	return h
}

// run lives several lives.
func (h *modelHistory) run() error {
	for range 2 + h.rng.IntN(4) {
		h.crash = &crashPoint{after: h.rng.IntN(400), power: h.rng.IntN(3) > 0}
		if h.rng.IntN(4) == 0 {
			h.crash.after = h.rng.IntN(30) // while it opens
		}
		if err := h.life(h.rng.IntN(120)); err != nil {
			return err
		}
		h.survive()
	}
	h.crash = &crashPoint{after: 1 << 30}
	return h.life(0)
}

func (h *modelHistory) survive() {
	if h.crash.left == nil {
		return
	}
	h.mem = h.crash.left
	h.acked = h.crash.acked
	if h.crash.power {
		h.boot++
		if h.cfg.Durability != Sync {
			h.acked = h.durable
			for i := range h.ledgers {
				h.ledgers[i] = h.ledgers[i].forget()
			}
		}
	}
}

// life opens the log, compares it, and does so many operations, or what comes
// before the crash.
func (h *modelHistory) life(operations int) error {
	b, err := OpenFS(h.fs(), h.cfg)
	if err != nil {
		return h.unlessCrashed(fmt.Errorf("open: %w", err))
	}
	h.b, h.mono, h.fences, h.stale = b, 0, map[string]Fence{}, h.fences
	if err := h.settle(); err != nil {
		return h.unlessCrashed(err)
	}
	for range operations {
		if err := h.operate(); err != nil || h.crash.left != nil {
			return h.unlessCrashed(err)
		}
		if err := b.Err(); err != nil {
			return h.unlessCrashed(err)
		}
	}
	if err := h.last().compare(b); err != nil {
		return h.unlessCrashed(fmt.Errorf("after %d operations: %w", operations, err))
	}
	err = b.Close()
	if err == nil && h.crash.left == nil {
		h.durable = len(h.ledgers) - 1
	}
	return h.unlessCrashed(err)
}

func (h *modelHistory) last() *ledger { return h.ledgers[len(h.ledgers)-1] }

// settle finds the operation after which the crash came.
func (h *modelHistory) settle() error {
	var errs []error
	for i := len(h.ledgers) - 1; i >= h.acked; i-- {
		err := h.ledgers[i].compare(h.b)
		if h.crash.left != nil {
			return nil
		}
		if err == nil {
			found := h.ledgers[i].adoptStarts(h.b)
			if i > h.acked { // or one before it, where readers see no difference
				found = found.forget()
			}
			h.ledgers = []*ledger{found}
			h.acked, h.durable = 0, 0
			return nil
		}
		if len(errs) < 4 {
			errs = append(errs, fmt.Errorf("operation %d: %w", i, err))
		}
	}
	return fmt.Errorf("%d operations, %d acknowledged; recovered is none of them:\n%w", len(h.ledgers)-1, h.acked, errors.Join(errs...))
}

// try does an operation after which the log should be what next says.
func (h *modelHistory) try(next *ledger, operation func() error) (done bool, err error) {
	h.ledgers = append(h.ledgers, next)
	err = operation()
	if errors.Is(err, ErrNoSpace) && h.crash.left == nil {
		h.ledgers = h.ledgers[:len(h.ledgers)-1]
		return false, nil
	}
	if err == nil {
		h.acked = len(h.ledgers) - 1
	}
	return err == nil, err
}

// TestLogAgainstModel runs random histories of every operation there is,
// FRESHET_HISTORIES of them, or as many as FRESHET_MODEL_TIME has room for (as
// 90s or 8h).
func TestLogAgainstModel(t *testing.T) {
	skipOneGoroutine(t)
	seed := testSeed(t)
	most := testCount(t, "FRESHET_HISTORIES", 500)
	var until time.Time
	if s := os.Getenv("FRESHET_MODEL_TIME"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatalf("FRESHET_MODEL_TIME: %v", err)
		}
		until = time.Now().Add(d)
	}
	done := map[string]int{}
	n := 0
	for ; n < most && until.IsZero() || time.Now().Before(until); n++ {
		h := newModelHistory(seed + uint64(n))
		if err := h.run(); err != nil {
			t.Fatalf("FRESHET_SEED=%d FRESHET_HISTORIES=1 (%v): %v", seed+uint64(n), h.cfg.Durability, err)
		}
		for what, times := range h.done {
			done[what] += times
		}
	}
	t.Logf("%d histories, operations: %v", n, done)
	for _, o := range ledgerOperations {
		if n >= 500 && done[o.name] == 0 {
			t.Errorf("no history has managed to: %s", o.name)
		}
	}
}
