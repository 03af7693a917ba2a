package processor

import "slices"

// A subtopology is a connected part of a topology: nodes that hand records to
// each other or share a store. Parts are connected by repartition topics only.
type subtopology struct {
	index   int // in the order of first sources
	nodes   []*node
	sources []*node
	stores  []*storeSpec
}

// divide finds the connected parts by union-find over nodes and stores.
func divide(nodes []*node, stores []*storeSpec) []*subtopology {
	root := make([]int, len(nodes))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	for _, n := range nodes {
		for _, p := range n.parents {
			root[find(n.index)] = find(p.index)
		}
	}
	for _, s := range stores {
		for _, user := range s.users[1:] {
			root[find(user.index)] = find(s.users[0].index)
		}
	}
	byRoot := make(map[int]*subtopology)
	var parts []*subtopology
	for _, n := range nodes { // every part's first node is a source
		part := byRoot[find(n.index)]
		if part == nil {
			part = &subtopology{index: len(parts)}
			byRoot[find(n.index)] = part
			parts = append(parts, part)
		}
		part.nodes = append(part.nodes, n)
		if n.kind == sourceNode {
			part.sources = append(part.sources, n)
		}
	}
	for _, s := range stores {
		part := byRoot[find(s.users[0].index)]
		part.stores = append(part.stores, s)
	}
	return parts
}

// upstreamFirst orders subtopologies so that whoever writes a topic comes
// before whoever reads it. In a cycle through the user's topics the part that
// is declared first comes first.
func (t *Topology) upstreamFirst() []*subtopology {
	readers := make(map[string]*subtopology)
	for _, s := range t.subtopologies {
		for _, source := range s.sources {
			readers[source.topic.name] = s
		}
	}
	var order []*subtopology // downstream first
	seen := make(map[*subtopology]bool)
	var visit func(s *subtopology)
	visit = func(s *subtopology) {
		if seen[s] {
			return
		}
		seen[s] = true
		for _, n := range s.nodes {
			if n.kind == sinkNode && readers[n.topic.name] != nil {
				visit(readers[n.topic.name])
			}
		}
		order = append(order, s)
	}
	for _, s := range slices.Backward(t.subtopologies) {
		visit(s)
	}
	slices.Reverse(order)
	return order
}
