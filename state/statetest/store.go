package statetest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/freshet/freshet/state"
)

// A Machine is where an engine runs, and what a crash leaves of it.
type Machine interface {
	// Engine returns the engine after the last crash.
	Engine() state.Engine
	// Crash ends the process, or the machine, in the middle of whatever goes on.
	Crash(rng *rand.Rand)
}

// TestStore runs random histories of one store, with every kind of options.
func TestStore(t *testing.T, histories int, newMachine func(t *testing.T) Machine) {
	for seed := range uint64(histories) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			h := newHistory(t, rng, newMachine(t))
			for range 400 {
				h.step()
			}
			h.settle()
			h.crash()
			h.check()
			h.close()
		})
	}
}

// tiny makes every Trim evict whatever it can.
const tiny = 1
