package log

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestCompactionMachine lets random histories run against the model.
func TestCompactionMachine(t *testing.T) {
	var passes, dropped int64
	rapid.Check(t, func(rt *rapid.T) {
		policy := rapid.SampledFrom([]string{CleanupCompact, CleanupCompactDelete}).Draw(rt, "policy")
		codec := rapid.SampledFrom([]string{CompressionProducer, "gzip", "snappy", "lz4", "zstd"}).Draw(rt, "codec")
		m := newCompactModel(policy, codec, rapid.Bool().Draw(rt, "placed"))
		must := func(err error) {
			if err != nil {
				rt.Fatal(err)
			}
		}
		records := func() (kv []string) {
			for range rapid.IntRange(1, 4).Draw(rt, "records") {
				v := ""
				if n := rapid.IntRange(0, 200).Draw(rt, "value"); n > 20 {
					v = strings.Repeat("v", n) + fmt.Sprint(len(m.records))
				}
				kv = append(kv, fmt.Sprintf("key-%d", rapid.IntRange(0, 60).Draw(rt, "key")), v)
			}
			return kv
		}
		reopen := func() {
			must(m.open())
			must(m.check())
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append":  func(*rapid.T) { must(m.append(records()...)) },
			"append2": func(*rapid.T) { must(m.append(records()...)) },
			"append3": func(*rapid.T) {
				for range 8 {
					must(m.append(records()...))
				}
			},
			"txn": func(rt *rapid.T) {
				must(m.txnAppend(rapid.SampledFrom([]string{"p", "q"}).Draw(rt, "producer"), records()...))
			},
			"commit":     func(rt *rapid.T) { must(m.endTxn(rapid.SampledFrom([]string{"p", "q"}).Draw(rt, "producer"), true)) },
			"abort":      func(rt *rapid.T) { must(m.endTxn(rapid.SampledFrom([]string{"p", "q"}).Draw(rt, "producer"), false)) },
			"checkpoint": func(*rapid.T) { must(m.b.reclaim()) },
			"compact": func(*rapid.T) {
				must(m.b.reclaim()) // only what is in a checkpoint is compacted
				m.step()
			},
			"pass": func(rt *rapid.T) {
				m.clock.pass(time.Duration(rapid.IntRange(1, 150).Draw(rt, "minutes")) * time.Minute)
				m.step()
			},
			"delete": func(rt *rapid.T) {
				if policy == CleanupCompactDelete {
					before := Offset(rapid.IntRange(0, len(m.records)).Draw(rt, "offset"))
					_, err := m.b.DeleteRecords(modelPartition, before)
					must(err)
					m.sync()
				}
			},
			"reader": func(rt *rapid.T) {
				if len(m.readers) < 5 {
					m.readers = append(m.readers, m.newReader(rapid.Bool().Draw(rt, "committed")))
				}
			},
			"read": func(rt *rapid.T) {
				for _, r := range m.readers {
					must(m.read(r, rapid.IntRange(1, 3000).Draw(rt, "bytes"), rapid.IntRange(1, 5).Draw(rt, "times")))
				}
			},
			"kill": func(*rapid.T) {
				old := m.b
				m.mem = m.mem.KillProcess()
				if err := old.Close(); err != nil {
					rt.Log(err)
				}
				reopen()
			},
			"reopen": func(*rapid.T) {
				must(m.close())
				reopen()
			},
			"": func(*rapid.T) {
				if err := m.check(); err != nil {
					rt.Fatal(err)
				}
			},
		})
		must(m.close())
		passes += m.passes
		dropped += m.dropped
	})
	t.Logf("%d passes dropped %d records", passes, dropped)
	if passes == 0 || dropped == 0 {
		t.Error("nothing was compacted")
	}
}
