package processor

import (
	"fmt"

	"github.com/freshet/freshet/serde"
	"github.com/freshet/freshet/state"
)

// A StoreConfig says how a store is kept. The zero value is a store whose
// changes are in a compacted changelog topic, with serdes chosen by type.
type StoreConfig[K, V any] struct {
	Serdes[K, V]

	// NoChangelog leaves the store without its changelog topic: it is lost
	// whenever its database is, and after a crash it is as it was when changes
	// were last written there (see Config.DrainInterval), although the input up
	// to the last commit is not processed again. It is for what may be lost.
	NoChangelog bool

	// KeepForwarded keeps what was forwarded last of a changed key, for those
	// who retract it; see [state.Options].
	KeepForwarded bool

	// EveryUpdate says that the store's owner forwards every update itself, so
	// that nothing is held for a Flush.
	EveryUpdate bool
}

// Store adds a store. Its changelog is the topic <application>-<name>-changelog.
// The processors that use it are told in their declarations and find it with
// [StoreRef.Of] or [StoreOf]; they are in one subtopology by that.
func Store[K, V any](b *Builder, name string, config StoreConfig[K, V]) StoreRef[K, V] {
	location := Location()
	b.check(CheckName("store", name), location)
	serdes, err := config.withDefaults()
	if err != nil {
		b.check(fmt.Errorf("store %q: %w", name, err), location)
	}
	spec := &storeSpec{
		builder: b, name: name, location: location,
		keyName: serde.NameOf(serdes.Key), valueName: serde.NameOf(serdes.Value),
		keyType: typeName[K](), valueType: typeName[V](),
	}
	if !config.NoChangelog {
		spec.changelog = fmt.Sprintf("%s-%s-changelog", b.name, name)
		b.checkLength(spec.changelog)
	}
	spec.open = func(db state.DB, maxBytes int64, everyUpdate bool) state.Store {
		return state.NewOverlay(name, serdes.Key, serdes.Value, db, state.Options{
			MaxBytes:      maxBytes,
			KeepForwarded: config.KeepForwarded,
			EveryUpdate:   config.EveryUpdate || everyUpdate,
		})
	}
	b.addStore(spec)
	return StoreRef[K, V]{spec: spec}
}

func (b *Builder) addStore(spec *storeSpec) {
	for _, other := range b.stores {
		if other.name == spec.name {
			b.check(fmt.Errorf("store %q: the name is taken by the store at %s", spec.name, other.location), spec.location)
		}
	}
	b.stores = append(b.stores, spec)
}

// A storeSpec is a store with its types erased.
type storeSpec struct {
	builder            *Builder
	name               string
	location           string
	changelog          string // topic, or empty
	keyName, valueName string // of the serdes, for the fingerprint
	keyType, valueType string
	users              []*node
	open               func(db state.DB, maxBytes int64, everyUpdate bool) state.Store
}

func (s *storeSpec) changelogOrNone() string {
	if s.changelog == "" {
		return "none"
	}
	return s.changelog
}

// A StoreRef stands for a store in a drawing.
type StoreRef[K, V any] struct{ spec *storeSpec }

// AnyStore is a [StoreRef] of any type.
type AnyStore interface{ storeSpec() *storeSpec }

func (r StoreRef[K, V]) storeSpec() *storeSpec { return r.spec }

// Name returns the store's name.
func (r StoreRef[K, V]) Name() string { return r.spec.name }

// Of returns the store of a task. It is called in Init, by a processor whose
// declaration names the store.
func (r StoreRef[K, V]) Of(ctx StoreContext) (*state.Overlay[K, V], error) {
	return StoreOf[K, V](ctx, r.spec.name)
}

// StoreContext is a [Context] of any type.
type StoreContext interface {
	store(name string) (any, error)
}

// StoreOf is [StoreRef.Of] by name.
func StoreOf[K, V any](ctx StoreContext, name string) (*state.Overlay[K, V], error) {
	s, err := ctx.store(name)
	if err != nil {
		return nil, err
	}
	overlay, ok := s.(*state.Overlay[K, V])
	if !ok {
		return nil, fmt.Errorf("store %q is a %T, not a store of %s to %s", name, s, typeName[K](), typeName[V]())
	}
	return overlay, nil
}

// storesOf returns what stands behind the stores that a processor names.
func (b *Builder) storesOf(processor string, stores []AnyStore) []*storeSpec {
	var specs []*storeSpec
	for _, s := range stores {
		if s == nil || s.storeSpec() == nil {
			b.check(fmt.Errorf("processor %q: a zero StoreRef (make it with Store)", processor), Location())
			continue
		}
		spec := s.storeSpec()
		if spec.builder != b {
			b.check(fmt.Errorf("processor %q: store %q belongs to another topology, %q", processor, spec.name, spec.builder.name), Location())
			continue
		}
		specs = append(specs, spec)
	}
	return specs
}
