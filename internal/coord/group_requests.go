package coord

import "time"

// A Protocol is one way of assigning that a member knows, and what it tells the
// leader for it.
type Protocol struct {
	Name     string
	Metadata []byte
}

// A JoinGroup asks to be a member of the next generation. Slices belong to the
// coordinator from here on.
type JoinGroup struct {
	Token            uint64 // comes back with the answer
	Group            string
	MemberID         string // empty for a new member
	NewMemberID      string // what a new member will be called; nobody else may ever be
	InstanceID       string // group.instance.id, empty for a dynamic member
	ClientID         string
	ClientHost       string
	ProtocolType     string
	Protocols        []Protocol // the one it likes best first
	SessionTimeout   time.Duration
	RebalanceTimeout time.Duration
	// RequireMemberID says that the client can be told its id first and join
	// with it then (KIP-394, JoinGroup 4), so that a lost answer leaves no member
	// behind.
	RequireMemberID bool
	// CanSkipAssignment says that a leader can be told to leave the assignment
	// as it is (KIP-814, JoinGroup 9).
	CanSkipAssignment bool
}

// A JoinAnswer answers a JoinGroup.
type JoinAnswer struct {
	Token          uint64
	Code           Code
	Generation     int32  // None unless the code is OK
	MemberID       string // also with MemberIDRequired
	Leader         string
	ProtocolType   string
	Protocol       string
	SkipAssignment bool
	Members        []JoinedMember // for the leader only
}

// A JoinedMember is what the leader learns of a member.
type JoinedMember struct {
	ID         string
	InstanceID string
	Metadata   []byte
}

// A SyncGroup asks for the member's assignment. The leader brings everybody's.
type SyncGroup struct {
	Token        uint64
	Group        string
	MemberID     string
	InstanceID   string
	Generation   int32
	ProtocolType string // checked unless empty
	Protocol     string // checked unless empty
	Assignments  []Assignment
}

// An Assignment is what a member is to work on.
type Assignment struct {
	MemberID string
	Bytes    []byte
}

// A SyncAnswer answers a SyncGroup.
type SyncAnswer struct {
	Token        uint64
	Code         Code
	ProtocolType string
	Protocol     string
	Assignment   []byte
}

// A Membership is what a member believes of itself.
type Membership struct {
	Group      string
	MemberID   string
	InstanceID string
	Generation int32
}

// A Leaving names a member by id, by group.instance.id, or by both.
type Leaving struct {
	MemberID   string
	InstanceID string
}

// Effects is what a step asks its caller to do: write what is to be saved, in
// one journal record, and then send the answers. When that record is refused,
// the answers turn into errors that clients try again after; a generation that
// was never written is skipped, which harms nobody.
type Effects struct {
	Saved  []SavedGroup
	Joined []JoinAnswer
	Synced []SyncAnswer
}

// A SavedGroup is what must be known of a group after a restart: its members
// are not, they join again.
type SavedGroup struct {
	Group        string
	Generation   int32
	ProtocolType string
	Deleted      bool // the group is gone
}

// A Description is a group as people see it.
type Description struct {
	Group        string
	State        GroupState
	Generation   int32
	ProtocolType string
	Protocol     string
	Leader       string
	Members      []MemberDescription // in order of joining
}

// A MemberDescription is a member as people see it. Bytes must not be changed.
type MemberDescription struct {
	ID         string
	InstanceID string
	ClientID   string
	ClientHost string
	Metadata   []byte // for the group's protocol
	Assignment []byte
}
