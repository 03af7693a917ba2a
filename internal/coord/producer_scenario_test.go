package coord

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestProducerScenarios(t *testing.T) {
	runScenarios(t, "producers", func(c *command) machine {
		return &producerMachine{states: NewProducerStates(ProducerConfig{
			MaxProducers: int(c.number("max-producers", 0)), Expiration: c.duration("expiration", 0)})}
	})
}

// producerMachine is a partition:
//
//	append 7 epoch=0 seq=0 n=10 txn from-zero   batch of producer 7; n defaults to 1
//	append …                                    answers its offsets, or why not
//	commit 7 epoch=0                            a marker
//	abort 7 epoch=0
//	undo                                        takes the newest step back
//	expire · show · restart
type producerMachine struct {
	states *ProducerStates
	end    int64
	undos  []func()
}

func (m *producerMachine) nextDeadline() (time.Time, bool) { return time.Time{}, false }
func (m *producerMachine) tick(time.Time) []string         { return nil }

func (m *producerMachine) run(now time.Time, c *command) []string {
	switch c.verb {
	case "append":
		return m.append(now, c)
	case "commit", "abort":
		return m.mark(now, c)
	case "undo":
		m.undos[len(m.undos)-1]()
		m.undos = m.undos[:len(m.undos)-1]
		return nil
	case "expire":
		return []string{fmt.Sprintf("forgot %d", m.states.Expire(now))}
	case "restart":
		states := NewProducerStates(m.states.cfg)
		for p := range m.states.All() {
			if err := states.Load(p); err != nil {
				c.t.Fatal(err)
			}
		}
		m.states, m.undos = states, nil
		return nil
	case "show":
		return m.show()
	}
	c.t.Fatalf("unknown verb %s", c.verb)
	return nil
}

func (m *producerMachine) append(now time.Time, c *command) []string {
	b := ProducerBatch{ProducerID: parseInt(c, c.word()), Epoch: int16(c.number("epoch", 0)),
		BaseSequence: int32(c.number("seq", 0)), Count: int32(c.number("n", 1)),
		Transactional: c.has("txn"), FromZero: c.has("from-zero"), MaxTimestampMillis: now.UnixMilli()}
	v := m.states.Check(b)
	switch {
	case v.Duplicate:
		return []string{fmt.Sprintf("duplicate of offsets %d-%d", v.Original.FirstOffset(), v.Original.LastOffset)}
	case v.Code != OK:
		return []string{v.Code.String()}
	}
	first := m.end
	undo := m.states.Append(b, first, now)
	m.end += int64(b.Count)
	m.undos = append(m.undos, func() { m.states.Undo(undo); m.end = first })
	return []string{fmt.Sprintf("offsets %d-%d", first, m.end-1)}
}

func (m *producerMachine) mark(now time.Time, c *command) []string {
	id, e := parseInt(c, c.word()), int16(c.number("epoch", 0))
	if code := m.states.MayEnd(id, e); code != OK {
		return []string{code.String()}
	}
	offset := m.end
	ended, undo := m.states.End(id, e, c.verb == "commit", offset, now)
	m.end++
	m.undos = append(m.undos, func() { m.states.Undo(undo); m.end = offset })
	how := "committed"
	if ended.Aborted {
		how = "aborted"
	}
	if ended.FirstOffset == None {
		return []string{fmt.Sprintf("%s nothing, marker at %d", how, ended.LastOffset)}
	}
	return []string{fmt.Sprintf("%s offsets from %d, marker at %d, last stable %d", how, ended.FirstOffset, ended.LastOffset, ended.LastStable)}
}

func (m *producerMachine) show() []string {
	said := []string{fmt.Sprintf("last stable %d of %d", m.states.LastStable(m.end), m.end)}
	for p := range m.states.All() {
		var batches []string
		for _, r := range p.Batches[:p.Kept] {
			batches = append(batches, fmt.Sprintf("%d-%d@%d", r.FirstSequence(), r.LastSequence, r.FirstOffset()))
		}
		l := fmt.Sprintf("producer %d epoch %d: %s", p.ID, p.Epoch, strings.Join(batches, " "))
		if p.TxnFirstOffset != None {
			l += fmt.Sprintf(", open from %d", p.TxnFirstOffset)
		}
		said = append(said, strings.TrimRight(l, " "))
	}
	return said
}

func parseInt(c *command, s string) int64 {
	c.pairs["value"] = s
	return c.number("value", 0)
}
