package log

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/coord"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestGroupHistories lets members join, leave, crash, and be slow, and makes
// topics grow, at random. Every record is seen, each member sees offsets that
// follow each other, and soon after the last change everything is assigned once.
func TestGroupHistories(t *testing.T) {
	seed := testSeed(t)
	for i := range testCount(t, "FRESHET_HISTORIES", 30) {
		synctest.Test(t, func(t *testing.T) {
			h := groupHistory{rng: rand.New(rand.NewPCG(seed, uint64(i))), club: newClub(t, vfs.NewMem(), 3), partitions: 3}
			h.assignors = [][]string{{"cooperative-sticky"}, {"range"}, {"sticky"}, {"roundrobin"}, {"cooperative-sticky", "range"}}[h.rng.IntN(5)]
			h.run()
			if t.Failed() {
				t.Logf("history %d of seed %d", i, seed)
			}
		})
	}
}

type groupHistory struct {
	*club
	rng        *rand.Rand
	assignors  []string
	members    []*attendee
	freeing    []func()
	partitions int32
}

func (h *groupHistory) run() {
	for range 40 {
		h.produce(1 + h.rng.IntN(5))
		h.change()
		settle(time.Duration(h.rng.IntN(4000)) * time.Millisecond)
	}
	h.free()
	if len(h.members) == 0 {
		h.add()
	}
	settle(30 * time.Second)
	h.allSeen()
	var all []string
	for _, a := range h.members {
		all = append(all, strings.Fields(a.assignment())...)
	}
	slices.Sort(all)
	if len(slices.Compact(slices.Clone(all))) != len(all) || len(all) != int(h.partitions) {
		h.t.Errorf("assigned are %s, want each of %d partitions once", all, h.partitions)
	}
	for _, a := range h.members {
		a.close()
	}
}

func (h *groupHistory) change() {
	switch n := h.rng.IntN(12); {
	case n < 4 && len(h.members) < 5:
		h.add()
	case n < 6 && len(h.members) > 0:
		h.free()
		h.drop().close()
	case n < 8 && len(h.members) > 0:
		h.free()
		h.drop().crash()
	case n < 9 && len(h.members) > 0 && len(h.freeing) == 0:
		until := make(chan struct{})
		h.members[h.rng.IntN(len(h.members))].hold <- until
		h.freeing = append(h.freeing, func() { close(until) })
	case n < 10 && h.partitions < 8:
		h.partitions++
		if _, err := h.b.AddPartitions("t", h.partitions); err != nil {
			h.t.Fatal(err)
		}
	default:
		h.free()
	}
}

func (h *groupHistory) add() {
	h.members = append(h.members, h.member(GroupConfig{Assignors: h.assignors, SessionTimeout: 6 * time.Second, MaxPollInterval: 8 * time.Second}))
}

func (h *groupHistory) drop() *attendee {
	i := h.rng.IntN(len(h.members))
	a := h.members[i]
	h.members = slices.Delete(h.members, i, i+1)
	return a
}

// free ends what keeps members busy.
func (h *groupHistory) free() {
	for _, f := range h.freeing {
		f()
	}
	h.freeing = nil
	for _, a := range h.members {
		select {
		case <-a.hold: // which it has not taken
		default:
		}
	}
}

// A foreigner is a member that brings Kafka's bytes by itself, as one does that
// comes over the network.
type foreigner struct {
	remote
	balancer kgo.GroupBalancer
}

func (f *foreigner) join() (coord.JoinAnswer, error) {
	a, err := f.b.JoinGroup(context.Background(), coord.JoinGroup{
		Group: f.group, MemberID: f.id, ClientID: "app", ProtocolType: consumerProtocol,
		Protocols: []coord.Protocol{{Name: f.balancer.ProtocolName(), Metadata: f.balancer.JoinGroupMetadata([]string{"t"}, nil, f.gen)}},
		// It is the last to be heard of.
		SessionTimeout: time.Minute, RebalanceTimeout: time.Minute,
	})
	if err == nil {
		f.id, f.gen = a.MemberID, a.Generation
	}
	return a, err
}

func TestMembersOfBothKindsShare(t *testing.T) {
	for _, foreignLeads := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := newClub(t, vfs.NewMem(), 2)
			f := &foreigner{remote{t: t, b: c.b, group: "g", gen: -1}, kgo.RangeBalancer()}
			own := func() *attendee { return c.member(GroupConfig{Assignors: []string{"range"}}) }
			var a *attendee
			if foreignLeads {
				if _, err := f.join(); err != nil {
					t.Fatal(err)
				}
				a = own()
			} else {
				a = own()
			}
			settle(time.Second)
			answer, err := f.join()
			if err != nil || (answer.Leader == f.id) != foreignLeads {
				t.Fatalf("%+v, %v", answer, err)
			}
			var as []coord.Assignment
			if foreignLeads {
				if as, _, err = c.b.share([]kgo.GroupBalancer{f.balancer}, answer); err != nil {
					t.Fatal(err)
				}
			}
			synced, err := f.sync(as...)
			if err != nil {
				t.Fatal(err)
			}
			got, err := kgo.ParseConsumerSyncAssignment(synced.Assignment)
			if err != nil || len(got["t"]) != 1 {
				t.Fatalf("%v, %v, want one partition", got, err)
			}
			settle(time.Second)
			wantText(t, a.assignment(), TopicPartition{"t", 1 - got["t"][0]}.String())
			a.close()
		})
	}
}

// TestStrangeMembers: whatever a member says of itself, the leader gives the
// others their partitions, and what a leader assigns does no harm.
func TestStrangeMembers(t *testing.T) {
	b := withTopic(t, vfs.NewMem(), Config{}, 3)
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Version = 3
	meta.Topics = []string{"t", "t", "", "no such", "\xff"}
	meta.Generation = 1<<31 - 1
	for _, p := range []int32{-1, 0, 0, 2, 3, 1<<31 - 1, -1 << 31} {
		meta.OwnedPartitions = append(meta.OwnedPartitions, kmsg.ConsumerMemberMetadataOwnedPartition{Topic: "t", Partitions: []int32{p}})
	}
	sticky := kmsg.NewStickyMemberMetadata()
	sticky.Generation = 1<<31 - 1
	sticky.CurrentAssignment = []kmsg.StickyMemberMetadataCurrentAssignment{{Topic: "t", Partitions: []int32{-5, 1, 1, 77, 1<<31 - 1}}, {Topic: "no such", Partitions: []int32{1}}}
	meta.UserData = sticky.AppendTo(nil)
	whole := meta.AppendTo(nil)
	hostile := [][]byte{nil, {0}, {0, 1}, bytes.Repeat([]byte{0xff}, 40), {0, 3, 0x7f, 0xff, 0xff, 0xff}, whole}
	for i := range whole {
		hostile = append(hostile, whole[:i])
		damaged := bytes.Clone(whole)
		damaged[i] ^= 0x81
		hostile = append(hostile, damaged)
	}
	for name, make := range assignorsByName {
		a := make()
		good := a.JoinGroupMetadata([]string{"t"}, map[string][]int32{"t": {1}}, 4)
		for _, bad := range hostile {
			answer := coord.JoinAnswer{Protocol: name, Members: []coord.JoinedMember{{ID: "bad", Metadata: bad}, {ID: "good", Metadata: good}, {ID: "bad too", InstanceID: "i", Metadata: bad}}}
			as, _, err := b.share([]kgo.GroupBalancer{a}, answer)
			if err != nil {
				t.Fatalf("%s: %x: %v", name, bad, err)
			}
			given := map[TopicPartition]int{}
			for _, one := range as {
				ps, err := parseAssignment(one.Bytes)
				if err != nil {
					t.Fatal(err)
				}
				for tp := range ps {
					given[tp]++
				}
			}
			for p := range int32(3) {
				// A cooperative leader first has what moves given up.
				if n := given[TopicPartition{"t", p}]; n > 1 || n == 0 && !a.IsCooperative() {
					t.Fatalf("%s: %x: partition %d is given to %d members", name, bad, p, n)
				}
			}
		}
	}
	assignment := kmsg.NewConsumerMemberAssignment()
	assignment.Topics = []kmsg.ConsumerMemberAssignmentTopic{{Topic: "t", Partitions: []int32{-1, 0, 9}}, {Topic: "no such", Partitions: []int32{0}}}
	for _, bytes := range append(hostile, assignment.AppendTo(nil)) {
		_, _ = parseAssignment(bytes) // does not panic
	}
}

func TestStrangeAssignmentIsSurvived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t, vfs.NewMem(), 1)
		c.produce(3)
		f := &foreigner{remote{t: t, b: c.b, group: "g", gen: -1}, kgo.RangeBalancer()}
		if _, err := f.join(); err != nil {
			t.Fatal(err)
		}
		a := c.member(GroupConfig{Assignors: []string{"range"}})
		settle(0)
		answer, err := f.join()
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(answer.Members, func(m coord.JoinedMember) bool { return m.ID != f.id })
		assignment := kmsg.NewConsumerMemberAssignment()
		assignment.Topics = []kmsg.ConsumerMemberAssignmentTopic{{Topic: "t", Partitions: []int32{-1, 0, 9}}, {Topic: "no such", Partitions: []int32{0}}}
		if _, err := f.sync(coord.Assignment{MemberID: answer.Members[i].ID, Bytes: assignment.AppendTo(nil)}); err != nil {
			t.Fatal(err)
		}
		settle(0)
		c.allSeen()
		a.close()
	})
}

// step polls until it gets records, and returns their offsets.
func (c *club) step(m *GroupConsumer) (offsets []Offset, err error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Second)
	defer cancel()
	fetches, err := m.Poll(ctx, 1<<20)
	for _, f := range fetches {
		var r Record
		for f.Records.Next(&r) {
			offsets = append(offsets, r.Offset)
		}
	}
	return offsets, err
}

func (c *club) wantStep(m *GroupConsumer, want ...Offset) {
	c.t.Helper()
	got, err := c.step(m)
	if len(want) == 0 && errors.Is(err, context.DeadlineExceeded) {
		return
	}
	if err != nil || !slices.Equal(got, want) {
		c.t.Fatalf("offsets %v, %v, want %v", got, err, want)
	}
}

func TestWhereMembersBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t, vfs.NewMem(), 1)
		tp := TopicPartition{"t", 0}
		c.produce(3)
		begin := func(group string, reset OffsetReset) *GroupConsumer {
			m, err := c.b.Subscribe(GroupConfig{Group: group, Topics: []string{"t"}, AutoOffsetReset: reset})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := m.Close(); err != nil {
					t.Error(err)
				}
			})
			return m
		}
		c.wantStep(begin("earliest", ""), 0, 1, 2)
		latest := begin("latest", ResetLatest)
		c.wantStep(latest)
		none := begin("none", ResetNone)
		for range 2 {
			if _, err := c.step(none); !errors.Is(err, ErrOffsetOutOfRange) {
				t.Fatalf("%v, want ErrOffsetOutOfRange", err)
			}
		}
		if err := none.Seek(tp, 9); !errors.Is(err, ErrOffsetOutOfRange) {
			t.Fatalf("%v, want ErrOffsetOutOfRange", err)
		}
		if err := none.Seek(tp, 2); err != nil {
			t.Fatal(err)
		}
		c.wantStep(none, 2)
		if err := commitAs(c.b, nobody("past the end"), 99); err != nil {
			t.Fatal(err)
		}
		c.wantStep(begin("past the end", ResetEarliest), 0, 1, 2)
		if err := commitAs(c.b, nobody("committed"), 1); err != nil {
			t.Fatal(err)
		}
		m := begin("committed", ResetNone)
		c.wantStep(m, 1, 2)

		m.Pause(tp, TopicPartition{"no such", 0})
		latest.Pause(tp)
		c.produce(2)
		c.wantStep(m)
		if o, ok := m.Position(tp); !ok || o != 3 {
			t.Fatalf("position %d, %v, want 3", o, ok)
		}
		if err := m.Commit(); err != nil {
			t.Fatal(err)
		}
		if o, _ := c.b.Committed("committed", tp); o.Offset != 3 {
			t.Fatalf("offset %d, want 3", o.Offset)
		}
		m.Resume(tp)
		latest.Resume(tp)
		c.wantStep(m, 3, 4)
		c.wantStep(latest, 3, 4)
		if err := m.Seek(TopicPartition{"t", 1}, 0); !errors.Is(err, ErrUnknownTopic) {
			t.Fatalf("%v, want ErrUnknownTopic", err)
		}
	})
}

func TestSubscribeRefuses(t *testing.T) {
	b := withTopic(t, vfs.NewMem(), Config{}, 1)
	good := GroupConfig{Group: "g", Topics: []string{"t"}}
	for what, change := range map[string]func(*GroupConfig){
		"Group":           func(c *GroupConfig) { c.Group = "" },
		"Topics":          func(c *GroupConfig) { c.Topics = nil },
		"topic name":      func(c *GroupConfig) { c.Topics = []string{"a/b"} },
		"SessionTimeout":  func(c *GroupConfig) { c.SessionTimeout = -1 },
		"MaxPollInterval": func(c *GroupConfig) { c.MaxPollInterval = -1 },
		"AutoOffsetReset": func(c *GroupConfig) { c.AutoOffsetReset = "newest" },
		"named twice":     func(c *GroupConfig) { c.Assignors = []string{"range", "range"} },
		"is none of":      func(c *GroupConfig) { c.Assignors = []string{"lottery"} },
	} {
		cfg := good
		change(&cfg)
		if _, err := b.Subscribe(cfg); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want something about %s", err, what)
		}
	}
	good.SessionTimeout = time.Second // which the coordinator finds too short
	m, err := b.Subscribe(good)
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Poll(t.Context(), 1)
	wantCode(t, err, coord.InvalidSessionTimeout)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Poll(t.Context(), 1); !errors.Is(err, ErrClosed) {
		t.Fatalf("%v, want ErrClosed", err)
	}
}
