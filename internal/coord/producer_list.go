package coord

// The producers of a partition are linked in order of use, the oldest first.

func (s *ProducerStates) insert(id int64) *producerState {
	p := &producerState{Producer: Producer{ID: id, TxnFirstOffset: None}}
	s.byID[id] = p
	s.found = p
	s.linkNewest(p)
	return p
}

func (s *ProducerStates) leastUsed() *producerState {
	p := s.oldest
	for p != nil && p.TxnFirstOffset != None {
		p = p.newer
	}
	return p
}

func (s *ProducerStates) forget(p *producerState) {
	delete(s.byID, p.ID)
	s.unlink(p)
	if s.found == p {
		s.found = nil
	}
}

func (s *ProducerStates) linkNewest(p *producerState) {
	p.older, p.newer = s.newest, nil
	if s.newest != nil {
		s.newest.newer = p
	} else {
		s.oldest = p
	}
	s.newest = p
}

func (s *ProducerStates) linkOldest(p *producerState) {
	p.older, p.newer = nil, s.oldest
	if s.oldest != nil {
		s.oldest.older = p
	} else {
		s.newest = p
	}
	s.oldest = p
}

func (s *ProducerStates) unlink(p *producerState) {
	if p.older != nil {
		p.older.newer = p.newer
	} else {
		s.oldest = p.newer
	}
	if p.newer != nil {
		p.newer.older = p.older
	} else {
		s.newest = p.older
	}
	p.older, p.newer = nil, nil
}
