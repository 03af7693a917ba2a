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
	files := &fileSet{fsys: fsys}
	defer func() { err = errors.Join(err, files.close()) }()
	sources, err := writeSources(files, text)
	if err != nil {
		return run, err
	}
	var p *handPipeline
	err = sideByHand.label(func() (err error) {
		m := startMeter()
		if p, err = openPipeline(path, files, sources, d == log.Sync); err != nil {
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
	return run, nil
}

// writeSources writes the text as files, its lines dealt out as
// [produceLines] does.
func writeSources(files *fileSet, text corpus) ([]*handLog, error) {
	sources := make([]*handLog, wordcountPartitions)
	for i := range sources {
		var err error
		if sources[i], err = files.createLog(fmt.Sprintf("source-%d", i)); err != nil {
			return nil, err
		}
	}
	err := text.eachLine(func(i int64, line []byte) error {
		l := sources[sourcePartition(i)]
		l.b.append(startMillis+i, nil, line)
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

// openPipeline creates the files and stores of all workers.
func openPipeline(path string, files *fileSet, sources []*handLog, durable bool) (*handPipeline, error) {
	p := &handPipeline{}
	for i := range min(runtime.GOMAXPROCS(0), wordcountPartitions) {
		w := &handWorker{all: p, durable: durable}
		p.workers = append(p.workers, w)
		p.wake = append(p.wake, make(chan struct{}, 1))
		if err := w.createFiles(files, i); err != nil {
			return nil, err
		}
	}
	for i, w := range p.workers {
		for _, partition := range partitionsOf(i, len(p.workers)) {
			w.sources = append(w.sources, newHandReader(sources[partition]))
			c, err := openHandCount(path, files, partition)
			if err != nil {
				return nil, errors.Join(err, p.finish())
			}
			for _, from := range p.workers {
				c.inputs = append(c.inputs, newHandReader(from.out[partition]))
			}
			w.counts = append(w.counts, c)
		}
	}
	return p, nil
}

func (w *handWorker) createFiles(files *fileSet, number int) (err error) {
	for to := range wordcountPartitions {
		l, err := files.createLog(fmt.Sprintf("repartition-%d-to-%d", number, to))
		if err != nil {
			return err
		}
		w.out = append(w.out, l)
	}
	w.positions, err = files.create(fmt.Sprintf("positions-%d", number))
	return err
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

// finish brings the stores up to date and closes them.
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
