package vfs

import (
	"fmt"
	"maps"
	"math/bits"
	"path"
	"slices"
	"strings"
)

// Describe returns the tree, one line a name, with what a power cut could
// take away. A name stands behind + when it is not durable, - when it was
// removed, and ~ when it leads elsewhere than on the disk:
//
//   - topics/
//   - topics/a
//     ~ topics/b 600 bytes (0 durable), 2 sectors not synced
//     topics/c 512 bytes
func (m *Mem) Describe() string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var b strings.Builder
	m.mu.root.describe(&b, ".")
	return b.String()
}

func (n *node) describe(b *strings.Builder, dir string) {
	names := maps.Clone(n.durable)
	maps.Copy(names, n.entries)
	for _, base := range slices.Sorted(maps.Keys(names)) {
		now, durable := n.entries[base], n.durable[base]
		name := path.Join(dir, base)
		switch {
		case now == nil:
			fmt.Fprintf(b, "- %s\n", name)
			continue
		case durable == nil:
			b.WriteString("+ ")
		case durable != now:
			b.WriteString("~ ")
		default:
			b.WriteString("  ")
		}
		if now.entries != nil {
			fmt.Fprintf(b, "%s/\n", name)
			now.describe(b, name)
			continue
		}
		fmt.Fprintf(b, "%s %s\n", name, now.content.describe())
	}
}

func (c *content) describe() string {
	s := fmt.Sprintf("%d bytes", c.size)
	if c.size != c.durableSize {
		s += fmt.Sprintf(" (%d durable)", c.durableSize)
	}
	sectors := 0
	for _, d := range c.dirty {
		sectors += bits.OnesCount8(d.written)
	}
	switch sectors {
	case 0:
		return s
	case 1:
		return s + ", 1 sector not synced"
	}
	return s + fmt.Sprintf(", %d sectors not synced", sectors)
}
