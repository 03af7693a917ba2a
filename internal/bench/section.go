package bench

import (
	"context"
	"fmt"
	"slices"

	"github.com/freshet/freshet/log"
)

// A Section is a part of what [Log] measures.
type Section string

// The sections of [Log].
const (
	SectionAppend      Section = "append"      // appending and reading against a bare loop
	SectionProducers   Section = "producers"   // many goroutines, one log
	SectionKeys        Section = "keys"        // partitions chosen by key
	SectionCompression Section = "compression" // codecs, on values that compress
	SectionPartitions  Section = "partitions"  // commits spread over many partitions
	SectionRecovery    Section = "recovery"    // opening after a kill
	SectionOpen        Section = "open"        // opening many partitions
	SectionLatency     Section = "latency"     // commits at a fixed rate
	SectionHeld        Section = "held"        // disk, files and memory; overload
)

// Sections returns all sections, in the order in which they are measured.
func Sections() []Section {
	return []Section{SectionAppend, SectionProducers, SectionKeys, SectionCompression, SectionPartitions,
		SectionRecovery, SectionOpen, SectionLatency, SectionHeld}
}

// measureSection adds one section to the report.
func (c LogConfig) measureSection(ctx context.Context, s Section, r *LogReport) (err error) {
	switch s {
	case SectionAppend:
		r.Rows, err = c.appendAndRead(ctx)
	case SectionProducers:
		r.Producers, err = c.producers(ctx)
	case SectionKeys:
		r.Keys, err = c.keys(ctx)
	case SectionCompression:
		r.Compression, err = c.compression(ctx)
	case SectionPartitions:
		r.Partitions, err = c.partitions(ctx)
	case SectionRecovery:
		r.Recovery, err = c.recovery(ctx)
	case SectionOpen:
		r.Open, err = c.opening(ctx)
	case SectionLatency:
		r.Latency, err = c.latency(ctx)
	case SectionHeld:
		r.Held, r.Overload, err = c.heldAndOverload(ctx)
	default:
		err = fmt.Errorf("there is no section %q", s)
	}
	return err
}

// sectionRounds is how often rows are measured that are not of [SectionAppend].
func (c LogConfig) sectionRounds() int {
	if c.Short {
		return 1
	}
	return c.Rounds
}

// osAndSync are the durabilities to measure, without the one in between.
func (c LogConfig) osAndSync() []log.Durability {
	return slices.DeleteFunc(slices.Clone(c.Durabilities), func(d log.Durability) bool { return d == log.Interval })
}

// sizes returns what was asked for, or the defaults of the form.
func sizes[T any](asked []T, short bool, few, all []T) []T {
	switch {
	case len(asked) > 0:
		return asked
	case short:
		return few
	}
	return all
}
