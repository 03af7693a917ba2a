package log_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/freshet/freshet/log"
)

// Two members share the partitions of a topic, each polling in a goroutine of
// its own, and commit how far they have come also before a partition moves.
func ExampleBroker_Subscribe() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	b, err := log.Open(dir, log.Config{})
	if err != nil {
		panic(err)
	}
	defer b.Close()
	if _, err := b.CreateTopic("orders", log.TopicConfig{Partitions: 4}); err != nil {
		panic(err)
	}
	for i := range 100 {
		if err := b.NewProducer().Produce(context.Background(), "orders", log.Record{Key: fmt.Appendf(nil, "table %d", i)}); err != nil {
			panic(err)
		}
	}

	var served sync.Map // a record may come twice, when its partition has moved
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var members sync.WaitGroup
	for range 2 {
		members.Go(func() {
			if err := cook(ctx, b, func(r log.Record) { served.Store(string(r.Key), true) }, stop); err != nil {
				panic(err)
			}
		})
	}
	members.Wait()
	n := 0
	served.Range(func(any, any) bool { n++; return true })
	fmt.Println(n, "orders served,", committed(b), "committed")
	// Output: 100 orders served, 100 committed
}

// cook is a member of the group until ctx ends. It calls done when there is
// nothing left to serve.
func cook(ctx context.Context, b *log.Broker, serve func(log.Record), done func()) (err error) {
	var member *log.GroupConsumer
	member, err = b.Subscribe(log.GroupConfig{
		Group: "kitchen", Topics: []string{"orders"},
		OnRevoked: func([]log.TopicPartition) { // called by Poll and Close
			if err := member.Commit(); err != nil {
				fmt.Fprintln(os.Stderr, "others will see some records again:", err)
			}
		},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, member.Close()) }()
	for ctx.Err() == nil {
		if err := serveSome(ctx, member, serve); err != nil {
			return err
		}
		switch err := member.Commit(); {
		case errors.Is(err, log.ErrRebalancing), errors.Is(err, log.ErrFenced):
			// Between two generations; Poll goes on, and a later Commit has it all.
		case err != nil:
			return err
		case committed(b) == 100:
			done()
		}
	}
	return nil
}

func serveSome(ctx context.Context, member *log.GroupConsumer, serve func(log.Record)) error {
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond) // so that a Commit is tried again where no records come
	defer cancel()
	fetches, err := member.Poll(ctx, 1<<20)
	if err != nil && ctx.Err() == nil {
		return err
	}
	for _, f := range fetches {
		var r log.Record
		for f.Records.Next(&r) {
			serve(r)
		}
		if err := f.Records.Err(); err != nil {
			return err
		}
	}
	return nil
}

// committed returns how many records the group has done with.
func committed(b *log.Broker) (n log.Offset) {
	for _, o := range b.GroupOffsets("kitchen") {
		n += o.Offset
	}
	return n
}
