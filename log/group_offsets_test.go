package log

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/coord"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestCommitOffsetsOneByOne(t *testing.T) {
	mem := vfs.NewMem()
	now := time.UnixMilli(1_000_000)
	b := withTopic(t, mem, Config{Now: func() time.Time { return now }}, 4)
	with := func(o GroupOffset, epoch int32, metadata string) GroupOffset {
		o.LeaderEpoch, o.Metadata = epoch, metadata
		return o
	}
	errs, err := b.CommitOffsets("g", GroupMembership{}, []GroupOffset{
		with(offsetOf(0, 5), 3, "clock"),
		offsetOf(9, 5),
		with(offsetOf(1, 5), -1, strings.Repeat("x", maxMetadataBytes+1)),
		offsetOf(2, -1),
		with(offsetOf(3, 1<<40), -1, "\x00\xff"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if errs[0] != nil || errs[4] != nil || !errors.Is(errs[1], ErrUnknownTopic) || !errors.Is(errs[2], errMetadataTooLarge) {
		t.Fatalf("%v", errs)
	}
	wantCode(t, errs[3], coord.InvalidRequest)
	mem = mem.KillProcess()
	b = open(t, mem, Config{})
	got := fmt.Sprint(b.GroupOffsets("g"))
	if want := fmt.Sprint([]GroupOffset{
		{TopicPartition{"t", 0}, CommittedOffset{5, 3, 1_000_000, "clock"}},
		{TopicPartition{"t", 3}, CommittedOffset{1 << 40, -1, 1_000_000, "\x00\xff"}},
	}); got != want {
		t.Fatalf("offsets are %s, want %s", got, want)
	}
	if errs, err := b.CommitOffsets("g", GroupMembership{}, []GroupOffset{offsetOf(9, 1)}); err != nil || !errors.Is(errs[0], ErrUnknownTopic) {
		t.Fatalf("%v, %v", errs, err)
	}
}

func TestResetOffsets(t *testing.T) {
	b := withTopic(t, vfs.NewMem(), Config{}, 1)
	tps := []TopicPartition{{"t", 0}}
	for i := range 10 {
		if err := b.NewProducer().Produce(t.Context(), "t", Record{TimestampMillis: int64(1000 * (i + 1))}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		to   OffsetSpec
		want Offset
	}{
		{LatestOffset(), 10}, {EarliestOffset(), 0}, {OffsetSpec{}, 0}, {ExactOffset(4), 4}, {ExactOffset(10), 10},
		{OffsetAtTime(time.UnixMilli(2500)), 2}, {OffsetAtTime(time.UnixMilli(99_000)), 10},
	} {
		at, err := b.ResetOffsets("g", tps, c.to)
		if err != nil || len(at) != 1 || at[0].Offset != c.want {
			t.Fatalf("%+v: %v, %v, want %d", c.to, at, err, c.want)
		}
		if o, _ := b.Committed("g", tps[0]); o.Offset != c.want {
			t.Fatalf("%+v: offset %d, want %d", c.to, o.Offset, c.want)
		}
	}
	if _, err := b.ResetOffsets("g", tps, ExactOffset(11)); !errors.Is(err, ErrOffsetOutOfRange) {
		t.Fatalf("%v, want ErrOffsetOutOfRange", err)
	}
	if _, err := b.ResetOffsets("g", []TopicPartition{{"t", 0}, {"t", 1}}, EarliestOffset()); !errors.Is(err, ErrUnknownTopic) {
		t.Fatalf("%v, want ErrUnknownTopic", err)
	}
	fence, err := b.ClaimGroup("g")
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.ResetOffsets("g", tps, EarliestOffset())
	wantCode(t, err, coord.NonEmptyGroup)
	if o, _ := b.Committed("g", tps[0]); o.Offset != 10 {
		t.Fatalf("offset %d, want 10 as before", o.Offset)
	}
	if err := b.ReleaseGroup(fence); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ResetOffsets("g", tps, EarliestOffset()); err != nil {
		t.Fatal(err)
	}
}

func TestDeleteOffsets(t *testing.T) {
	mem := vfs.NewMem()
	b := withTopic(t, mem, Config{}, 2)
	if _, err := b.CreateTopic("u", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	all := []TopicPartition{{"t", 0}, {"u", 0}, {"t", 1}, {"no such", 0}}
	_, err := b.DeleteOffsets("g", all)
	wantCode(t, err, coord.GroupIDNotFound)
	commit := func() {
		t.Helper()
		errs, err := b.CommitOffsets("g", GroupMembership{}, []GroupOffset{offsetOf(0, 1), {TopicPartition{"u", 0}, CommittedOffset{Offset: 2}}})
		if err := errors.Join(append(errs, err)...); err != nil {
			t.Fatal(err)
		}
	}
	commit()
	r := (&remote{t: t, b: b, group: "g"}).alone()
	_, err = b.DeleteOffsets("g", all)
	wantCode(t, err, coord.NonEmptyGroup) // nobody knows what a member of this kind reads
	if _, err := b.LeaveGroup("g", []coord.Leaving{{MemberID: r.id}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.JoinGroup(t.Context(), coord.JoinGroup{Group: "g", NewMemberID: "m", ProtocolType: consumerProtocol,
		Protocols:      []coord.Protocol{{Name: "range", Metadata: (&kmsg.ConsumerMemberMetadata{Topics: []string{"t"}}).AppendTo(nil)}},
		SessionTimeout: 10 * time.Second, RebalanceTimeout: time.Minute}); err != nil {
		t.Fatal(err)
	}
	errs, err := b.DeleteOffsets("g", all)
	if err != nil || !errors.Is(errs[0], errSubscribed) || errs[1] != nil || !errors.Is(errs[2], errSubscribed) {
		t.Fatalf("%v, %v, want topic t to be refused", errs, err)
	}
	if _, err := b.LeaveGroup("g", []coord.Leaving{{MemberID: "m"}}); err != nil {
		t.Fatal(err)
	}
	check := func(want string) {
		t.Helper()
		var got []string
		for _, o := range b.GroupOffsets("g") {
			got = append(got, o.String())
		}
		if s := strings.Join(got, " "); s != want {
			t.Fatalf("offsets of %q, want %q", s, want)
		}
	}
	check("t-0@1")
	mem = mem.KillProcess()
	b = open(t, mem, Config{})
	check("t-0@1")
	commit()
	if errs, err := b.DeleteOffsets("g", all[:1]); err != nil || errs[0] != nil {
		t.Fatal(errs, err)
	}
	check("u-0@2")
}

// An expiring is a log whose groups expire after an hour of its clock.
type expiring struct {
	t   *testing.T
	mem *vfs.Mem
	b   *Broker
	now time.Time
}

func newExpiring(t *testing.T) *expiring {
	e := &expiring{t: t, mem: vfs.NewMem(), now: time.UnixMilli(1_700_000_000_000)}
	e.open()
	return e
}

func (e *expiring) open() {
	e.b = withTopic(e.t, e.mem, Config{Now: func() time.Time { return e.now }, OffsetsRetention: time.Hour, stepped: true}, 1)
}

func (e *expiring) commit(group string) {
	e.t.Helper()
	if err := commitAs(e.b, nobody(group), 7); err != nil {
		e.t.Fatal(err)
	}
}

// pass lets time go by as it does, minute by minute.
func (e *expiring) pass(d time.Duration) {
	for range d / time.Minute {
		e.now = e.now.Add(time.Minute)
		e.b.groups.tick()
	}
}

func (e *expiring) want(groups string) {
	e.t.Helper()
	var got []string
	for _, d := range e.b.ListGroups() {
		if len(e.b.GroupOffsets(d.Group)) > 0 {
			got = append(got, d.Group)
		}
	}
	if s := strings.Join(got, " "); s != groups {
		e.t.Fatalf("groups with offsets are %q, want %q", s, groups)
	}
}

func TestIdleGroupsExpire(t *testing.T) {
	e := newExpiring(t)
	for _, g := range []string{"busy", "claimed", "idle"} {
		e.commit(g)
	}
	fence, err := e.b.ClaimGroup("claimed")
	if err != nil {
		t.Fatal(err)
	}
	e.pass(40 * time.Minute)
	e.commit("busy")
	e.want("busy claimed idle")
	e.pass(40 * time.Minute)
	e.want("busy claimed")
	if _, err := e.b.DescribeGroup("idle"); err == nil {
		t.Fatal("idle group is still known")
	}
	if err := e.b.ReleaseGroup(fence); err != nil {
		t.Fatal(err)
	}
	e.pass(50 * time.Minute)
	e.want("claimed")
	e.pass(30 * time.Minute)
	e.want("")
	e.mem = e.mem.KillProcess()
	e.open()
	e.want("")
}

func TestGroupOutlivesAClosedLog(t *testing.T) {
	e := newExpiring(t)
	e.commit("g")
	e.pass(50 * time.Minute)
	if err := e.b.Close(); err != nil {
		t.Fatal(err)
	}
	e.now = e.now.Add(30 * 24 * time.Hour)
	e.open()
	e.pass(50 * time.Minute)
	e.want("g")
	e.pass(30 * time.Minute)
	e.want("")
}

func TestJumpingClockExpiresNothing(t *testing.T) {
	seed := testSeed(t)
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 100 {
		e := newExpiring(t)
		e.commit("g")
		passed := time.Duration(0)
		for passed < 38*time.Minute { // a jump counts as two looks at most, here that is one more
			e.pass(time.Minute)
			passed += time.Minute
			if passed == 20*time.Minute {
				jump := time.Duration(rng.Int64N(int64(20*365*24*time.Hour))) - 10*365*24*time.Hour
				e.now = e.now.Add(jump)
				e.b.groups.tick()
			}
		}
		e.want("g")
		e.pass(70 * time.Minute)
		e.want("")
	}
}
