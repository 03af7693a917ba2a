package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
	"github.com/spf13/pflag"
)

// What the program ends with.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // 128 + SIGINT, as shells have it
)

// run is the program. Output that is data goes to stdout, everything else to
// stderr.
func run(args []string, stdin io.Reader, stdout io.Writer, stderr *os.File) int {
	began := time.Now()
	o, err := parse(args, stdout)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return exitDone
	case err != nil:
		complain(stderr, fmt.Errorf("%w (wordcount --help tells more)", err))
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills
	j := &job{options: o, table: newTable(), began: began, stderr: stderr}
	err = j.do(ctx, stdin)
	switch {
	case err == nil:
	case interrupted(ctx, err):
		return exitInterrupted
	default:
		complain(stderr, withWayOut(err, &o))
		return exitFailed
	}
	if o.format == formatTSV {
		if err := writeTSV(stdout, j.table.sorted()); err != nil {
			complain(stderr, err)
			return exitFailed
		}
	}
	return exitDone
}

// complain prints an error in one line.
func complain(w io.Writer, err error) {
	fmt.Fprintf(w, "wordcount: %s\n", strings.Join(strings.Split(err.Error(), "\n"), "; "))
}

// A job is one run of the program.
type job struct {
	options
	began  time.Time
	table  *table
	stderr *os.File

	resumed bool // the directory held counts before
	words   *wordcount
}

// do counts the input. It leaves the final counts in j.table.
func (j *job) do(ctx context.Context, stdin io.Reader) (err error) {
	in, err := newInput(&j.options, stdin)
	if err != nil {
		return err
	}
	dir := j.dataDir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "wordcount-"); err != nil {
			return fmt.Errorf("make a temporary directory: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	broker, err := openLog(ctx, dir, log.Config{Durability: j.durability})
	if err != nil {
		return err
	}
	defer func() {
		// Where the log is poisoned, err says so already.
		if closeErr := broker.Close(); err == nil || !errors.Is(closeErr, log.ErrPoisoned) {
			err = errors.Join(err, closeErr)
		}
	}()
	if err := j.choosePartitions(broker); err != nil {
		return err
	}
	if j.words, err = newWordcount(broker, j.partitions, j.lines); err != nil {
		return err
	}
	return j.count(ctx, in)
}

const (
	// dyingTime is how long a killed process may take to be gone, with all
	// its memory and perhaps a sync of its disk to wait for.
	dyingTime     = time.Second
	dyingInterval = 20 * time.Millisecond
)

// openLog opens the log, also right behind a run that was killed and is not
// quite gone.
func openLog(ctx context.Context, dir string, config log.Config) (*log.Broker, error) {
	deadline := time.NewTimer(dyingTime)
	defer deadline.Stop()
	for {
		broker, err := log.Open(dir, config)
		if !errors.Is(err, log.ErrLocked) {
			return broker, err
		}
		select {
		case <-deadline.C:
			return nil, err
		case <-ctx.Done():
			return nil, err
		case <-time.After(dyingInterval):
		}
	}
}

// choosePartitions takes the number of a directory that has one.
func (j *job) choosePartitions(broker *log.Broker) error {
	d, err := broker.Topic(Lines.Name())
	if errors.Is(err, log.ErrUnknownTopic) {
		return nil
	}
	if err != nil {
		return err
	}
	n := int32(len(d.Partitions))
	if j.partitionsSet && n != j.partitions {
		return fmt.Errorf("--partitions %d: %s was made with %d (leave the flag out, or take another directory)", j.partitions, j.dataDir, n)
	}
	j.partitions, j.resumed = n, true
	return nil
}

// count runs the application with a view beside it.
func (j *job) count(ctx context.Context, in input) error {
	viewCtx, stopView := context.WithCancel(context.Background())
	defer stopView()
	v := newView(j)
	var beside sync.WaitGroup
	var followErr error
	beside.Go(func() { followErr = j.table.follow(viewCtx, j.words.broker) })
	beside.Go(func() { v.run(viewCtx) })
	err := j.words.run(ctx, in)
	stopView()
	beside.Wait()
	if err == nil {
		err = followErr
	}
	if err == nil {
		// The follower may have been on its way. This is all that was counted.
		j.table = newTable()
		err = errors.Join(j.table.follow(ctx, j.words.broker, processor.StopAtEnd()), ctx.Err())
	}
	switch {
	case err == nil:
		v.done()
	case interrupted(ctx, err):
		v.interrupted()
	}
	return err
}

// interrupted reports whether a signal is why err was returned.
func interrupted(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}
