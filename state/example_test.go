package state_test

import (
	"fmt"

	"github.com/freshet/freshet/serde"
	"github.com/freshet/freshet/state"
)

// A task counts words: its records change the overlay, its commit seals it, and
// once the log has said Committed the values go down to the DB.
func Example() {
	db, err := state.Memory().Open("0_0")
	if err != nil {
		fmt.Println(err)
		return
	}
	counts := state.NewOverlay("counts", serde.String, serde.Int64, db, state.Options{EveryUpdate: true})
	for _, word := range []string{"spring", "flood", "spring"} {
		e, err := counts.Find(word)
		if err != nil {
			fmt.Println(err)
			return
		}
		n, _ := e.Value()
		counts.Put(e, n+1, 0)
	}

	err = counts.Seal(func(key, value []byte, _ int64) error {
		fmt.Printf("changelog %s = %x\n", key, value)
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	counts.Committed()

	writes := append(counts.Drain(nil), state.PositionWrite("counts", state.Position{Offset: 2}))
	state.SortWrites(writes)
	if err := db.Apply(writes); err != nil {
		fmt.Println(err)
		return
	}
	counts.Drained()
	fmt.Println("not in the DB:", counts.DirtyBytes(), "bytes")
	// Output:
	// changelog spring = 0000000000000002
	// changelog flood = 0000000000000001
	// not in the DB: 0 bytes
}
