package log

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

// A club is a log whose topics are read by a group, in a bubble of its own
// time. It checks what holds whatever happens: within one assignment a member
// sees offsets that follow each other, from the committed one on.
type club struct {
	t  *testing.T
	b  *Broker
	mu struct {
		sync.Mutex
		seen map[TopicPartition]map[Offset]int // how often a record was polled
	}
}

func newClub(t *testing.T, fsys vfs.FS, partitions int32) *club {
	c := &club{t: t, b: withTopic(t, fsys, Config{}, partitions)}
	c.mu.seen = map[TopicPartition]map[Offset]int{}
	return c
}

// produce appends n records to each partition of topic t.
func (c *club) produce(n int) {
	c.t.Helper()
	d, err := c.b.Topic("t")
	if err != nil {
		c.t.Fatal(err)
	}
	builder := c.b.NewCommitBuilder()
	for p := range int32(len(d.Partitions)) {
		for range n {
			if err := builder.Append("t", p, &Record{Value: []byte("v")}); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	if _, err := c.b.Commit(builder.Build()); err != nil {
		c.t.Fatal(err)
	}
}

// allSeen checks that every record was polled by somebody.
func (c *club) allSeen() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.b.Topics() {
		for _, p := range d.Partitions {
			tp := TopicPartition{d.Name, p.Partition}
			for o := p.Start; o < p.End; o++ {
				if c.mu.seen[tp][o] == 0 {
					c.t.Fatalf("record %d of %s was never seen", o, tp)
				}
			}
		}
	}
}

// times returns how often all records together were polled.
func (c *club) times() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, offsets := range c.mu.seen {
		for _, times := range offsets {
			n += times
		}
	}
	return n
}

// An attendee is a member of a club, on a goroutine of its own.
type attendee struct {
	club   *club
	c      *GroupConsumer
	next   map[TopicPartition]Offset
	stop   context.CancelFunc
	done   chan error
	hold   chan chan struct{} // makes it busy until the channel that it is sent is closed
	mu     sync.Mutex
	events []string // of its callbacks
	has    map[TopicPartition]bool
}

func (c *club) member(cfg GroupConfig) *attendee {
	c.t.Helper()
	a := &attendee{club: c, next: map[TopicPartition]Offset{}, has: map[TopicPartition]bool{}, done: make(chan error, 1), hold: make(chan chan struct{}, 1)}
	cfg.Group = "g"
	if cfg.Topics == nil && cfg.Pattern == nil {
		cfg.Topics = []string{"t"}
	}
	cfg.OnAssigned = func(tps []TopicPartition) { a.event("assigned", tps, true) }
	cfg.OnRevoked = func(tps []TopicPartition) {
		a.event("revoked", tps, false)
		if err := a.c.Commit(); err != nil && !errors.Is(err, ErrFenced) && !errors.Is(err, ErrRebalancing) {
			c.t.Errorf("commit before partitions are revoked: %v", err)
		}
	}
	cfg.OnLost = func(tps []TopicPartition) { a.event("lost", tps, false) }
	var err error
	if a.c, err = c.b.Subscribe(cfg); err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(c.t.Context())
	a.stop = cancel
	go func() { a.done <- a.run(ctx) }()
	return a
}

func (a *attendee) event(what string, tps []TopicPartition, has bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, what+" "+places(tps))
	for _, tp := range tps {
		delete(a.next, tp)
		if a.has[tp] = has; !has {
			delete(a.has, tp)
		} else if o, ok := a.club.b.Committed("g", tp); ok {
			a.next[tp] = o.Offset
		} else {
			a.next[tp] = 0
		}
	}
}

func places(tps []TopicPartition) string {
	var s []string
	for _, tp := range tps {
		s = append(s, tp.String())
	}
	return strings.Join(s, " ")
}

// run polls until it is stopped, and commits after each Poll.
func (a *attendee) run(ctx context.Context) error {
	for {
		select {
		case free := <-a.hold:
			<-free
		default:
		}
		fetches, err := a.c.Poll(ctx, 1<<10)
		for _, f := range fetches {
			a.see(f)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := a.c.Commit(); err != nil && !errors.Is(err, ErrFenced) && !errors.Is(err, ErrRebalancing) {
			return err
		}
	}
}

func (a *attendee) see(f Fetch) {
	var r Record
	for f.Records.Next(&r) {
		if want, ok := a.next[f.TopicPartition]; !ok || r.Offset != want {
			a.club.t.Errorf("%s: offset %d, want %d (has it: %v)", f.TopicPartition, r.Offset, want, ok)
		}
		a.next[f.TopicPartition] = r.Offset + 1
		a.club.mu.Lock()
		if a.club.mu.seen[f.TopicPartition] == nil {
			a.club.mu.seen[f.TopicPartition] = map[Offset]int{}
		}
		a.club.mu.seen[f.TopicPartition][r.Offset]++
		a.club.mu.Unlock()
	}
	if err := f.Records.Err(); err != nil {
		a.club.t.Error(err)
	}
}

// halt makes the member poll no more.
func (a *attendee) halt() {
	a.club.t.Helper()
	a.stop()
	if err := <-a.done; err != nil {
		a.club.t.Fatal(err)
	}
}

func (a *attendee) close() {
	a.club.t.Helper()
	a.halt()
	if err := a.c.Close(); err != nil {
		a.club.t.Fatal(err)
	}
}

// crash makes the member stop without a word.
func (a *attendee) crash() {
	a.club.t.Helper()
	a.halt()
	close(a.c.stop)
	a.c.heart.Wait()
	a.c.unwatch()
	a.c.consumer.Close()
}

// busy keeps the member from polling; free ends that.
func (a *attendee) busy() (free func()) {
	until := make(chan struct{})
	a.hold <- until
	a.club.produce(1) // which ends its Poll
	synctest.Wait()
	return func() { close(until) }
}

func (a *attendee) took() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.events, ", ")
}

func (a *attendee) assignment() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return places(sortedPlaces(a.has))
}

// settle lets d pass.
func settle(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

func wantText(t testing.TB, got, want string) {
	t.Helper()
	if got != want {
		t.Fatalf("%q, want %q", got, want)
	}
}

func TestMembersJoinAndLeave(t *testing.T) {
	for _, assignor := range []string{"range", "roundrobin", "sticky", "cooperative-sticky"} {
		t.Run(assignor, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClub(t, vfs.NewMem(), 3)
				cfg := GroupConfig{Assignors: []string{assignor}}
				c.produce(100)
				first := c.member(cfg)
				settle(0)
				wantText(t, first.assignment(), "t-0 t-1 t-2")
				c.allSeen()
				second := c.member(cfg)
				c.produce(100)
				settle(0) // nobody has to wait for a heartbeat
				if n := len(strings.Fields(first.assignment())); n != 1 && n != 2 {
					t.Fatalf("first has %s", first.assignment())
				}
				all := append(strings.Fields(first.assignment()), strings.Fields(second.assignment())...)
				slices.Sort(all)
				wantText(t, strings.Join(all, " "), "t-0 t-1 t-2")
				c.allSeen()
				first.close()
				settle(0)
				wantText(t, second.assignment(), "t-0 t-1 t-2")
				c.produce(100)
				settle(0)
				c.allSeen()
				second.close()
				if got := c.times(); got != 900 {
					t.Fatalf("%d records polled, want 900: everybody committed in time", got)
				}
				if d, err := c.b.DescribeGroup("g"); err != nil || d.State != "Empty" {
					t.Fatalf("%+v, %v", d, err)
				}
			})
		})
	}
}

func TestCrashedMemberIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t, vfs.NewMem(), 4)
		first := c.member(GroupConfig{SessionTimeout: 10 * time.Second})
		second := c.member(GroupConfig{SessionTimeout: 10 * time.Second})
		c.produce(10)
		settle(time.Second)
		had := first.assignment()
		first.crash()
		c.produce(10)
		settle(5 * time.Second)
		if strings.Contains(second.assignment(), had) {
			t.Fatalf("second has %s, of a member that may live", second.assignment())
		}
		settle(10 * time.Second)
		wantText(t, second.assignment(), "t-0 t-1 t-2 t-3")
		c.allSeen()
		second.close()
	})
}

func TestCooperativeMembersGoOnWhileOthersAreAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t, vfs.NewMem(), 4)
		slow := c.member(GroupConfig{})
		settle(time.Second)
		quick := c.member(GroupConfig{})
		settle(time.Second)
		free := slow.busy()
		third := c.member(GroupConfig{})
		settle(time.Second)
		if d, _ := c.b.DescribeGroup("g"); d.State != "PreparingRebalance" {
			t.Fatalf("group is %s, want a rebalance that waits", d.State)
		}
		before := c.times()
		c.produce(10)
		settle(time.Minute)
		if got := c.times() - before; got != 20 {
			t.Fatalf("%d records polled while the slow member is awaited, want the 20 of quick", got)
		}
		free()
		settle(time.Second)
		c.allSeen()
		wantText(t, fmt.Sprint(len(strings.Fields(third.assignment()))), "1")
		// One gave two up for the other, and one of both gave one up for the third.
		if got := slow.took() + quick.took(); strings.Count(got, "revoked ") != 2 || strings.Count(got, "revoked t-") != 2 {
			t.Fatalf("slow took %s; quick took %s; want no more than what moved", slow.took(), quick.took())
		}
		slow.close()
		quick.close()
		third.close()
	})
}

func TestEagerMembersGiveEverythingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t, vfs.NewMem(), 2)
		first := c.member(GroupConfig{Assignors: []string{"range", "cooperative-sticky"}})
		settle(0)
		second := c.member(GroupConfig{Assignors: []string{"range"}})
		settle(0)
		if got := first.took(); !strings.HasPrefix(got, "assigned t-0 t-1, revoked t-0 t-1, assigned t-") {
			t.Fatalf("first took %s", got)
		}
		first.close()
		second.close()
	})
}

func TestStaticMemberComesBackUnnoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t, vfs.NewMem(), 2)
		cfg := func(instance string) GroupConfig {
			return GroupConfig{InstanceID: instance, Assignors: []string{"range"}, SessionTimeout: 10 * time.Second}
		}
		a := c.member(cfg("a"))
		settle(time.Second)
		b := c.member(cfg("b"))
		settle(time.Second)
		before, _ := c.b.DescribeGroup("g")
		b.close()
		settle(5 * time.Second)
		b = c.member(cfg("b"))
		settle(5 * time.Second)
		after, _ := c.b.DescribeGroup("g")
		if after.State != "Stable" || after.Generation != before.Generation {
			t.Fatalf("group is %+v, want generation %d as before", after, before.Generation)
		}
		wantText(t, a.assignment(), "t-0")
		wantText(t, b.assignment(), "t-1")
		c.produce(10)
		settle(0)
		c.allSeen()

		thief := c.member(cfg("b"))
		settle(5 * time.Second)
		if err := <-b.done; !errors.Is(err, ErrFenced) {
			t.Fatalf("%v, want ErrFenced", err)
		}
		b.stop()
		if _, err := b.c.Poll(t.Context(), 1); !errors.Is(err, ErrFenced) {
			t.Fatalf("%v, want ErrFenced again", err)
		}
		if err := b.c.Close(); err != nil {
			t.Fatal(err)
		}
		wantText(t, thief.assignment(), "t-1")
		thief.close()
		settle(15 * time.Second)
		wantText(t, a.assignment(), "t-0 t-1")
		a.close()
	})
}

func TestMemberThatDoesNotPollLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t, vfs.NewMem(), 2)
		slow := c.member(GroupConfig{MaxPollInterval: time.Minute})
		other := c.member(GroupConfig{})
		settle(time.Second)
		free := slow.busy()
		settle(50 * time.Second)
		wantText(t, fmt.Sprint(len(strings.Fields(other.assignment()))), "1")
		settle(20 * time.Second)
		wantText(t, other.assignment(), "t-0 t-1")
		free()
		settle(time.Second)
		if !strings.Contains(slow.took(), "lost t-") {
			t.Fatalf("slow took %s, want a loss", slow.took())
		}
		wantText(t, fmt.Sprint(len(strings.Fields(slow.assignment()))), "1")
		c.produce(10)
		settle(0)
		c.allSeen()
		slow.close()
		other.close()
	})
}

func TestNewTopicsAndPartitionsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t, vfs.NewMem(), 1)
		byPattern := c.member(GroupConfig{Pattern: regexp.MustCompile("^(t|u.*)$")})
		byName := c.member(GroupConfig{Topics: []string{"t", "late"}})
		settle(time.Second)
		if _, err := c.b.AddPartitions("t", 3); err != nil {
			t.Fatal(err)
		}
		c.produce(10)
		settle(2 * heartbeatInterval)
		c.allSeen()
		for _, topic := range []string{"u1", "late", "v"} {
			if _, err := c.b.CreateTopic(topic, TopicConfig{Internal: topic == "u2"}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.b.CreateTopic("u2", TopicConfig{Internal: true}); err != nil {
			t.Fatal(err)
		}
		settle(2 * heartbeatInterval)
		all := append(strings.Fields(byPattern.assignment()), strings.Fields(byName.assignment())...)
		slices.Sort(all)
		wantText(t, strings.Join(all, " "), "late-0 t-0 t-1 t-2 u1-0")
		if err := c.b.DeleteTopic("u1"); err != nil {
			t.Fatal(err)
		}
		settle(2 * heartbeatInterval)
		if strings.Contains(byPattern.assignment(), "u1") {
			t.Fatal("a topic that was deleted is assigned")
		}
		byPattern.close()
		byName.close()
	})
}

func TestTopicThatIsMadeAnewIsReadAnew(t *testing.T) {
	for _, assignor := range []string{"range", "cooperative-sticky"} {
		synctest.Test(t, func(t *testing.T) {
			c := newClub(t, vfs.NewMem(), 2)
			cfg := GroupConfig{Assignors: []string{assignor}}
			first, second := c.member(cfg), c.member(cfg)
			c.produce(10)
			settle(time.Second)
			c.allSeen()
			if err := c.b.DeleteTopic("t"); err != nil {
				t.Fatal(err)
			}
			if _, err := c.b.CreateTopic("t", TopicConfig{Partitions: 2}); err != nil {
				t.Fatal(err)
			}
			c.mu.Lock()
			clear(c.mu.seen)
			c.mu.Unlock()
			c.produce(5)
			settle(2 * heartbeatInterval)
			c.allSeen()
			first.close()
			second.close()
		})
	}
}

func TestGroupGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		c := newClub(t, mem, 2)
		c.produce(10)
		a := c.member(GroupConfig{})
		settle(0)
		a.stop()
		<-a.done
		c.b = open(t, mem.KillProcess(), Config{})
		c.produce(10)
		again := c.member(GroupConfig{})
		settle(0)
		c.allSeen()
		if got := c.times(); got != 40 {
			t.Fatalf("%d records polled, want 40, each once", got)
		}
		if d, _ := c.b.DescribeGroup("g"); d.Generation != 2 {
			t.Fatalf("generation %d, want 2", d.Generation)
		}
		again.close()
		if err := a.c.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestClaimEndsMembership(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t, vfs.NewMem(), 1)
		a := c.member(GroupConfig{})
		settle(0)
		fence := a.c.Fence()
		claim, err := c.b.ClaimGroup("g")
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		err = <-a.done
		var code *CodeError
		if !errors.As(err, &code) || code.Name != "INCONSISTENT_GROUP_PROTOCOL" {
			t.Fatalf("%v, want that the group is of another kind", err)
		}
		wantText(t, a.took(), "assigned t-0, lost t-0")
		builder := c.b.NewCommitBuilder()
		builder.SetFence(fence)
		if err := builder.SetOffset("g", TopicPartition{"t", 0}, CommittedOffset{}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.b.Commit(builder.Build()); !errors.Is(err, ErrFenced) {
			t.Fatalf("%v, want ErrFenced", err)
		}
		if err := c.b.ReleaseGroup(claim); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := a.c.Poll(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		wantText(t, places(a.c.Assignment()), "t-0")
		if err := a.c.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
