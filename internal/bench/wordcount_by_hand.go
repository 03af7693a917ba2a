package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// countByHand counts with the pipeline written by hand, straight on files.
//
// It has no topics, no fetches and no recovery, but what it writes would be
// enough to recover: each worker's commit ends with its positions.
func countByHand(ctx context.Context, path string, fsys vfs.FS, d log.Durability, text corpus) (run wordcountRun, err error) {
	sources, err := writeSources(fsys, text)
	if err != nil {
		return run, err
	}
	var p *handPipeline
	err = sideByHand.label(func() (err error) {
		m := startMeter()
		if p, err = openPipeline(path, fsys, sources, d == log.Sync); err != nil {
			return err
		}
		err = p.run(ctx)
		run.counted = time.Since(m.at)
		err = errors.Join(err, p.finish())
		run.cost = m.stop()
		return err
	})
	if err != nil {
		return run, err
	}
	counts := map[string]int64{}
	for _, w := range p.workers {
		for _, c := range w.counts {
			if err := c.result(counts); err != nil {
				return run, fmt.Errorf("read the result: %w", err)
			}
		}
	}
	run.result = tallyOf(counts)
	return run, errors.Join(closeLogs(sources), p.closeFiles())
}

// writeSources writes the text as files, its lines dealt out as
// [produceLines] does.
func writeSources(fsys vfs.FS, text corpus) ([]*handLog, error) {
	sources := make([]*handLog, wordcountPartitions)
	for i := range sources {
		var err error
		if sources[i], err = createHandLog(fsys, fmt.Sprintf("source-%d", i)); err != nil {
			return nil, err
		}
	}
	err := text.eachLine(func(i int64, line []byte) error {
		l := sources[sourcePartition(i)]
		l.b.Append(startMillis+i, nil, line, nil)
		if (i+1)%linesPerBatch != 0 {
			return nil
		}
		return l.flush()
	})
	for _, l := range sources {
		err = errors.Join(err, l.flush())
		l.committed.Store(l.pos)
	}
	return sources, err
}

func closeLogs(logs []*handLog) error {
	var errs []error
	for _, l := range logs {
		errs = append(errs, l.f.Close())
	}
	return errors.Join(errs...)
}

// openPipeline creates the files and stores of all workers.
func openPipeline(path string, fsys vfs.FS, sources []*handLog, durable bool) (*handPipeline, error) {
	n := min(runtime.GOMAXPROCS(0), wordcountPartitions)
	p := &handPipeline{}
	for i := range n {
		w := &handWorker{all: p, durable: durable}
		for to := range wordcountPartitions {
			l, err := createHandLog(fsys, fmt.Sprintf("repartition-%d-to-%d", i, to))
			if err != nil {
				return nil, err
			}
			w.out = append(w.out, l)
		}
		var err error
		if w.positions, err = create(fsys, fmt.Sprintf("positions-%d", i)); err != nil {
			return nil, err
		}
		p.workers = append(p.workers, w)
		p.wake = append(p.wake, make(chan struct{}, 1))
	}
	for i, w := range p.workers {
		for _, partition := range partitionsOf(i, n) {
			w.sources = append(w.sources, newHandReader(sources[partition]))
			c, err := openHandCount(path, fsys, partition)
			if err != nil {
				return nil, err
			}
			for _, from := range p.workers {
				c.inputs = append(c.inputs, newHandReader(from.out[partition]))
			}
			w.counts = append(w.counts, c)
		}
	}
	return p, nil
}

// run lets every worker work; one that fails ends the others.
func (p *handPipeline) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	for i, w := range p.workers {
		running.Go(func() {
			if err := w.run(ctx, p.wake[i]); err != nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	return context.Cause(ctx)
}

// finish brings the stores up to date.
func (p *handPipeline) finish() error {
	var errs []error
	for _, w := range p.workers {
		errs = append(errs, w.save())
		for _, c := range w.counts {
			errs = append(errs, c.db.Close())
		}
	}
	return errors.Join(errs...)
}

func (p *handPipeline) closeFiles() error {
	var errs []error
	for _, w := range p.workers {
		errs = append(errs, w.positions.Close())
		for l := range w.logs {
			errs = append(errs, l.f.Close())
		}
	}
	return errors.Join(errs...)
}
