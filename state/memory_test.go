package state_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/freshet/freshet/state"
	"github.com/freshet/freshet/state/statetest"
)

// A ram is a machine whose engine outlives every process.
type ram struct{ engine state.Engine }

func (r ram) Engine() state.Engine { return r.engine }
func (r ram) Crash(*rand.Rand)     {}

func TestMemory(t *testing.T) {
	statetest.TestEngine(t, func(*testing.T) state.Engine { return state.Memory() })
}

func TestMemoryStore(t *testing.T) {
	statetest.TestStore(t, 300, func(*testing.T) statetest.Machine { return ram{state.Memory()} })
}

func TestMemoryOpenTakesOver(t *testing.T) {
	e := state.Memory()
	old, err := e.Open("0_0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Open("0_0"); err != nil {
		t.Fatal(err)
	}
	if err := old.Apply(nil); !errors.Is(err, state.ErrClosed) {
		t.Errorf("Apply by the former owner: %v, want ErrClosed", err)
	}
}
