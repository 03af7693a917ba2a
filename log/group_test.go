package log

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/coord"
	"github.com/freshet/freshet/internal/vfs"
)

// A remote is a member that speaks Kafka's requests by itself.
type remote struct {
	t     *testing.T
	b     *Broker
	group string
	id    string
	gen   int32
}

func (r *remote) join(protocolType string) (coord.JoinAnswer, error) {
	a, err := r.b.JoinGroup(context.Background(), coord.JoinGroup{
		Group: r.group, MemberID: r.id, ClientID: "app", ProtocolType: protocolType,
		Protocols: []coord.Protocol{{Name: "range", Metadata: []byte("m")}}, SessionTimeout: 10 * time.Second, RebalanceTimeout: time.Minute,
	})
	if err == nil {
		r.id, r.gen = a.MemberID, a.Generation
	}
	return a, err
}

func (r *remote) who() coord.Membership {
	return coord.Membership{Group: r.group, MemberID: r.id, Generation: r.gen}
}

func (r *remote) sync(as ...coord.Assignment) (coord.SyncAnswer, error) {
	return r.b.SyncGroup(context.Background(), coord.SyncGroup{Group: r.group, MemberID: r.id, Generation: r.gen, Assignments: as})
}

// alone makes r the one stable member of its group.
func (r *remote) alone() *remote {
	r.t.Helper()
	if _, err := r.join("test"); err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.sync(coord.Assignment{MemberID: r.id, Bytes: []byte("all")}); err != nil {
		r.t.Fatal(err)
	}
	return r
}

func wantCode(t testing.TB, err error, want coord.Code) {
	t.Helper()
	var code *CodeError
	if !errors.As(err, &code) || coord.Code(code.Code) != want {
		t.Fatalf("%v, want %s", err, want)
	}
}

// withTopic opens a log in memory that has topic t with some partitions.
func withTopic(t testing.TB, fsys vfs.FS, cfg Config, partitions int32) *Broker {
	t.Helper()
	b := open(t, fsys, cfg)
	if _, err := b.CreateTopic("t", TopicConfig{Partitions: partitions}); err != nil && !errors.Is(err, ErrTopicExists) {
		t.Fatal(err)
	}
	return b
}

func offsetOf(partition int32, o Offset) GroupOffset {
	return GroupOffset{TopicPartition{"t", partition}, CommittedOffset{Offset: o, LeaderEpoch: -1}}
}

// commitAs commits one offset of partition 0.
func commitAs(b *Broker, who coord.Membership, o Offset) error {
	errs, err := b.CommitOffsets(who.Group, GroupMembership{who.MemberID, who.InstanceID, who.Generation}, []GroupOffset{offsetOf(0, o)})
	return errors.Join(append(errs, err)...)
}

func nobody(group string) coord.Membership { return coord.Membership{Group: group, Generation: -1} }

func TestMembersShareAGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := withTopic(t, vfs.NewMem(), Config{}, 1)
		first := (&remote{t: t, b: b, group: "g"}).alone()
		second := &remote{t: t, b: b, group: "g"}
		joined := make(chan error, 1)
		go func() {
			_, err := second.join("test")
			joined <- err
		}()
		synctest.Wait()
		wantCode(t, b.Heartbeat(first.who()), coord.RebalanceInProgress)
		if a, err := first.join("test"); err != nil || a.Generation != 2 || len(a.Members) != 2 {
			t.Fatalf("%+v, %v, want generation 2 with two members", a, err)
		}
		if err := <-joined; err != nil {
			t.Fatal(err)
		}
		synced := make(chan string, 1)
		go func() {
			a, err := second.sync()
			synced <- fmt.Sprint(string(a.Assignment), err)
		}()
		synctest.Wait()
		if a, err := first.sync(coord.Assignment{MemberID: first.id, Bytes: []byte("A")}, coord.Assignment{MemberID: second.id, Bytes: []byte("B")}); err != nil || string(a.Assignment) != "A" {
			t.Fatalf("%+v, %v", a, err)
		}
		if got := <-synced; got != "B<nil>" {
			t.Fatalf("second got %s, want B", got)
		}

		time.Sleep(9 * time.Second) // of the bubble
		if err := b.Heartbeat(first.who()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		wantCode(t, b.Heartbeat(first.who()), coord.RebalanceInProgress) // second is dead
		if a, err := first.join("test"); err != nil || a.Generation != 3 || len(a.Members) != 1 {
			t.Fatalf("%+v, %v, want generation 3 with one member", a, err)
		}
		if _, err := b.LeaveGroup("g", []coord.Leaving{{MemberID: first.id}}); err != nil {
			t.Fatal(err)
		}
		if d, err := b.DescribeGroup("g"); err != nil || d.State != "Empty" || d.Generation != 4 {
			t.Fatalf("%+v, %v, want empty in generation 4", d, err)
		}
	})
}

func TestWaitingForAGroupEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := withTopic(t, vfs.NewMem(), Config{}, 1)
		first := (&remote{t: t, b: b, group: "g"}).alone()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		q := coord.JoinGroup{Group: "g", NewMemberID: "second", ProtocolType: "test", Protocols: []coord.Protocol{{Name: "range"}},
			SessionTimeout: 10 * time.Second, RebalanceTimeout: time.Minute}
		if _, err := b.JoinGroup(ctx, q); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%v, want the deadline", err)
		}
		// Its request stays; who joins again under the same id takes its place.
		q.MemberID, q.NewMemberID = "second", ""
		errs := make(chan error, 2)
		go func() {
			_, err := b.JoinGroup(context.Background(), q)
			errs <- err
		}()
		synctest.Wait()
		if _, err := first.join("test"); err != nil {
			t.Fatal(err)
		}
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := b.SyncGroup(context.Background(), coord.SyncGroup{Group: "g", MemberID: "second", Generation: first.gen})
			errs <- err
		}()
		synctest.Wait()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-errs; !errors.Is(err, ErrClosed) {
			t.Fatalf("%v, want ErrClosed", err)
		}
		if err := b.Heartbeat(first.who()); !errors.Is(err, ErrClosed) {
			t.Fatalf("%v, want ErrClosed", err)
		}
	})
}

func TestEmbeddedAndRemoteMembersFenceEachOther(t *testing.T) {
	b := withTopic(t, vfs.NewMem(), Config{}, 1)
	native := func(f Fence, o Offset) error {
		c := b.NewCommitBuilder()
		c.SetFence(f)
		if err := c.SetOffset("g", TopicPartition{"t", 0}, CommittedOffset{Offset: o}); err != nil {
			t.Fatal(err)
		}
		_, err := b.Commit(c.Build())
		return err
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fenced := func(err error) {
		t.Helper()
		if !errors.Is(err, ErrFenced) {
			t.Fatalf("%v, want ErrFenced", err)
		}
	}
	must(native(Fence{}, 1))
	must(commitAs(b, nobody("g"), 2))
	r := (&remote{t: t, b: b, group: "g"}).alone()
	must(commitAs(b, r.who(), 3))
	must(native(Fence{"g", r.id, r.gen}, 4))
	fenced(native(Fence{}, 99))
	fenced(commitAs(b, nobody("g"), 99))
	fenced(native(Fence{"g", r.id, r.gen - 1}, 99))

	claim, err := b.ClaimGroup("g")
	must(err)
	must(native(claim, 5))
	fenced(commitAs(b, r.who(), 99))
	fenced(native(Fence{"g", r.id, r.gen}, 99))
	fenced(native(Fence{}, 99))
	fenced(b.Heartbeat(r.who()))
	_, err = (&remote{t: t, b: b, group: "g"}).join("test")
	wantCode(t, err, coord.InconsistentGroupProtocol)

	newer, err := b.ClaimGroup("g")
	must(err)
	fenced(b.ReleaseGroup(claim))
	fenced(native(claim, 99))
	must(b.ReleaseGroup(newer))
	fenced(native(newer, 99))
	must(commitAs(b, (&remote{t: t, b: b, group: "g"}).alone().who(), 6))
	if o, _ := b.Committed("g", TopicPartition{"t", 0}); o.Offset != 6 {
		t.Fatalf("offset %d, want 6", o.Offset)
	}
}

// Whatever of an older generation is published at all is published before a
// claim returns.
func TestClaimComesAfterCommitsOnTheirWay(t *testing.T) {
	b := withTopic(t, vfs.NewMem(), Config{}, 1)
	tp := TopicPartition{"t", 0}
	fence, err := b.ClaimGroup("g")
	if err != nil {
		t.Fatal(err)
	}
	for round := range 50 {
		var wg sync.WaitGroup
		started := make(chan struct{}, 4)
		old := fence
		for range cap(started) {
			wg.Go(func() {
				c := b.NewCommitBuilder()
				c.SetFence(old)
				for i := range 20 {
					if err := c.SetOffset("g", tp, CommittedOffset{Offset: Offset(i)}); err != nil {
						t.Error(err)
					}
					_, err := b.Commit(c.Build())
					if i == 0 {
						started <- struct{}{}
					}
					if err != nil && !errors.Is(err, ErrFenced) {
						t.Error(err)
					}
				}
			})
		}
		<-started
		if fence, err = b.ClaimGroup("g"); err != nil {
			t.Fatal(err)
		}
		seen, _ := b.Committed("g", tp)
		wg.Wait()
		if now, _ := b.Committed("g", tp); now != seen {
			t.Fatalf("round %d: offset was %+v after the claim and is %+v later", round, seen, now)
		}
	}
}

func TestGenerationsSurviveTheProcess(t *testing.T) {
	for _, end := range []string{"close", "kill"} {
		t.Run(end, func(t *testing.T) {
			mem := vfs.NewMem()
			b := withTopic(t, mem, Config{}, 1)
			r := (&remote{t: t, b: b, group: "g"}).alone()
			claim, err := b.ClaimGroup("claimed")
			if err != nil {
				t.Fatal(err)
			}
			for _, group := range []string{"gone", "only offsets"} {
				if err := commitAs(b, nobody(group), 7); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.DeleteGroup("gone"); err != nil {
				t.Fatal(err)
			}
			if end == "kill" {
				mem = mem.KillProcess()
			} else if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			b = open(t, mem, Config{})
			wantGroups(t, b, "claimed Empty 1, g Empty 1 test, only offsets Empty 0")
			wantCode(t, b.Heartbeat(r.who()), coord.UnknownMemberID)
			if err := commitAs(b, r.who(), 9); !errors.Is(err, ErrFenced) {
				t.Fatalf("%v, want ErrFenced", err)
			}
			newer, err := b.ClaimGroup("claimed")
			if err != nil || newer.Generation != claim.Generation+1 {
				t.Fatalf("%+v, %v, want generation %d", newer, err, claim.Generation+1)
			}
		})
	}
}

func wantGroups(t testing.TB, b *Broker, want string) {
	t.Helper()
	var got []string
	for _, d := range b.ListGroups() {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %d %s", d.Group, d.State, d.Generation, d.ProtocolType)))
	}
	if s := strings.Join(got, ", "); s != want {
		t.Fatalf("groups are %q, want %q", s, want)
	}
}

func TestReaderBesideTheOwnerSeesGroups(t *testing.T) {
	mem := vfs.NewMem()
	b := withTopic(t, mem, Config{}, 1)
	(&remote{t: t, b: b, group: "g"}).alone()
	reader, err := openReadOnlyFS(mem, ".", Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	wantGroups(t, reader, "g Empty 1 test")
	if _, err := reader.ClaimGroup("g"); !errors.Is(err, ErrReadOnly) {
		t.Fatalf("%v, want ErrReadOnly", err)
	}
	if _, err := reader.Subscribe(GroupConfig{Group: "g", Topics: []string{"t"}}); !errors.Is(err, ErrReadOnly) {
		t.Fatalf("%v, want ErrReadOnly", err)
	}
}

func TestGroupNamesOfAnyKind(t *testing.T) {
	mem := vfs.NewMem()
	b := withTopic(t, mem, Config{}, 1)
	names := []string{"\x00", " ", "../../etc", "g\xff\xfe", "π", strings.Repeat("x", maxGroupBytes)}
	for _, name := range names {
		(&remote{t: t, b: b, group: name}).alone()
		if _, err := b.ClaimGroup(name); err != nil {
			t.Fatalf("%.20q: %v", name, err)
		}
		if err := commitAs(b, nobody(name+"2"), 1); len(name) < maxGroupBytes && err != nil || len(name) == maxGroupBytes && err == nil {
			t.Fatalf("%.20q: %v", name, err)
		}
	}
	for _, name := range []string{"", strings.Repeat("x", maxGroupBytes+1)} {
		_, err := (&remote{t: t, b: b, group: name}).join("test")
		wantCode(t, err, coord.InvalidGroupID)
		_, err = b.ClaimGroup(name)
		wantCode(t, err, coord.InvalidGroupID)
		wantCode(t, commitAs(b, nobody(name), 1), coord.InvalidGroupID)
		if err := b.DeleteGroup(name); err == nil {
			t.Fatalf("%.20q was deleted", name)
		}
	}
	mem = mem.KillProcess()
	b = open(t, mem, Config{})
	list := b.ListGroups()
	for _, name := range names {
		if !slices.ContainsFunc(list, func(d GroupDescription) bool { return d.Group == name && d.Generation == 2 }) {
			t.Fatalf("%.20q is not there after a restart", name)
		}
	}
}

func TestDeleteGroup(t *testing.T) {
	mem := vfs.NewMem()
	b := withTopic(t, mem, Config{}, 1)
	wantCode(t, b.DeleteGroup("g"), coord.GroupIDNotFound)
	if err := commitAs(b, nobody("g"), 7); err != nil {
		t.Fatal(err)
	}
	r := (&remote{t: t, b: b, group: "g"}).alone()
	wantCode(t, b.DeleteGroup("g"), coord.NonEmptyGroup)
	if _, err := b.LeaveGroup("g", []coord.Leaving{{MemberID: r.id}}); err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteGroup("g"); err != nil {
		t.Fatal(err)
	}
	wantGroups(t, b, "")
	_, err := b.DescribeGroup("g")
	wantCode(t, err, coord.GroupIDNotFound)
	mem = mem.KillProcess()
	b = open(t, mem, Config{})
	wantGroups(t, b, "")
	if o, ok := b.Committed("g", TopicPartition{"t", 0}); ok {
		t.Fatalf("offset %+v is back", o)
	}
}

func TestFullDiskRefusesGroups(t *testing.T) {
	mem := vfs.NewMem()
	full := false
	b := withTopic(t, vfs.Fail(mem, func(op vfs.Op) error {
		if full && op.Kind == vfs.OpWrite {
			return syscall.ENOSPC
		}
		return nil
	}), Config{}, 1)
	if err := commitAs(b, nobody("g"), 7); err != nil {
		t.Fatal(err)
	}
	full = true
	r := &remote{t: t, b: b, group: "g"}
	if _, err := r.join("test"); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("%v, want ErrNoSpace", err)
	}
	if _, err := b.ClaimGroup("h"); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("%v, want ErrNoSpace", err)
	}
	if err := commitAs(b, nobody("i"), 7); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("%v, want ErrNoSpace", err)
	}
	if err := commitAs(b, nobody("j"), 7); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("%v, want ErrNoSpace", err)
	}
	if err := b.DeleteGroup("j"); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("%v, want ErrNoSpace", err)
	}
	if _, err := b.DescribeGroup("j"); err != nil {
		t.Fatalf("group is gone though its removal was refused: %v", err)
	}
	full = false
	fence, err := b.ClaimGroup("g")
	if err != nil {
		t.Fatal(err)
	}
	if o, _ := b.Committed("g", TopicPartition{"t", 0}); o.Offset != 7 {
		t.Fatalf("offset %d, want 7", o.Offset)
	}
	if err := b.ReleaseGroup(fence); err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteGroup("g"); err != nil {
		t.Fatal(err)
	}
}

func TestCheckingAFenceAllocatesNothing(t *testing.T) {
	b := withTopic(t, vfs.NewMem(), Config{}, 1)
	fence, err := b.ClaimGroup("g")
	if err != nil {
		t.Fatal(err)
	}
	c := b.NewCommitBuilder()
	c.SetFence(fence)
	for _, group := range []string{"g", "g", "other"} {
		if err := c.SetOffset(group, TopicPartition{"t", 0}, CommittedOffset{Offset: 1}); err != nil {
			t.Fatal(err)
		}
	}
	commit := c.Build()
	if n := testing.AllocsPerRun(100, func() {
		if err := b.checkGroups(commit); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Fatalf("%v allocations a commit, want none", n)
	}
}
