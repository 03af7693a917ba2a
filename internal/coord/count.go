package coord

// Count returns how many groups and members there are.
func (gs *Groups) Count() (groups, members int) {
	for _, g := range gs.byID {
		members += len(g.members)
	}
	return len(gs.byID), members
}

// Knows reports whether there is a group of that name.
func (gs *Groups) Knows(id string) bool { return gs.byID[id] != nil }
