package processor_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
	"github.com/freshet/freshet/state"
	"github.com/freshet/freshet/state/leveldb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// ghost is a value that no changelog holds: it must not survive a rebuild.
var ghost = state.Write{Key: []byte("counts\x00ghost"), Value: make([]byte, 16)}

// TestRestore spoils the databases of a stopped application in every way that
// its next start has to see, and counts on.
func TestRestore(t *testing.T) {
	const day = 24 * time.Hour
	change := func(change func(*state.Position), also ...state.Write) func(*testing.T, state.DB) {
		return func(t *testing.T, db state.DB) {
			p, found, err := state.ReadPosition(db, "counts")
			if err != nil || !found {
				t.Fatalf("no position to spoil: %v", err)
			}
			change(&p)
			apply(t, db, append(also, state.PositionWrite("counts", p))...)
		}
	}
	position := func(how func(*state.Position)) func(*testing.T, state.DB) { return change(how, ghost) }
	for _, c := range []struct {
		name     string
		spoil    func(*testing.T, state.DB)
		rebuilds bool
	}{
		{"nothing", func(*testing.T, state.DB) {}, false},
		{"another topic of the same name", position(func(p *state.Position) { p.TopicID = uuid.UUID{1} }), true},
		{"position beyond the changelog's end", position(func(p *state.Position) { p.Offset += 1000 }), true},
		{"epoch that the log has lost", position(func(p *state.Position) { p.LeaderEpoch += 1000 }), true},
		{"position of an older day, with nothing behind it", change(func(p *state.Position) { p.SeenMillis -= day.Milliseconds() }), false},
		{"position before the end", change(func(p *state.Position) { p.Offset-- }), false},
		{"position of an older day", position(func(p *state.Position) { p.Offset--; p.SeenMillis -= day.Milliseconds() }), true},
		{"position of a day to come", position(func(p *state.Position) { p.Offset--; p.SeenMillis += day.Milliseconds() }), true},
		{"position of no day", position(func(p *state.Position) { p.Offset--; p.SeenMillis = 0 }), true},
		{"values without a position", func(t *testing.T, db state.DB) {
			apply(t, db, state.Write{Key: []byte("\x00position/counts")}, ghost)
		}, true},
		{"damaged position", func(t *testing.T, db state.DB) {
			apply(t, db, state.Write{Key: []byte("\x00position/counts"), Value: []byte("?")}, ghost)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) { spoilAndRestore(t, state.Memory(), c.spoil, c.rebuilds) })
		t.Run(c.name+", LevelDB", func(t *testing.T) {
			spoilAndRestore(t, leveldb.Engine(vfs.NewMem(), leveldb.Options{}), c.spoil, c.rebuilds)
		})
	}
	t.Run("lost databases", func(t *testing.T) {
		mem, want := stopped(t, state.Memory())
		restarted(t, mem, state.Memory(), want, false)
	})
}

func apply(t *testing.T, db state.DB, writes ...state.Write) {
	t.Helper()
	state.SortWrites(writes)
	if err := db.Apply(writes); err != nil {
		t.Fatal(err)
	}
}

func spoilAndRestore(t *testing.T, engine state.Engine, spoil func(*testing.T, state.DB), rebuilds bool) {
	t.Helper()
	mem, want := stopped(t, engine)
	for _, task := range []string{"1_0", "1_1"} {
		db, err := engine.Open(task)
		if err != nil {
			t.Fatal(err)
		}
		spoil(t, db)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	restarted(t, mem, engine, want, rebuilds)
}

// stopped runs an application until it has counted something and ends it.
func stopped(t *testing.T, engine state.Engine) (*vfs.Mem, map[string]int64) {
	t.Helper()
	l := &life{mem: vfs.NewMem(), engine: engine, now: epoch, rng: newRand(1)}
	l.start(t)
	produceLines(t, l.broker, "the quick brown fox", "jumps over the lazy dog")
	settle(t, l.app, l.now)
	want := l.stores(t)
	if len(want) != 8 || want["the"] != 2 {
		t.Fatalf("counted %v", want)
	}
	l.end(t)
	return l.mem, want
}

// restarted starts it again, looks at its stores, and lets it count on.
func restarted(t *testing.T, mem *vfs.Mem, engine state.Engine, want map[string]int64, rebuilds bool) {
	t.Helper()
	var logged bytes.Buffer
	l := &life{mem: mem, engine: engine, now: epoch, rng: newRand(2), logger: slog.New(slog.NewTextHandler(&logged, nil))}
	l.start(t)
	defer l.end(t)
	if diff := cmp.Diff(want, l.stores(t)); diff != "" {
		t.Errorf("stores after the restart (-want +got):\n%s", diff)
	}
	if got := strings.Contains(logged.String(), "rebuild stores"); got != rebuilds {
		t.Errorf("rebuilt: %v, want %v; logged:\n%s", got, rebuilds, &logged)
	}
	produceLines(t, l.broker, "the end")
	settle(t, l.app, l.now)
	if got := l.stores(t); got["the"] != 3 || got["end"] != 1 {
		t.Errorf("counted on to %v", got)
	}
}

func TestAChangedTopologyIsRefused(t *testing.T) {
	mem, _ := stopped(t, state.Memory())
	broker := openLog(t, mem)
	defer broker.Close()
	b := processor.NewTopology("wordcount")
	other := processor.NewTopic[string, int64]("lines").WithPartitions(2)
	processor.Sink(b, "out", processor.Source(b, "lines", other), processor.NewTopic[string, int64]("elsewhere"))
	changed, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	_, err = processor.NewStepper(t.Context(), changed, processor.OnLog(broker), processor.Config{}, 0)
	if want := `was "source lines key=string value=string partitions=2", is "source lines key=string value=int64 partitions=2"`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	app, err := processor.NewStepper(t.Context(), changed, processor.OnLog(broker), processor.Config{AcceptChanges: true}, 0)
	if err != nil {
		t.Fatalf("with AcceptChanges: %v", err)
	}
	if err := app.Kill(); err != nil {
		t.Error(err)
	}
}

func TestPartitionsThatDoNotFitAreRefused(t *testing.T) {
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	for topic, partitions := range map[string]int32{"lines": 3, "a": 2, "b": 4} {
		if _, err := broker.CreateTopic(topic, log.TopicConfig{Partitions: partitions}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := processor.NewStepper(t.Context(), wordcount(t), processor.OnLog(broker), memory(), 0)
	if want := `topic "lines" has 3 partitions, this topology needs 2`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = processor.NewStepper(t.Context(), joined(t), processor.OnLog(broker), memory(), 0)
	if want := `topics "a" (2 partitions) and "b" (4) are read together`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A rotten engine loses its databases' contents to a broken disk.
type rotten struct {
	state.Engine
	broken *bool
}

func (e rotten) Open(task string) (state.DB, error) {
	db, err := e.Engine.Open(task)
	return rottenDB{db, e.broken}, err
}

type rottenDB struct {
	state.DB
	broken *bool
}

func (d rottenDB) Apply(writes []state.Write) error {
	if *d.broken {
		return fmt.Errorf("bad block: %w", state.ErrCorrupt)
	}
	return d.DB.Apply(writes)
}

// Whatever a database that turns out to be corrupt had been told is in the
// changelog, so it is thrown away and the next start builds another.
func TestACorruptDatabaseIsRemovedAndTheNextStartRebuildsIt(t *testing.T) {
	defer noLeaks(t)
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	memory, broken := state.Memory(), true
	config := processor.Config{Engine: rotten{memory, &broken}}
	produceLines(t, broker, "a b", "b")
	err := <-start(t, wordcount(t), processor.OnLog(broker), config).ended
	if !errors.Is(err, state.ErrCorrupt) || !strings.Contains(err.Error(), "task 1_") {
		t.Fatalf("got %v, want which task's database is corrupt", err)
	}
	broken = false
	app := start(t, wordcount(t), processor.OnLog(broker), config)
	app.drained(t)
	if n := app.Metrics().Total(1).RestoredRecords; n == 0 {
		t.Error("nothing was restored when all was drained")
	}
	produceLines(t, broker, "b")
	app.drained(t)
	app.end(t)
	if diff := cmp.Diff(map[string]int64{"a": 1, "b": 3}, readCounts(t, broker)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}
