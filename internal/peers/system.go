package main

import "context"

// A mode is the promise that an acknowledgement is to give.
type mode string

const (
	modeSync   mode = "sync"   // it survives the crash of the machine
	modeOS     mode = "os"     // the operating system has it
	modeMemory mode = "memory" // nothing: for what keeps no files
)

// A system is one of the things compared.
type system struct {
	name   string
	module string // whose version the report gives

	// durability says what an acknowledgement means in each mode that the
	// system has.
	durability map[mode]durability

	// checks says what the system verifies of the records it reads; "" is
	// nothing.
	checks string

	// minBatch is the smallest batch, in records, that the system is asked for.
	minBatch int

	// open opens what is in dir, or makes it.
	open func(ctx context.Context, dir string, m mode) (store, error)
}

// A durability is a promise in the words of the system.
type durability struct {
	words string
	alike bool // as strong as what the mode asks for
}

// A store is an open system. It belongs to one goroutine.
type store interface {
	// appendBatch appends the values as records and returns when all are
	// acknowledged. It keeps none of the values.
	appendBatch(ctx context.Context, values [][]byte) error

	// readAll adds every record to sum, in order. Want is how many there
	// should be, for systems whose readers never come to an end.
	readAll(ctx context.Context, want int64, sum *tally) error

	// close makes what was appended last as the system has it, and gives the
	// directory up.
	close() error
}

// systems are all, Freshet first: the others' ratios are to it.
func systems() []system {
	return []system{freshetSystem(), natsSystem(), natsAtomicSystem(), kfakeSystem(), walSystem(), pebbleSystem()}
}

// streamName is what topics and streams are called where they need a name.
const streamName = "bench"
