package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// A pass is what one side did in the time that it was given.
type pass struct {
	outcome
	groups, syncs int64 // writes and syncs of the journal, or of the file by hand
	files         int   // held open at the end; 0 where that is not known
	resident      int64 // bytes of memory of the process, the most of it; 0 where that is not known
	disk          int64 // bytes that came on disk
}

// A passRound has both sides of a round.
type passRound struct{ byHand, freshet pass }

// A passFunc does one pass in a directory of its own under dir.
type passFunc func(dir string) (pass, error)

// measureRounds runs the rounds of a row, in turn; byHand may be nil.
func (c LogConfig) measureRounds(ctx context.Context, what string, freshet, byHand passFunc) ([]passRound, error) {
	rounds := make([]passRound, c.sectionRounds())
	for i := range rounds {
		c.Progress(fmt.Sprintf("%s: round %d of %d", what, i+1, len(rounds)))
		sides := []func() error{
			func() (err error) { rounds[i].freshet, err = freshet(c.Dir); return },
			func() (err error) { rounds[i].byHand, err = byHand(c.Dir); return },
		}
		switch {
		case byHand == nil:
			sides = sides[:1]
		case i%2 == 0:
			sides[0], sides[1] = sides[1], sides[0]
		}
		for _, side := range sides {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := side(); err != nil {
				return nil, fmt.Errorf("measure %s: %w", what, err)
			}
		}
	}
	return rounds, nil
}

// An until is when a pass has to end. It belongs to one goroutine. It looks at
// the clock, which costs some ten nanoseconds, so both sides ask it once a
// commit.
type until struct {
	end   time.Time
	begun bool
}

// more reports whether to go on: until the time is over, but once at least.
func (u *until) more() bool {
	first := !u.begun
	u.begun = true
	return first || time.Now().Before(u.end)
}

// freshetPass makes a log with one topic, whose partitions all have a record,
// so that what is measured is not the making of directories and files. It opens
// it, has work append until the time is over, and closes it. It fails where the
// log does not have as many records then as were acknowledged.
func (c LogConfig) freshetPass(d log.Durability, partitions int, work func(*log.Broker, until) (checksum, error)) passFunc {
	return func(dir string) (p pass, err error) {
		err = inScratch(dir, func(path string, fsys vfs.FS) error {
			if err := createMany(fsys, partitions); err != nil {
				return err
			}
			before, err := diskBytes(path)
			if err != nil {
				return err
			}
			err = sideFreshet.label(func() error { return p.freshet(fsys, d, c.MinTime, work) })
			if err != nil {
				return err
			}
			after, err := diskBytes(path)
			if err != nil {
				return err
			}
			p.disk = after - before
			return expectRecords(fsys, int64(partitions)+p.sum.records)
		})
		return p, err
	}
}

func (p *pass) freshet(fsys vfs.FS, d log.Durability, span time.Duration, work func(*log.Broker, until) (checksum, error)) error {
	clock := &syncClock{FS: fsys}
	filesBefore := openFiles()
	b, err := log.OpenFS(clock, log.Config{Durability: d})
	if err != nil {
		return err
	}
	before := b.Metrics()
	memory := watchMemory()
	m := startMeter()
	p.sum, err = work(b, until{end: m.at.Add(span)})
	p.acknowledged = time.Since(m.at)
	after := b.Metrics()
	p.groups, p.syncs = after.Groups-before.Groups, after.JournalSyncs-before.JournalSyncs
	p.files = max(openFiles()-filesBefore, 0)
	clock.start()
	err = errors.Join(err, b.Close())
	p.cost = m.stop()
	p.resident = memory.stop()
	if d != log.Sync {
		p.wall -= min(clock.total(), p.wall-p.acknowledged)
	}
	return err
}

// expectRecords opens the log again and counts what it has.
func expectRecords(fsys vfs.FS, want int64) (err error) {
	b, err := log.OpenFS(fsys, log.Config{Durability: log.OS})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	t, err := b.Topic(benchTopic)
	if err != nil {
		return err
	}
	var got int64
	for _, p := range t.Partitions {
		got += int64(p.End - p.Start)
	}
	if got != want {
		return fmt.Errorf("the log has %d records, want %d, those that were acknowledged", got, want)
	}
	return nil
}

// byHandPass has work write to a new file until the time is over. It fails
// where the file is not as large then as what was written.
func (c LogConfig) byHandPass(work func(*sharedFile, until) (checksum, error)) passFunc {
	return func(dir string) (p pass, err error) {
		err = inScratch(dir, func(_ string, fsys vfs.FS) (err error) {
			f, err := create(fsys, "bare.log")
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, f.Close()) }()
			return sideByHand.label(func() error {
				shared := &sharedFile{f: f}
				m := startMeter()
				p.sum, err = work(shared, until{end: m.at.Add(c.MinTime)})
				p.cost = m.stop()
				p.acknowledged = p.wall
				p.groups, p.syncs, p.disk = shared.writes, shared.syncs, shared.pos
				if size, sizeErr := f.Size(); err == nil && size != shared.pos {
					err = errors.Join(sizeErr, fmt.Errorf("the file has %d bytes, want %d", size, shared.pos))
				}
				return err
			})
		})
		return p, err
	}
}
