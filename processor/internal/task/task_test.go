package task

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/freshet/freshet/log"
	"github.com/google/go-cmp/cmp"
)

// A probe is a task whose operators note what they get.
type probe struct {
	*Task
	got    []string
	noted  error
	failAt string

	enoughAt int // records
}

func partition(topic string) log.TopicPartition { return log.TopicPartition{Topic: topic} }

func newProbe(topics ...string) *probe {
	p := &probe{}
	config := Config{
		Clock:    NewStreamTime(),
		Flush:    func() error { return nil },
		Operator: func() string { return "probe" },
		Failed:   func() error { return p.noted },
		Enough:   func() bool { return len(p.got) == p.enoughAt },
	}
	for _, topic := range topics {
		config.Inputs = append(config.Inputs, Input{
			TopicPartition: partition(topic),
			Take: func(r *log.Record) error {
				s := fmt.Sprintf("%s@%d", r.Value, r.TimestampMillis)
				if string(r.Value) == p.failAt {
					return errors.New("bad value")
				}
				p.got = append(p.got, s)
				return nil
			},
		})
	}
	p.Task = New(config)
	return p
}

// feed hands the task records of a topic, each written value@timestamp.
func (p *probe) feed(t *testing.T, topic string, values ...string) {
	t.Helper()
	tp := partition(topic)
	next := p.group.of(tp).fetched
	var records []log.Record
	for _, v := range values {
		value, at, _ := strings.Cut(v, "@")
		r := log.Record{Value: []byte(value), Offset: next}
		if _, err := fmt.Sscan(at, &r.TimestampMillis); err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
		next++
	}
	if err := p.Add(log.Fetch{TopicPartition: tp, Records: log.NewRecords(records), Next: next}); err != nil {
		t.Fatal(err)
	}
}

func (p *probe) run(t *testing.T) {
	t.Helper()
	for {
		n, err := p.Process(100)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

func (p *probe) want(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, p.got); diff != "" {
		t.Errorf("processed (-want +got):\n%s", diff)
	}
}

func TestProcessTakesTheLowestTimestamp(t *testing.T) {
	p := newProbe("a", "b", "c")
	p.feed(t, "a", "a1@10", "a2@40")
	p.feed(t, "b", "b1@20", "b2@5") // out of order within its partition: stays behind b1
	p.feed(t, "c", "c1@30")
	p.run(t)
	p.want(t, "a1@10", "b1@20", "b2@5", "c1@30", "a2@40")
}

func TestProcessBreaksTiesByOrderOfTopicsThenOffset(t *testing.T) {
	p := newProbe("z", "a")
	p.feed(t, "a", "a1@7", "a2@7")
	p.feed(t, "z", "z1@7", "z2@7")
	p.run(t)
	p.want(t, "z1@7", "z2@7", "a1@7", "a2@7")
}

func TestProcessStopsWhenAnInputRunsDry(t *testing.T) {
	p := newProbe("a", "b")
	p.feed(t, "a", "a1@1")
	p.feed(t, "b", "b1@2", "b2@3")
	n, err := p.Process(100)
	if err != nil || n != 1 {
		t.Errorf("Process = %d, %v; want 1: more of a may be older than b1", n, err)
	}
	p.want(t, "a1@1")
}

func TestProcessStopsWhenThereIsEnough(t *testing.T) {
	p := newProbe("a")
	p.enoughAt = 2
	p.feed(t, "a", "a1@1", "a2@2", "a3@3")
	if n, err := p.Process(100); err != nil || n != 2 {
		t.Errorf("Process = %d, %v; want 2", n, err)
	}
	p.want(t, "a1@1", "a2@2")
}

func TestReadyWaitsForWhatIsThereButNotFetched(t *testing.T) {
	p := newProbe("a", "b")
	p.feed(t, "a", "a1@1")
	end := log.Offset(3)
	ends := func(log.TopicPartition) (log.Offset, error) { return end, nil }
	if ready, err := p.Ready(ends); ready || err != nil {
		t.Errorf("Ready = %v, %v while 3 records of b are not fetched", ready, err)
	}
	end = 0
	if ready, err := p.Ready(ends); !ready || err != nil {
		t.Errorf("Ready = %v, %v while b has nothing", ready, err)
	}
	lost := errors.New("lost")
	if _, err := p.Ready(func(log.TopicPartition) (log.Offset, error) { return 0, lost }); !errors.Is(err, lost) {
		t.Errorf("Ready returned %v, want %v", err, lost)
	}
}

func TestProcessHonoursItsLimit(t *testing.T) {
	p := newProbe("a")
	p.feed(t, "a", "1@1", "2@2", "3@3")
	if n, err := p.Process(2); n != 2 || err != nil {
		t.Errorf("Process(2) = %d, %v", n, err)
	}
	if got := p.Position(0); got != 2 {
		t.Errorf("position %d, want 2", got)
	}
}

func TestErrorSaysWhichRecord(t *testing.T) {
	p := newProbe("a")
	p.feed(t, "a", "fine@1", "bad@2")
	p.failAt = "bad"
	n, err := p.Process(100)
	var at *RecordError
	if !errors.As(err, &at) {
		t.Fatalf("got %v, want a RecordError", err)
	}
	if n != 1 || at.Offset != 1 || at.Topic != "a" || at.Operator != "probe" || at.Stack != nil {
		t.Errorf("%d processed, then %+v", n, at)
	}
	if want := "task 0_0: operator probe: a-0 offset 1: bad value"; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

func TestErrorThatAParentDroppedFailsTheRecord(t *testing.T) {
	p := newProbe("a")
	p.feed(t, "a", "x@1")
	p.noted = errors.New("dropped")
	if _, err := p.Process(1); !errors.Is(err, p.noted) {
		t.Errorf("got %v, want %v", err, p.noted)
	}
}

func TestPanicBecomesAnErrorWithItsStack(t *testing.T) {
	p := newProbe("a")
	p.feed(t, "a", "x@1")
	p.group.queues[0].input.Take = func(*log.Record) error { panic("boom") }
	_, err := p.Process(1)
	var at *RecordError
	if !errors.As(err, &at) || at.Offset != 0 || !strings.Contains(string(at.Stack), "TestPanicBecomes") {
		t.Errorf("got %v", err)
	}
}

func TestSealCommitsOffsetsThatMovedWithTheStreamTime(t *testing.T) {
	p := newProbe("a", "b")
	p.feed(t, "a", "1@50", "2@20")
	if p.Dirty() {
		t.Error("dirty before anything was processed")
	}
	p.run(t)
	got := seal(t, p)
	if len(got) != 1 || got[partition("a")].Offset != 2 {
		t.Fatalf("sealed %v, want a at 2 alone", got)
	}
	clock := NewStreamTime()
	if err := clock.ObserveMetadata(got[partition("a")].Metadata); err != nil || clock.Millis() != 50 {
		t.Errorf("stream time after a restart %d, %v; want 50", clock.Millis(), err)
	}
	if p.Dirty() {
		t.Error("dirty after Seal")
	}
	if again := seal(t, p); len(again) != 0 {
		t.Errorf("sealed %v again", again)
	}
}

// Compaction leaves holes: a fetch may reach further than its last record.
func TestSealCommitsPastRecordsThatAreGone(t *testing.T) {
	p := newProbe("a")
	f := log.Fetch{TopicPartition: partition("a"), Next: 9}
	if err := p.Add(f); err != nil {
		t.Fatal(err)
	}
	if got := seal(t, p)[partition("a")].Offset; got != 9 {
		t.Errorf("sealed offset %d, want 9", got)
	}
}

func seal(t *testing.T, p *probe) map[log.TopicPartition]log.CommittedOffset {
	t.Helper()
	got := make(map[log.TopicPartition]log.CommittedOffset)
	if err := p.Seal(func(tp log.TopicPartition, o log.CommittedOffset) error {
		got[tp] = o
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestAddRefusesAForeignPartition(t *testing.T) {
	if err := newProbe("a").Add(log.Fetch{TopicPartition: partition("b")}); err == nil {
		t.Error("took a partition that the task does not read")
	}
}

func TestStreamTimeNeverGoesBack(t *testing.T) {
	clock := NewStreamTime()
	clock.Observe(5)
	clock.Observe(3)
	if clock.Millis() != 5 {
		t.Errorf("got %d, want 5", clock.Millis())
	}
	for _, bad := range []string{"?", "AAAA", "AgAAAAAAAAAA"} {
		if err := clock.ObserveMetadata(bad); err == nil {
			t.Errorf("took metadata %q", bad)
		}
	}
	if err := clock.ObserveMetadata(""); err != nil || clock.Millis() != 5 {
		t.Errorf("empty metadata: %v, %d", err, clock.Millis())
	}
}

func TestQueueIsFullWithAFetchWaiting(t *testing.T) {
	p := newProbe("a")
	p.feed(t, "a", "1@1", "2@2")
	if p.Full(0) {
		t.Error("full with nothing waiting")
	}
	p.feed(t, "a", "3@3")
	if !p.Full(0) {
		t.Error("not full with a fetch waiting")
	}
	p.run(t)
	p.want(t, "1@1", "2@2", "3@3")
}
