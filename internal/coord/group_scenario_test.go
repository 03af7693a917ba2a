package coord

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestGroupScenarios(t *testing.T) {
	runScenarios(t, "groups", func(c *command) machine {
		return &groupMachine{groups: NewGroups(GroupConfig{InitialRebalanceDelay: c.duration("delay", 0),
			MaxGroupSize: int(c.number("max-size", 0)), MaxGroups: int(c.number("max-groups", 0)),
			MaxMetadataBytes: int(c.number("max-bytes", 0))})}
	})
}

// groupMachine is a coordinator; every step is about group g unless in= names
// another. What is not said has a usual value.
//
//	join new=m1 [require] [instance=i] [skip]   as a new member that will be m1
//	join m1 protocols=range:x,sticky:y type=consumer session=10s rebalance=60s
//	sync m1 gen=1 [m1=A m2=B] [protocol=range] [type=consumer] [instance=i]
//	heartbeat m1 gen=1 [instance=i]
//	leave m1 [m2 …] [instance=i]                - for no id
//	commit m1 gen=1 [txn]                       may offsets be committed? - for nobody
//	claim m1 · delete · describe · list · restart
//	generation 7                                as if it had come so far
type groupMachine struct {
	groups *Groups
	saved  []SavedGroup
	tokens []string // token → who waits for what
}

func (m *groupMachine) nextDeadline() (time.Time, bool) { return m.groups.NextDeadline() }
func (m *groupMachine) tick(now time.Time) []string     { return m.effects(m.groups.Tick(now)) }

func (m *groupMachine) run(now time.Time, c *command) []string {
	who := Membership{Group: c.text("in", "g")}
	if who.Group == "-" {
		who.Group = ""
	}
	switch c.verb {
	case "join":
		return m.effects(m.groups.Join(now, m.joinGroup(c, who.Group)))
	case "sync":
		return m.effects(m.groups.Sync(now, m.syncGroup(c, who.Group)))
	case "leave":
		instance := c.text("instance", "")
		var leaving []Leaving
		for len(c.words) > 0 {
			leaving = append(leaving, Leaving{MemberID: strings.Trim(c.word(), "-"), InstanceID: instance})
		}
		code, codes, fx := m.groups.Leave(now, who.Group, leaving)
		return append(m.effects(fx), fmt.Sprint(code, " ", codes))
	case "heartbeat", "commit":
		txn := c.has("txn")
		who.MemberID, who.InstanceID = strings.Trim(c.word(), "-"), c.text("instance", "")
		who.Generation = int32(c.number("gen", -1))
		switch {
		case c.verb == "heartbeat":
			return []string{m.groups.Heartbeat(now, who).String()}
		case txn:
			return []string{m.groups.TxnCommitOffsets(now, who).String()}
		}
		return []string{m.groups.CommitOffsets(now, who).String()}
	case "claim":
		generation, code, fx := m.groups.Claim(now, who.Group, c.word())
		return append(m.effects(fx), fmt.Sprintf("%s generation=%d", code, generation))
	case "delete":
		code, fx := m.groups.Delete(who.Group)
		return append(m.effects(fx), code.String())
	}
	return m.look(c, who.Group)
}

func (m *groupMachine) look(c *command, id string) []string {
	switch c.verb {
	case "describe":
		d, code := m.groups.Describe(id)
		if code != OK {
			return []string{d.State.String() + " " + code.String()}
		}
		said := []string{showGroup(d)}
		for _, o := range d.Members {
			s := fmt.Sprintf("%s client=%s/%s metadata=%s assignment=%s", o.ID, o.ClientID, o.ClientHost, o.Metadata, o.Assignment)
			if o.InstanceID != "" {
				s += " instance=" + o.InstanceID
			}
			said = append(said, s)
		}
		return said
	case "list":
		said := []string{}
		for _, d := range m.groups.List() {
			said = append(said, d.Group+" "+showGroup(d))
		}
		return said
	case "restart":
		m.groups = NewGroups(m.groups.cfg)
		for _, s := range m.saved {
			if err := m.groups.Load(s); err != nil {
				c.t.Fatal(err)
			}
		}
	case "generation":
		if err := m.groups.Load(SavedGroup{Group: id, Generation: int32(parseInt(c, c.word()))}); err != nil {
			c.t.Fatal(err)
		}
	default:
		c.t.Fatalf("unknown verb %s", c.verb)
	}
	return nil
}

func (m *groupMachine) token(what string) uint64 {
	m.tokens = append(m.tokens, what)
	return uint64(len(m.tokens) - 1)
}

func (m *groupMachine) joinGroup(c *command, group string) JoinGroup {
	q := JoinGroup{Group: group, NewMemberID: c.text("new", ""), InstanceID: c.text("instance", ""),
		ClientID: "app", ClientHost: "/127.0.0.1", ProtocolType: c.text("type", "consumer"),
		SessionTimeout: c.duration("session", 10*time.Second), RebalanceTimeout: c.duration("rebalance", time.Minute),
		RequireMemberID: c.has("require"), CanSkipAssignment: c.has("skip")}
	if q.NewMemberID == "" {
		q.MemberID = c.word()
	}
	if q.ProtocolType == "-" {
		q.ProtocolType = ""
	}
	for _, p := range strings.Split(c.text("protocols", "range:x"), ",") {
		name, metadata, _ := strings.Cut(p, ":")
		if name != "-" {
			q.Protocols = append(q.Protocols, Protocol{Name: name, Metadata: []byte(metadata)})
		}
	}
	q.Token = m.token("join of " + q.MemberID + q.NewMemberID)
	return q
}

func (m *groupMachine) syncGroup(c *command, group string) SyncGroup {
	q := SyncGroup{Group: group, MemberID: c.word(), InstanceID: c.text("instance", ""),
		Generation: int32(c.number("gen", 0)), Protocol: c.text("protocol", ""), ProtocolType: c.text("type", "")}
	for id, bytes := range c.pairs {
		q.Assignments = append(q.Assignments, Assignment{MemberID: id, Bytes: []byte(bytes)})
	}
	clear(c.pairs)
	q.Token = m.token("sync of " + q.MemberID)
	return q
}

func (m *groupMachine) effects(fx Effects) []string {
	var said []string
	for _, s := range fx.Saved {
		m.saved = append(m.saved, s)
		if s.Deleted {
			said = append(said, "forget "+s.Group)
			continue
		}
		said = append(said, fmt.Sprintf("save %s generation=%d type=%s", s.Group, s.Generation, s.ProtocolType))
	}
	for _, a := range fx.Joined {
		said = append(said, m.tokens[a.Token]+": "+showJoin(a))
	}
	for _, a := range fx.Synced {
		s := fmt.Sprintf("%s: %s", m.tokens[a.Token], a.Code)
		if a.Code == OK {
			s = fmt.Sprintf("%s: %s %s assignment=%s", m.tokens[a.Token], a.ProtocolType, a.Protocol, a.Assignment)
		}
		said = append(said, s)
	}
	return said
}

func showJoin(a JoinAnswer) string {
	if a.Code == MemberIDRequired {
		return fmt.Sprintf("%s id=%s", a.Code, a.MemberID)
	}
	if a.Code != OK {
		return a.Code.String()
	}
	s := fmt.Sprintf("generation=%d %s %s leader=%s", a.Generation, a.ProtocolType, a.Protocol, a.Leader)
	if a.SkipAssignment {
		s += " skip-assignment"
	}
	for i, o := range a.Members {
		if i == 0 {
			s += " members"
		}
		s += fmt.Sprintf(" %s:%s", o.ID, o.Metadata)
		if o.InstanceID != "" {
			s += "(" + o.InstanceID + ")"
		}
	}
	return s
}

func showGroup(d Description) string {
	s := fmt.Sprintf("%s generation=%d", d.State, d.Generation)
	for _, p := range [][2]string{{"type", d.ProtocolType}, {"protocol", d.Protocol}, {"leader", d.Leader}} {
		if p[1] != "" {
			s += fmt.Sprintf(" %s=%s", p[0], p[1])
		}
	}
	return s
}
