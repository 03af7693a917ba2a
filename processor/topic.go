package processor

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/freshet/freshet/serde"
)

// DefaultPartitions is the number of partitions of a topic that the App has to
// create and that does not say how many it wants.
const DefaultPartitions = 4

// A Topic names a topic and says what its records hold. It is a value: the
// With methods return another one.
//
// What is wrong with a topic is kept inside and reported by whoever uses it:
// [Builder.Build], [Topic.Produce], [Topic.Consume].
type Topic[K, V any] struct {
	name       string
	location   string
	partitions int32
	key        serde.Serde[K]
	value      serde.Serde[V]
	keyFault   error
	valueFault error
	fault      error
}

// NewTopic names a topic. Its serdes are chosen by type, see [serde.ForKey]
// and [serde.For].
func NewTopic[K, V any](name string) Topic[K, V] {
	t := Topic[K, V]{name: name, location: Location(), fault: CheckName("topic", name)}
	t.key, t.keyFault = serde.ForKey[K]()
	t.value, t.valueFault = serde.For[V]()
	return t
}

// WithPartitions says how many partitions the topic has. The App creates a
// missing topic so, and refuses to run on one with another number. Without it
// the App takes a topic as it is and creates a missing one with
// [DefaultPartitions].
func (t Topic[K, V]) WithPartitions(n int32) Topic[K, V] {
	if n < 1 {
		t.fault = errors.Join(t.fault, fmt.Errorf("topic %q: %d partitions, want at least 1", t.name, n))
	}
	t.partitions = n
	return t
}

// WithKeySerde sets how keys are written.
func (t Topic[K, V]) WithKeySerde(s serde.Serde[K]) Topic[K, V] {
	t.key, t.keyFault = s, nil
	if s == nil {
		t.keyFault = errors.New("nil serde")
	}
	return t
}

// WithValueSerde sets how values are written.
func (t Topic[K, V]) WithValueSerde(s serde.Serde[V]) Topic[K, V] {
	t.value, t.valueFault = s, nil
	if s == nil {
		t.valueFault = errors.New("nil serde")
	}
	return t
}

// Name returns the topic's name.
func (t Topic[K, V]) Name() string { return t.name }

// Partitions returns what WithPartitions said, or 0.
func (t Topic[K, V]) Partitions() int32 { return t.partitions }

// Serdes returns how keys and values are written.
func (t Topic[K, V]) Serdes() Serdes[K, V] { return Serdes[K, V]{Key: t.key, Value: t.value} }

// Err returns what is wrong with the topic, or nil.
func (t Topic[K, V]) Err() error {
	if t.name == "" && t.key == nil && t.value == nil && t.fault == nil {
		return errors.New("zero Topic (make it with NewTopic)")
	}
	err := t.fault
	if t.keyFault != nil {
		err = errors.Join(err, fmt.Errorf("topic %q: key: %w", t.name, t.keyFault))
	}
	if t.valueFault != nil {
		err = errors.Join(err, fmt.Errorf("topic %q: value: %w", t.name, t.valueFault))
	}
	return err
}

// Serdes are how the keys and values of a store or of a repartition topic are
// written. A nil one is chosen by type, see [serde.ForKey] and [serde.For].
type Serdes[K, V any] struct {
	Key   serde.Serde[K]
	Value serde.Serde[V]
}

func (s Serdes[K, V]) withDefaults() (Serdes[K, V], error) {
	var errs []error
	if s.Key == nil {
		key, err := serde.ForKey[K]()
		if err != nil {
			errs = append(errs, fmt.Errorf("key: %w", err))
		}
		s.Key = key
	}
	if s.Value == nil {
		value, err := serde.For[V]()
		if err != nil {
			errs = append(errs, fmt.Errorf("value: %w", err))
		}
		s.Value = value
	}
	return s, errors.Join(errs...)
}

// maxNameBytes is what Kafka leaves of a file name for a topic: 255 less a
// dash and a partition number.
const maxNameBytes = 249

var namePattern = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)

// CheckName returns what is wrong with the name of a topic, a store or an
// operator, or nil. kind says which of them.
func CheckName(kind, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%s without a name", kind)
	case name == "." || name == "..":
		return fmt.Errorf("%s %q: not a name", kind, name)
	case len(name) > maxNameBytes:
		return fmt.Errorf("%s %q: name of %d bytes, want at most %d", kind, name, len(name), maxNameBytes)
	case !namePattern.MatchString(name):
		return fmt.Errorf("%s %q: a name is made of letters, digits, '.', '_' and '-'", kind, name)
	}
	return nil
}
