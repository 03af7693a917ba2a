package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// An OverloadResult is ten times what the disk takes, offered to a log in the
// mode sync by 64 producers that do not wait. What does not fit their buffers is
// refused; what was acknowledged is read back.
type OverloadResult struct {
	Seconds    float64 `json:"seconds"`
	Producers  int     `json:"producers"`
	ValueBytes int     `json:"value_bytes"`

	DiskMegabytesPerSecond         float64 `json:"disk_megabytes_per_second"` // a bare loop's, 1 MiB and a sync at a time
	OfferedMegabytesPerSecond      float64 `json:"offered_megabytes_per_second"`
	AcknowledgedMegabytesPerSecond float64 `json:"acknowledged_megabytes_per_second"`

	Offered      int64 `json:"offered_records"`
	Refused      int64 `json:"refused_records"`
	Acknowledged int64 `json:"acknowledged_records"`
	Lost         int64 `json:"lost_records"` // acknowledged, and not there; a benchmark with any fails

	BufferBytes    int64 `json:"buffer_bytes"` // that the configuration allows, of all producers and the log
	ResidentBefore int64 `json:"resident_bytes_before"`
	ResidentMost   int64 `json:"resident_bytes_most"` // of the whole process; 0 where it is not known
}

const (
	overloadProducers   = 64
	overloadValueBytes  = 16 << 10
	overloadBufferBytes = 1 << 20 // of each producer
	overloadFactor      = 10
)

func (c LogConfig) overload(ctx context.Context) (*OverloadResult, error) {
	r := &OverloadResult{Producers: overloadProducers, ValueBytes: overloadValueBytes,
		// As log.Config.TailBytes says.
		BufferBytes: log.DefaultTailBytes*3/2 + overloadProducers*2*overloadBufferBytes}
	c.Progress("overload: measuring the disk")
	disk, err := diskSpeed(c.Dir, min(c.Overload, time.Second))
	if err != nil {
		return nil, err
	}
	r.DiskMegabytesPerSecond = disk / 1e6
	err = inScratch(c.Dir, func(_ string, fsys vfs.FS) error {
		c.Progress(fmt.Sprintf("overload: offering %.0f MB/s for %v", overloadFactor*disk/1e6, c.Overload))
		producers, err := r.drive(ctx, fsys, overloadFactor*disk, c.Overload)
		if err != nil {
			return err
		}
		c.Progress(fmt.Sprintf("overload: reading %d records back", r.Acknowledged))
		if r.Lost, err = readBack(ctx, fsys, producers); err == nil && r.Lost > 0 {
			err = fmt.Errorf("%d of %d records that were acknowledged are not there", r.Lost, r.Acknowledged)
		}
		return err
	})
	return r, err
}

// diskSpeed is how many bytes a second a bare loop writes and syncs.
func diskSpeed(dir string, span time.Duration) (perSecond float64, err error) {
	err = inScratch(dir, func(_ string, fsys vfs.FS) (err error) {
		f, err := create(fsys, "bare.log")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		s := &sharedFile{f: f}
		chunk := make([]byte, readBytes)
		began := time.Now()
		for u := (until{end: began.Add(span)}); u.more(); {
			if err := s.write(log.Sync, chunk); err != nil {
				return err
			}
		}
		perSecond = float64(s.pos) / time.Since(began).Seconds()
		return nil
	})
	return perSecond, err
}

// drive offers that many bytes a second, until the time is over and all that
// was taken is answered, and closes the log.
func (r *OverloadResult) drive(ctx context.Context, fsys vfs.FS, bytesPerSecond float64, span time.Duration) ([]*offering, error) {
	releaseMemory()
	r.ResidentBefore = residentBytes()
	b, err := openNew(fsys, log.Sync)
	if err != nil {
		return nil, err
	}
	memory := watchMemory()
	began := time.Now()
	offerings := make([]*offering, overloadProducers)
	errs := make([]error, overloadProducers)
	var running sync.WaitGroup
	for i := range offerings {
		o := &offering{producer: i, perSecond: bytesPerSecond / overloadProducers / overloadValueBytes}
		offerings[i] = o
		running.Go(func() { errs[i] = o.offer(ctx, b, began.Add(span)) })
	}
	running.Wait()
	answered := time.Since(began).Seconds()
	err = errors.Join(errors.Join(errs...), b.Close())
	r.ResidentMost = memory.stop()
	for _, o := range offerings {
		r.Offered += o.offered
		r.Refused += o.offered - int64(o.taken)
		r.Acknowledged += o.acknowledged.Load()
	}
	r.Seconds = answered
	r.OfferedMegabytesPerSecond = float64(r.Offered) * overloadValueBytes / 1e6 / span.Seconds()
	r.AcknowledgedMegabytesPerSecond = float64(r.Acknowledged) * overloadValueBytes / 1e6 / answered
	return offerings, err
}

// releaseMemory gives what is garbage back to the operating system.
func releaseMemory() { debug.FreeOSMemory() }

// An offering is one producer that offers records at a rate. What it takes is
// answered in order, so the records that were acknowledged are the first ones,
// unless one failed; then the benchmark does.
type offering struct {
	producer     int
	perSecond    float64
	offered      int64
	taken        uint32
	acknowledged atomic.Int64
	failed       atomic.Pointer[error] // the first
}

// offerEvery is how often an offering offers what is due. It sleeps between.
const offerEvery = 5 * time.Millisecond

func (o *offering) offer(ctx context.Context, b *log.Broker, end time.Time) error {
	p, err := b.NewProducerWith(log.ProducerConfig{BufferBytes: overloadBufferBytes})
	if err != nil {
		return err
	}
	value := make([]byte, overloadValueBytes)
	began := time.Now()
	for u := (until{end: end}); err == nil && ctx.Err() == nil && u.more(); time.Sleep(offerEvery) {
		for due := 1 + int64(time.Since(began).Seconds()*o.perSecond); o.offered < due && err == nil; o.offered++ {
			err = o.one(p, value)
		}
	}
	err = errors.Join(err, ctx.Err(), p.Close()) // which waits for the answers
	if failed := o.failed.Load(); failed != nil {
		err = errors.Join(err, *failed)
	}
	return err
}

func (o *offering) one(p *log.Producer, value []byte) error {
	putNumbers(value, o.producer, o.taken)
	err := p.TryProduceAsync(benchTopic, log.Record{Value: value}, o.answered)
	switch {
	case err == nil:
		o.taken++
	case errors.Is(err, log.ErrBufferFull):
		err = nil // refused
	}
	return err
}

func (o *offering) answered(r log.ProduceResult) {
	if r.Err != nil {
		o.failed.CompareAndSwap(nil, &r.Err)
		return
	}
	o.acknowledged.Add(1)
}
