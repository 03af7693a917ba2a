package log

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
)

// A compactModel knows what was written to one compacted partition, and so what
// may and what must be there.
type compactModel struct {
	mem     *vfs.Mem
	fs      func() vfs.FS // mem, as the log sees it
	cfg     Config
	clock   *testClock
	b       *Broker
	records []modelRecord // by offset; markers are among them
	start   Offset
	txns    map[string]*modelTxn
	readers []*modelReader
	opened  int

	passes, dropped int64
}

// A modelRecord is what was written at an offset.
type modelRecord struct {
	marker     bool
	key, value string
	tombstone  bool
	txn        *modelTxn     // or nil
	compacted  time.Duration // when compaction may have met it first, by the clock; 0 if never
}

// A modelTxn is one transaction.
type modelTxn struct {
	id             TxnIdentity
	sequence       int32
	offsets        []Offset
	ended, aborted bool
}

// A modelReader reads all its life, whatever becomes of the segments.
type modelReader struct {
	c         *Consumer
	committed bool
	next      Offset
}

var modelPartition = TopicPartition{"t", 0}

const modelDeleteRetention = time.Hour

// newCompactModel makes a log whose small or whose large batches go to segments
// at once, if placed, and others by way of the journal.
func newCompactModel(policy, codec string, placed bool) *compactModel {
	m := &compactModel{mem: vfs.NewMem(), clock: newTestClock(), txns: map[string]*modelTxn{}}
	m.cfg = Config{
		JournalBytes: 16 << 10, SegmentBytes: 1 << 10, TailBytes: 4 << 10, CleanerBufferBytes: 1 << 10, stepped: true,
		MaxTransactionTimeout: 24 * 24 * time.Hour, Now: m.clock.now,
		bootID: func() string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", m.opened) },
	}
	if placed {
		m.cfg.Durability, m.cfg.placeBytes = OS, 200
	}
	m.fs = func() vfs.FS { return m.mem }
	if err := m.open(); err != nil {
		panic(err)
	}
	if _, err := m.b.CreateTopic("t", TopicConfig{CleanupPolicy: policy, Compression: codec, DeleteRetention: modelDeleteRetention,
		Retention: 40 * time.Hour}); err != nil {
		panic(err)
	}
	if _, err := m.b.AlterTopic("t", map[string]string{"min.cleanable.dirty.ratio": "0"}); err != nil {
		panic(err)
	}
	return m
}

func (m *compactModel) open() (err error) {
	m.opened++
	m.readers = nil
	m.clock.mono = 0
	m.b, err = OpenFS(m.fs(), m.cfg)
	return err
}

// append writes records as one commit. A value of "" is a tombstone.
func (m *compactModel) append(keysAndValues ...string) error {
	c := m.b.NewCommitBuilder()
	for i := 0; i < len(keysAndValues); i += 2 {
		r := &Record{Key: []byte(keysAndValues[i]), TimestampMillis: m.clock.wall.UnixMilli()}
		if v := keysAndValues[i+1]; v != "" {
			r.Value = []byte(v)
		}
		if err := c.Append("t", 0, r); err != nil {
			return err
		}
	}
	if _, err := m.b.Commit(c.Build()); err != nil {
		return err
	}
	m.note(nil, keysAndValues)
	return nil
}

func (m *compactModel) note(txn *modelTxn, keysAndValues []string) {
	for i := 0; i < len(keysAndValues); i += 2 {
		if txn != nil {
			txn.offsets = append(txn.offsets, Offset(len(m.records)))
		}
		m.records = append(m.records, modelRecord{key: keysAndValues[i], value: keysAndValues[i+1], tombstone: keysAndValues[i+1] == "", txn: txn})
	}
}

// txnAppend writes records in the open transaction of a producer.
func (m *compactModel) txnAppend(producer string, keysAndValues ...string) error {
	txn := m.txns[producer]
	if txn == nil {
		p, err := m.b.InitProducerID(InitProducerIDRequest{TransactionalID: producer, Timeout: 20 * 24 * time.Hour, Current: NoProducer})
		if err != nil {
			return err
		}
		txn = &modelTxn{id: TxnIdentity{producer, p}}
		m.txns[producer] = txn
	}
	var b batch.Builder
	for i := 0; i < len(keysAndValues); i += 2 {
		var value []byte
		if v := keysAndValues[i+1]; v != "" {
			value = []byte(v)
		}
		b.Append(m.clock.wall.UnixMilli(), []byte(keysAndValues[i]), value, nil)
	}
	b.SetProducer(txn.id.Producer.ID, txn.id.Producer.Epoch, txn.sequence)
	b.SetTransactional(true)
	results, err := m.b.AppendBatches([]AppendBatch{{modelPartition, b.Finish()}}, AppendOptions{Implicit: true})
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		return err
	}
	txn.sequence += int32(len(keysAndValues) / 2)
	m.note(txn, keysAndValues)
	return nil
}

func (m *compactModel) endTxn(producer string, commit bool) error {
	txn := m.txns[producer]
	if txn == nil {
		return nil
	}
	if _, err := m.b.EndTxn(EndTxnRequest{TxnIdentity: txn.id, Commit: commit}); err != nil {
		return err
	}
	delete(m.txns, producer)
	txn.ended, txn.aborted = true, !commit
	m.records = append(m.records, modelRecord{marker: true, txn: txn})
	return nil
}

// step lets the cleaner run.
func (m *compactModel) step() {
	for i := range m.records {
		if r := &m.records[i]; r.compacted == 0 {
			r.compacted = m.clock.wall.Sub(time.Unix(0, 0))
		}
	}
	m.b.cleaner.step(m.clock.mono)
	m.sync()
}

// sync takes over how far retention has got.
func (m *compactModel) sync() {
	if start, _, err := m.b.Offsets(modelPartition); err == nil {
		m.start = start
	}
}

func (m *compactModel) stableEnd() Offset {
	end := Offset(len(m.records))
	for _, txn := range m.txns {
		if len(txn.offsets) > 0 {
			end = min(end, txn.offsets[0])
		}
	}
	return max(end, m.start)
}

// must reports whether a reader finds the record at o: it is not replaced by a
// newer one of its key, nor was it aborted, nor is it a tombstone whose time
// has come.
func (m *compactModel) must(o Offset, newest map[string]Offset) bool {
	r := &m.records[o]
	switch {
	case o < m.start, r.marker, r.txn != nil && r.txn.aborted:
		return false
	case r.tombstone && r.compacted > 0 && m.clock.wall.Sub(time.Unix(0, 0))-r.compacted >= modelDeleteRetention:
		return false
	}
	return newest[r.key] <= o
}

// newest is the last committed record of each key below the last stable offset.
func (m *compactModel) newest() map[string]Offset {
	newest := map[string]Offset{}
	for o := range m.stableEnd() {
		if r := &m.records[o]; !r.marker && (r.txn == nil || !r.txn.aborted) {
			newest[r.key] = o
		}
	}
	return newest
}

// check reads everything, both ways.
func (m *compactModel) check() error {
	start, end, err := m.b.Offsets(modelPartition)
	if err != nil || start != m.start || end != Offset(len(m.records)) {
		return fmt.Errorf("offsets %d to %d, %w; want %d to %d", start, end, err, m.start, len(m.records))
	}
	for _, committed := range []bool{true, false} {
		r := m.newReader(committed)
		if err := m.read(r, 1<<20, 1<<30); err != nil {
			return err
		}
		r.c.Close()
		want := end
		if committed {
			want = m.stableEnd()
		}
		if r.next != want {
			return fmt.Errorf("committed %v: read to %d, want %d", committed, r.next, want)
		}
	}
	return m.checkClean()
}

func (m *compactModel) newReader(committed bool) *modelReader {
	c := m.b.NewConsumer()
	if committed {
		c.ReadCommitted()
	}
	r := &modelReader{c: c, committed: committed, next: m.start}
	if err := c.Assign(modelPartition, m.start); err != nil {
		panic(err)
	}
	return r
}

// read fetches up to some times and compares what comes with the model: each
// record that must be there comes once, in order, at its offset.
func (m *compactModel) read(r *modelReader, maxBytes, times int) error {
	newest := m.newest()
	for range times {
		fetches, err := r.c.Fetch(maxBytes)
		if errors.Is(err, ErrOffsetOutOfRange) && r.next < m.start {
			r.next = m.start
			if err := r.c.Assign(modelPartition, m.start); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("reader at %d: %w", r.next, err)
		}
		if len(fetches) == 0 {
			return nil
		}
		if err := m.compare(r, &fetches[0], newest); err != nil {
			return err
		}
	}
	return nil
}

func (m *compactModel) compare(r *modelReader, f *Fetch, newest map[string]Offset) error {
	from := r.next
	var rec Record
	for f.Records.Next(&rec) {
		if rec.Offset < r.next || rec.Offset >= f.Next {
			return fmt.Errorf("record at offset %d, want %d to %d", rec.Offset, r.next, f.Next)
		}
		for o := r.next; o < rec.Offset; o++ {
			if err := m.missing(r, o, newest); err != nil {
				return err
			}
		}
		want := &m.records[rec.Offset]
		if want.marker || want.key != string(rec.Key) || want.value != string(rec.Value) || want.tombstone != (rec.Value == nil) {
			return fmt.Errorf("offset %d has %q=%q, want %+v", rec.Offset, rec.Key, rec.Value, want)
		}
		if r.committed && want.txn != nil && (!want.txn.ended || want.txn.aborted) {
			return fmt.Errorf("offset %d was not committed", rec.Offset)
		}
		r.next = rec.Offset + 1
	}
	if err := f.Records.Err(); err != nil {
		return err
	}
	for ; r.next < f.Next; r.next++ {
		if err := m.missing(r, r.next, newest); err != nil {
			return err
		}
	}
	if f.Next < from {
		return fmt.Errorf("reader moved from %d to %d", from, f.Next)
	}
	return nil
}

func (m *compactModel) missing(r *modelReader, o Offset, newest map[string]Offset) error {
	if m.must(o, newest) {
		return fmt.Errorf("reader (committed %v) did not get the record at %d, %+v", r.committed, o, m.records[o])
	}
	return nil
}

// checkClean sees to it that where compaction has been nothing is left that it
// was to remove.
func (m *compactModel) checkClean() error {
	p, err := m.b.partition(modelPartition)
	if err != nil {
		return err
	}
	v := m.b.view(p)
	batches, err := rawBatches(m.b, modelPartition)
	if err != nil {
		return err
	}
	lastOf := map[string]Offset{}
	for o := range v.cleaned {
		if r := &m.records[o]; !r.marker && (r.txn == nil || !r.txn.aborted) {
			lastOf[r.key] = o
		}
	}
	for _, raw := range batches {
		if err := m.checkBatch(raw, v.cleaned, lastOf); err != nil {
			return err
		}
	}
	return m.checkFiles(p)
}

func (m *compactModel) checkBatch(raw []byte, cleaned Offset, lastOf map[string]Offset) error {
	h, err := batch.ParseHeader(raw)
	if err == nil {
		err = batch.Verify(raw)
	}
	if err != nil || h.Attributes&batch.Control != 0 {
		return err
	}
	plain, err := batch.Decompress(nil, raw, 1<<20)
	if err != nil {
		return err
	}
	var r batch.Reader
	if err := r.Reset(plain); err != nil {
		return err
	}
	var rec batch.Record
	for r.Next(&rec) {
		o := Offset(rec.Offset)
		if want := &m.records[o]; o < cleaned && (lastOf[want.key] > o || want.txn != nil && want.txn.aborted) {
			return fmt.Errorf("offset %d is there, though compaction got to %d: %+v", o, cleaned, want)
		}
	}
	return r.Err()
}

// checkFiles sees to it that there is no file that nobody knows of, but for one
// that a crash has left.
func (m *compactModel) checkFiles(p *partition) error {
	m.b.pub.RLock()
	known := len(p.segments) + len(m.b.pub.doomed)
	m.b.pub.RUnlock()
	files := 0
	entries, err := m.mem.ReadDir(partitionDir(p.at()))
	if err != nil && known > 0 {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".log") {
			files++
		}
	}
	if files > known+2 { // of a pass, and of the flusher, that were cut short
		return fmt.Errorf("%d segments in the directory, %d are known", files, known)
	}
	return nil
}

func (m *compactModel) close() error {
	m.passes += m.b.CleanerStats().Passes
	m.dropped += m.b.CleanerStats().RecordsDropped
	for _, r := range m.readers {
		r.c.Close()
	}
	m.readers = nil
	return m.b.Close()
}

// producers returns those with an open transaction, in order.
func (m *compactModel) producers() []string { return slices.Sorted(maps.Keys(m.txns)) }
