package coord

import (
	"cmp"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// producerEvent is a step that was taken, in the plainest words: the model is
// the list of all of them, searched anew for every question.
type producerEvent struct {
	batch  ProducerBatch // without Count for a marker
	offset int64         // of the first record, or of the marker
	commit bool
}

type producerModel []producerEvent

func (m producerModel) end() int64 {
	if len(m) == 0 {
		return 0
	}
	last := m[len(m)-1]
	return last.offset + max(int64(last.batch.Count), 1)
}

func (m producerModel) of(id int64) producerModel {
	return slices.DeleteFunc(slices.Clone(m), func(e producerEvent) bool { return e.batch.ProducerID != id })
}

// openFrom returns where the open transaction of m, one producer's, begins.
func (m producerModel) openFrom() int64 {
	open := int64(None)
	for _, e := range m {
		if e.batch.Count == 0 {
			open = None
		} else if open == None && e.batch.Transactional {
			open = e.offset
		}
	}
	return open
}

func (m producerModel) lastStable() int64 {
	stable := m.end()
	for _, e := range m {
		if open := m.of(e.batch.ProducerID).openFrom(); open != None {
			stable = min(stable, open)
		}
	}
	return stable
}

// verdict is what Check must answer: the code, and the offset of the batch that
// b repeats.
func (m producerModel) verdict(b ProducerBatch) (Code, int64) {
	mine := m.of(b.ProducerID)
	if len(mine) == 0 {
		if b.FromZero && b.BaseSequence != 0 {
			return OutOfOrderSequence, None
		}
		return OK, None
	}
	epoch := slices.MaxFunc(mine, func(x, y producerEvent) int { return cmp.Compare(x.batch.Epoch, y.batch.Epoch) }).batch.Epoch
	var batches producerModel
	for _, e := range mine {
		if e.batch.Epoch == epoch && e.batch.Count > 0 {
			batches = append(batches, e)
		}
	}
	for _, e := range batches[max(len(batches)-5, 0):] {
		if b.Epoch == epoch && e.batch.BaseSequence == b.BaseSequence && e.batch.Count == b.Count {
			return OK, e.offset
		}
	}
	next := int64(0)
	if b.Epoch == epoch && len(batches) > 0 {
		last := batches[len(batches)-1].batch
		next = (int64(last.BaseSequence) + int64(last.Count)) % (1 << 31)
	}
	open := mine.openFrom()
	switch {
	case b.Epoch < epoch:
		return InvalidProducerEpoch, None
	case int64(b.BaseSequence) != next:
		return OutOfOrderSequence, None
	case open != None && (!b.Transactional || b.Epoch > epoch):
		return InvalidTxnState, None
	}
	return OK, None
}

// TestProducerStatesAgreeWithHistory compares every answer with one that is
// found by reading the whole history, through steps that are taken back and
// restarts.
func TestProducerStatesAgreeWithHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := NewProducerStates(ProducerConfig{})
		var history producerModel
		var undos []ProducerUndo
		now := epoch
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			now = now.Add(time.Second)
			switch rapid.SampledFrom([]string{"batch", "batch", "batch", "batch", "marker", "undo", "restart"}).Draw(t, "step") {
			case "batch":
				b := drawBatch(t, history)
				v := states.Check(b)
				code, original := history.verdict(b)
				if v.Code != code || v.Duplicate != (original != None) {
					t.Fatalf("check %+v: %+v, want %s, original at %d", b, v, code, original)
				}
				if v.Duplicate && v.Original.FirstOffset() != original {
					t.Fatalf("original at %d, want %d", v.Original.FirstOffset(), original)
				}
				if v.Code == OK && !v.Duplicate {
					undos = append(undos, states.Append(b, history.end(), now))
					history = append(history, producerEvent{batch: b, offset: history.end()})
				}
			case "marker":
				history, undos = drawMarker(t, states, history, undos, now)
			case "undo":
				for range rapid.IntRange(0, min(len(undos), 3)).Draw(t, "back") {
					states.Undo(undos[len(undos)-1])
					undos, history = undos[:len(undos)-1], history[:len(history)-1]
				}
			case "restart":
				states, undos = reloaded(t, states), nil
			}
			if got, want := states.LastStable(history.end()), history.lastStable(); got != want {
				t.Fatalf("last stable %d, want %d", got, want)
			}
			for _, id := range []int64{1, 2, 3} {
				if p, known := states.Get(id); known != (len(history.of(id)) > 0) {
					t.Fatalf("producer %d known: %t; %+v", id, known, p)
				}
			}
		}
	})
}

// drawBatch draws one that has a chance of being right, or nearly.
func drawBatch(t *rapid.T, history producerModel) ProducerBatch {
	b := ProducerBatch{ProducerID: int64(rapid.IntRange(1, 3).Draw(t, "producer")),
		Count: int32(rapid.IntRange(1, 3).Draw(t, "count")), Transactional: rapid.Bool().Draw(t, "txn"),
		FromZero: rapid.Bool().Draw(t, "from zero"), MaxTimestampMillis: 1}
	mine := history.of(b.ProducerID)
	if len(mine) == 0 {
		b.BaseSequence = rapid.SampledFrom([]int32{0, 0, 7, 1<<31 - 3, 1<<31 - 1}).Draw(t, "sequence")
		return b
	}
	last := mine[len(mine)-1-rapid.IntRange(0, min(len(mine)-1, 7)).Draw(t, "before")].batch
	b.Epoch = last.Epoch
	switch rapid.SampledFrom([]string{"next", "next", "next", "again", "gap", "newer", "older"}).Draw(t, "kind") {
	case "next":
		b.BaseSequence = int32((int64(last.BaseSequence) + int64(last.Count)) % (1 << 31))
	case "again":
		b.BaseSequence, b.Count = last.BaseSequence, max(last.Count, 1)
	case "gap":
		b.BaseSequence = int32((int64(last.BaseSequence) + int64(last.Count) + 1) % (1 << 31))
	case "newer":
		b.Epoch++
		b.BaseSequence = int32(rapid.IntRange(0, 1).Draw(t, "sequence"))
	case "older":
		b.Epoch = max(b.Epoch-1, 0)
	}
	return b
}

func drawMarker(t *rapid.T, states *ProducerStates, history producerModel, undos []ProducerUndo, now time.Time) (producerModel, []ProducerUndo) {
	id := int64(rapid.IntRange(1, 3).Draw(t, "producer"))
	e := int16(rapid.IntRange(0, 3).Draw(t, "epoch"))
	commit := rapid.Bool().Draw(t, "commit")
	mine := history.of(id)
	old := slices.ContainsFunc(mine, func(x producerEvent) bool { return x.batch.Epoch > e })
	if code := states.MayEnd(id, e); (code == OK) == old {
		t.Fatalf("marker of epoch %d: %s", e, code)
	}
	if old {
		return history, undos
	}
	offset, open := history.end(), mine.openFrom()
	ended, undo := states.End(id, e, commit, offset, now)
	history = append(history, producerEvent{batch: ProducerBatch{ProducerID: id, Epoch: e}, offset: offset, commit: commit})
	want := EndedTxn{ProducerID: id, FirstOffset: open, LastOffset: offset, LastStable: history.lastStable(), Aborted: !commit}
	if diff := gocmp.Diff(want, ended); diff != "" {
		t.Fatalf("ended (-want +got):\n%s", diff)
	}
	return history, append(undos, undo)
}

func reloaded(t *rapid.T, states *ProducerStates) *ProducerStates {
	next := NewProducerStates(states.cfg)
	for p := range states.All() {
		if err := next.Load(p); err != nil {
			t.Fatal(err)
		}
	}
	return next
}
