package coord

import (
	"bytes"
	"slices"
	"time"
)

// A waiter is a request that is answered later.
type waiter struct {
	token   uint64
	waiting bool
}

// A member of a group. It belongs to its group.
type member struct {
	id, instanceID       string
	clientID, clientHost string
	protocols            []Protocol
	session, rebalance   time.Duration
	assignment           []byte
	deadline             time.Time // of its session; zero for a claim, which has none
	isNew                bool      // was in no generation yet
	join, sync           waiter
	unsynced             bool // has not sent its SyncGroup in this generation
}

func (m *member) static() bool { return m.instanceID != "" }

// touch begins its session anew.
func (m *member) touch(now time.Time) {
	if m.session > 0 {
		m.deadline = now.Add(m.session)
	}
}

// expires returns when the member is taken for dead, and false while it waits
// for an answer of ours: then it has nothing to send.
func (m *member) expires() (time.Time, bool) {
	if m.deadline.IsZero() || m.sync.waiting || m.join.waiting && !m.isNew {
		return time.Time{}, false
	}
	return m.deadline, true
}

func (m *member) metadata(protocol string) []byte {
	for _, p := range m.protocols {
		if p.Name == protocol {
			return p.Metadata
		}
	}
	return nil
}

// matches says whether joining again with these protocols would change nothing.
func (m *member) matches(protocols []Protocol) bool {
	return slices.EqualFunc(m.protocols, protocols, func(a, b Protocol) bool {
		return a.Name == b.Name && bytes.Equal(a.Metadata, b.Metadata)
	})
}

func (m *member) describe(protocol string) MemberDescription {
	return MemberDescription{ID: m.id, InstanceID: m.instanceID, ClientID: m.clientID, ClientHost: m.clientHost,
		Metadata: m.metadata(protocol), Assignment: m.assignment}
}
