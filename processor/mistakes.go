package processor

import (
	"fmt"
)

func (b *Builder) check(err error, location string) {
	if err != nil {
		b.faults = append(b.faults, &BuildError{Location: location, Err: err})
	}
}

// A BuildError is one mistake in a topology, with the line that made it.
type BuildError struct {
	Location string // file:line
	Err      error
}

func (e *BuildError) Error() string { return e.Location + ": " + e.Err.Error() }
func (e *BuildError) Unwrap() error { return e.Err }

// Fault adds a mistake that the caller found, with the line of the user's code
// that is calling. Layers above, such as the DSL, report theirs so.
func (b *Builder) Fault(err error) { b.check(err, Location()) }

// checkTopics finds topics that two sources read: which of them would get a
// record? One source can have any number of children.
func (b *Builder) checkTopics() []error {
	var faults []error
	sources := make(map[string]*node)
	for _, n := range b.nodes {
		if n.kind != sourceNode {
			continue
		}
		if first, taken := sources[n.topic.name]; taken {
			faults = append(faults, &BuildError{n.location, fmt.Errorf("source %q: topic %q is read by the source at %s already (use that node again)", n.name, n.topic.name, first.location)})
			continue
		}
		sources[n.topic.name] = n
	}
	faults = append(faults, b.checkOwnTopics()...)
	return append(faults, b.checkPartitions()...)
}

// checkOwnTopics finds topics of the user's that bear the name of one that the
// App makes for itself: records of both would be in it.
func (b *Builder) checkOwnTopics() []error {
	own := make(map[string]string)
	for _, s := range b.stores {
		own[s.changelog] = fmt.Sprintf("the changelog of store %q", s.name)
	}
	for _, n := range b.nodes {
		if n.topic != nil && n.topic.repartition {
			own[n.topic.name] = "a repartition topic of this topology"
		}
	}
	var faults []error
	for _, n := range b.nodes {
		if n.topic == nil || n.topic.repartition {
			continue
		}
		if what, taken := own[n.topic.name]; taken {
			faults = append(faults, &BuildError{n.location, fmt.Errorf("topic %q: the name is that of %s (take another)", n.topic.name, what)})
		}
	}
	return faults
}

// checkPartitions finds topics that are said to have different numbers of
// partitions.
func (b *Builder) checkPartitions() []error {
	var faults []error
	said := make(map[string]*node)
	for _, n := range b.nodes {
		if n.topic == nil || n.topic.partitions == 0 {
			continue
		}
		first, known := said[n.topic.name]
		if known && first.topic.partitions != n.topic.partitions {
			faults = append(faults, &BuildError{n.location, fmt.Errorf("topic %q: %d partitions here and %d at %s", n.topic.name, n.topic.partitions, first.topic.partitions, first.location)})
		}
		if !known {
			said[n.topic.name] = n
		}
	}
	return faults
}

func (b *Builder) checkStores() []error {
	var faults []error
	for _, s := range b.stores {
		if len(s.users) == 0 {
			faults = append(faults, &BuildError{s.location, fmt.Errorf("store %q: no processor uses it (name it in Process)", s.name)})
		}
	}
	return faults
}
