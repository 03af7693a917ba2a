package vfs

import (
	"bytes"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// Crash returns what a power cut right now could leave on the disk. What was
// synced is there. Of the rest, each on its own:
//
//   - a sector of 512 bytes holds what it held at the last Sync, or now, or at
//     a moment between; between may be zeros, where the file was cut;
//   - a file has the size of the last Sync, or of now, or of a moment between;
//   - a create, rename or remove has happened or not. So two files may have
//     survived under one name's past and future, or neither.
//
// A file whose directory was not synced may be gone, synced or not. No lock is
// held. The same calls before and a rng in the same state give the same result.
//
// With a nil rng nothing survives that was not synced.
func (m *Mem) Crash(rng *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := newCopier(m)
	c.cut = drawCut(rng)
	c.names = map[*node][]nameChange{}
	for _, e := range m.mu.pending {
		if !c.cut.survives(c.cut.keepNames, e.id, 0) {
			continue
		}
		for _, change := range e.changes {
			c.names[change.dir] = append(c.names[change.dir], change)
		}
	}
	c.to.mu.root = c.survivor(m.mu.root)
	return c.to
}

// KillProcess returns what kill -9 right now leaves: everything written is
// there, but no more durable than it was, and no lock is held.
func (m *Mem) KillProcess() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := newCopier(m)
	c.to.mu.root = c.twin(m.mu.root)
	for _, e := range m.mu.pending {
		changes := slices.Clone(e.changes)
		for i, change := range changes {
			changes[i] = nameChange{c.twin(change.dir), change.name, c.twin(change.to)}
		}
		c.to.mu.pending = append(c.to.mu.pending, nameEvent{e.id, changes})
	}
	return c.to
}

// A copier makes the nodes of another Mem, one for each of the first.
type copier struct {
	to    *Mem
	nodes map[*node]*node
	cut   cut
	names map[*node][]nameChange // not synced and yet survived, by directory
}

func newCopier(m *Mem) *copier {
	c := &copier{to: new(Mem), nodes: map[*node]*node{}}
	c.to.mu.locked = map[*node]bool{}
	c.to.mu.nextID = m.mu.nextID
	return c
}

// twin copies a node with its past.
func (c *copier) twin(n *node) *node {
	if n == nil {
		return nil
	}
	if t := c.nodes[n]; t != nil {
		return t
	}
	t := &node{id: n.id, perm: n.perm}
	c.nodes[n] = t
	if n.entries == nil {
		t.content = n.content.twin()
		return t
	}
	t.entries = make(map[string]*node, len(n.entries))
	t.durable = make(map[string]*node, len(n.durable))
	for name, child := range n.entries {
		t.entries[name] = c.twin(child)
	}
	for name, child := range n.durable {
		t.durable[name] = c.twin(child)
	}
	return t
}

func (c *content) twin() content {
	t := *c
	t.pages = slices.Clone(c.pages)
	t.betweenSizes = slices.Clone(c.betweenSizes)
	t.dirty = make(map[int]*dirtyPage, len(c.dirty))
	for i, d := range c.dirty {
		copied := *d
		copied.between = slices.Clone(d.between)
		t.dirty[i] = &copied
		if now := c.pageAt(i); now != nil {
			p := *now
			t.pages[i] = &p
		}
	}
	return t
}

// survivor copies what is left of a node.
func (c *copier) survivor(n *node) *node {
	if s := c.nodes[n]; s != nil {
		return s
	}
	s := &node{id: n.id, perm: n.perm}
	c.nodes[n] = s
	if n.entries == nil {
		s.content = c.cut.survivor(n)
		return s
	}
	left := n.durable
	if changes := c.names[n]; len(changes) > 0 {
		left = maps.Clone(n.durable)
		for _, change := range changes {
			change.apply(left)
		}
	}
	s.entries = make(map[string]*node, len(left))
	for name, child := range left {
		s.entries[name] = c.survivor(child)
	}
	s.durable = maps.Clone(s.entries)
	return s
}

// A cut is one power cut. What survives depends on its seed and on what it is
// asked about, not on the order of asking, so that no map needs sorting.
type cut struct {
	seed      uint64
	keepNames uint64 // of 2^64 name events, how many survive
	keepBytes uint64 // of 2^64 sectors and sizes
}

// drawCut draws how much survives before what does: were each thing kept with
// one half, a cut that keeps all, or nothing, of a hundred would never be seen.
func drawCut(rng *rand.Rand) cut {
	if rng == nil {
		return cut{}
	}
	const eighth = math.MaxUint64 / 8
	keep := [...]uint64{0, eighth, 4 * eighth, 7 * eighth, math.MaxUint64}
	return cut{
		seed:      rng.Uint64(),
		keepNames: keep[rng.IntN(len(keep))],
		keepBytes: keep[rng.IntN(len(keep))],
	}
}

// draw returns a number that depends on the thing alone: thing is the id of a
// node or event, part says what of it.
func (c cut) draw(thing, part uint64) uint64 {
	return rand.NewPCG(c.seed^thing, part).Uint64()
}

func (c cut) survives(keep, thing, part uint64) bool {
	return keep == math.MaxUint64 || c.draw(thing, part) < keep
}

// sizePart is the part number of a file's size. Sectors count from 0.
const sizePart = math.MaxUint64

// pick returns which of n+1 states a thing that changed is left in: n is that
// of now, 0 that of the last sync.
func (c cut) pick(n int, thing, part uint64) int {
	if c.survives(c.keepBytes, thing, part) {
		return n
	}
	if c.keepBytes == 0 {
		return 0
	}
	const again = 1 << 63 // a part number beside the one that survives has used
	return int(c.draw(thing, part^again) % uint64(n))
}

func (c cut) survivor(n *node) content {
	s := content{size: n.size, pages: n.pages}
	if n.size != n.durableSize || len(n.betweenSizes) > 0 {
		switch i := c.pick(len(n.betweenSizes)+1, n.id, sizePart); {
		case i == 0:
			s.size = n.durableSize
		case i <= len(n.betweenSizes):
			s.size = n.betweenSizes[i-1]
		}
	}
	s.durableSize = s.size
	s.pages = slices.Clone(n.pages)
	for i, d := range n.dirty {
		if p := c.survivingPage(n, i, d); p != nil {
			s.pages = append(s.pages, make([]*page, max(0, i+1-len(s.pages)))...)
			s.pages[i] = p
		} else if i < len(s.pages) {
			s.pages[i] = nil
		}
	}
	s.cutPages()
	return s
}

// cutPages makes the bytes beyond size the zeros that they must be.
func (c *content) cutPages() {
	if used := (c.size + pageBytes - 1) / pageBytes; used < int64(len(c.pages)) {
		c.pages = c.pages[:used]
	}
	last, rest := int(c.size/pageBytes), c.size%pageBytes
	if p := c.pageAt(last); p != nil && !bytes.Equal(p[rest:], zeros[rest:]) {
		trimmed := *p // it may be shared
		clear(trimmed[rest:])
		c.pages[last] = &trimmed
	}
}

// survivingPage returns what is left of a page that changed; it may be nil, or
// one that is shared.
func (c cut) survivingPage(n *node, i int, d *dirtyPage) *page {
	if d.lost {
		return d.durable
	}
	now := n.pageAt(i)
	var left *page
	for s := range pageBytes / sectorBytes {
		if d.written&(1<<s) == 0 {
			continue
		}
		states := d.statesOf(s)
		pick := c.pick(len(states)+1, n.id, uint64(i)*(pageBytes/sectorBytes)+uint64(s))
		if pick == 0 {
			continue
		}
		if left == nil {
			left = new(page)
			if d.durable != nil {
				*left = *d.durable
			}
		}
		switch {
		case pick <= len(states):
			copy(left.sector(s), states[pick-1].bytes[:])
		case now != nil:
			copy(left.sector(s), now.sector(s))
		default:
			clear(left.sector(s))
		}
	}
	if left == nil {
		return d.durable
	}
	return left
}

// statesOf returns what a sector held between the last Sync and now.
func (d *dirtyPage) statesOf(sector int) []sectorState {
	var states []sectorState
	for _, s := range d.between {
		if s.sector == sector {
			states = append(states, s)
		}
	}
	return states
}
