package coord

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const (
	clientSession   = 10 * time.Second
	clientRebalance = 20 * time.Second
)

// A groupClient does what Kafka's consumer does: joins, syncs, heartbeats every
// three seconds, and joins again when it is told to.
type groupClient struct {
	name, instance string
	id             string // as it was told
	generation     int32
	leader         bool
	members        []JoinedMember
	waits          uint64 // token of the request that is on its way
	synced         bool
	nextBeat       time.Time
	assignment     string
}

// groupWorld is a coordinator and its clients.
type groupWorld struct {
	*groupChecks
	now     time.Time
	clients []*groupClient // those that live
	ids     int
	names   int
}

// TestGroupsSettle lets clients come, go, crash, stall and come back under their
// group.instance.id. When that ends, the group is stable with exactly the
// clients that live, all in one generation, each with what the leader gave it,
// within one session and one rebalance time-out.
func TestGroupsSettle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &groupWorld{now: epoch, groupChecks: newGroupChecks(t, GroupConfig{
			InitialRebalanceDelay: time.Duration(rapid.IntRange(0, 3).Draw(t, "delay")) * time.Second})}
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			w.event()
			w.run(rapid.IntRange(0, 15).Draw(t, "seconds"))
		}
		w.run(int((clientSession+clientRebalance)/time.Second) + 5)
		w.settled()
	})
}

func (w *groupWorld) event() {
	kind := rapid.SampledFrom([]string{"start", "start", "crash", "leave", "restart", "lose answer"}).Draw(w.t, "event")
	if kind == "start" || len(w.clients) == 0 {
		w.names++
		c := &groupClient{name: fmt.Sprintf("c%d", w.names)}
		if rapid.Bool().Draw(w.t, "static") {
			c.instance = "i" + c.name
		}
		w.clients = append(w.clients, c)
		return
	}
	i := rapid.IntRange(0, len(w.clients)-1).Draw(w.t, "who")
	c := w.clients[i]
	switch kind {
	case "crash":
		w.clients = slices.Delete(w.clients, i, i+1)
	case "leave":
		w.clients = slices.Delete(w.clients, i, i+1)
		_, _, fx := w.groups.Leave(w.now, "g", []Leaving{{MemberID: c.id, InstanceID: c.instance}})
		w.deliver(w.see(fx))
	case "restart": // a static one comes back as itself, another as somebody new
		w.clients[i] = &groupClient{name: c.name, instance: c.instance}
	case "lose answer":
		c.waits = 0
		c.generation, c.synced = None, false
	}
}

func (w *groupWorld) run(seconds int) {
	for range seconds {
		next := w.now.Add(time.Second)
		w.pass(w.now, next, w.deliver)
		w.now = next
		for _, c := range w.clients {
			w.act(c)
		}
	}
}

func (w *groupWorld) act(c *groupClient) {
	switch {
	case c.waits != 0:
	case c.id == "" || c.generation <= 0:
		w.join(c)
	case !c.synced:
		w.sync(c)
	case !w.now.Before(c.nextBeat):
		c.nextBeat = w.now.Add(3 * time.Second)
		c.told(w.groups.Heartbeat(w.now, Membership{Group: "g", MemberID: c.id, InstanceID: c.instance, Generation: c.generation}))
	}
}

// told takes a code that says that the client's view is old.
func (c *groupClient) told(code Code) {
	switch code {
	case OK:
	case UnknownMemberID, FencedInstanceID:
		c.id, c.generation, c.synced = "", None, false
	default:
		c.generation, c.synced = None, false
	}
}

func (w *groupWorld) join(c *groupClient) {
	w.ids++
	q := JoinGroup{Token: w.token(c.name), Group: "g", MemberID: c.id, NewMemberID: fmt.Sprintf("%s-%d", c.name, w.ids),
		InstanceID: c.instance, ProtocolType: "consumer", Protocols: []Protocol{{Name: "range"}},
		SessionTimeout: clientSession, RebalanceTimeout: clientRebalance, RequireMemberID: true, CanSkipAssignment: true}
	c.waits = q.Token
	w.deliver(w.see(w.groups.Join(w.now, q)))
}

func (w *groupWorld) sync(c *groupClient) {
	q := SyncGroup{Token: w.token(c.name), Group: "g", MemberID: c.id, InstanceID: c.instance, Generation: c.generation}
	if c.leader {
		for _, m := range c.members {
			q.Assignments = append(q.Assignments, Assignment{MemberID: m.ID, Bytes: fmt.Appendf(nil, "%d for %s%s", c.generation, m.InstanceID, m.ID)})
		}
	}
	c.waits = q.Token
	w.deliver(w.see(w.groups.Sync(w.now, q)))
}

func (w *groupWorld) deliver(fx Effects) {
	waiting := func(token uint64) *groupClient {
		for _, c := range w.clients {
			if c.waits == token {
				c.waits = 0
				return c
			}
		}
		return nil // it is gone, or has given up
	}
	for _, a := range fx.Joined {
		w.leads("g", a)
		c := waiting(a.Token)
		switch {
		case c == nil:
		case a.Code == OK:
			c.id, c.generation, c.synced = a.MemberID, a.Generation, false
			c.leader, c.members = a.Leader == a.MemberID && !a.SkipAssignment, a.Members
		case a.Code == MemberIDRequired:
			c.id = a.MemberID
		default:
			c.told(a.Code)
		}
	}
	for _, a := range fx.Synced {
		c := waiting(a.Token)
		switch {
		case c == nil:
		case a.Code == OK:
			c.synced, c.assignment, c.nextBeat = true, string(a.Assignment), w.now.Add(3*time.Second)
		default:
			c.told(a.Code)
		}
	}
}

func (w *groupWorld) settled() {
	d, _ := w.groups.Describe("g")
	if len(w.clients) == 0 {
		if d.State != GroupEmpty && d.State != GroupDead {
			w.t.Fatalf("nobody lives, but the group is %s", d.State)
		}
		return
	}
	if d.State != GroupStable || len(d.Members) != len(w.clients) {
		w.t.Fatalf("%s with %d members, want %d", d.State, len(d.Members), len(w.clients))
	}
	leaders := 0
	for _, c := range w.clients {
		if c.generation != d.Generation || !c.synced || !slices.ContainsFunc(d.Members, func(m MemberDescription) bool { return m.ID == c.id }) {
			w.t.Fatalf("client %+v in %s generation %d", c, d.State, d.Generation)
		}
		if c.instance == "" && c.assignment != fmt.Sprintf("%d for %s", d.Generation, c.id) {
			w.t.Fatalf("client %s of generation %d works on %q", c.id, d.Generation, c.assignment)
		}
		if c.assignment == "" {
			w.t.Fatalf("client %s works on nothing", c.id)
		}
		if c.id == d.Leader {
			leaders++
		}
	}
	if leaders != 1 {
		w.t.Fatalf("%d leaders", leaders)
	}
}
