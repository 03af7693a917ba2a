package log_test

import (
	"context"
	"fmt"
	"os"

	"github.com/freshet/freshet/log"
)

// Records of a transaction are in the log at once; those who read what is
// committed see them when it commits, together with the offsets of its input.
func ExampleTransactionalProducer() {
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
	if _, err := b.CreateTopic("payments", log.TopicConfig{}); err != nil {
		panic(err)
	}
	tp := log.TopicPartition{Topic: "payments", Partition: 0}
	c := b.NewConsumer()
	defer c.Close()
	c.ReadCommitted() // or it reads everything
	if err := c.Assign(tp, 0); err != nil {
		panic(err)
	}

	ctx := context.Background()
	p, err := b.NewTransactionalProducer(ctx, log.TransactionalConfig{ID: "cashier-1"})
	if err != nil {
		panic(err)
	}
	pay := func(what string, end func(context.Context) error) {
		if err := p.Begin(); err != nil {
			panic(err)
		}
		if err := p.Produce(ctx, "payments", log.Record{Value: []byte(what)}); err != nil {
			panic(err) // or Abort: nothing else is possible after an error
		}
		taken := log.GroupOffset{TopicPartition: log.TopicPartition{Topic: "payments"}, CommittedOffset: log.CommittedOffset{Offset: 1, LeaderEpoch: -1}}
		if err := p.SendOffsets(ctx, "cashiers", log.GroupMembership{}, taken); err != nil {
			panic(err)
		}
		if err := end(ctx); err != nil {
			panic(err)
		}
	}
	pay("5 for tea, aborted", p.Abort)
	_, taken := b.Committed("cashiers", tp)
	fmt.Println("aborted: offsets committed:", taken)
	pay("7 for cake", p.Commit)
	_, taken = b.Committed("cashiers", tp)
	fmt.Println("committed: offsets committed:", taken)

	for at, _ := c.Position(tp); at < 4; at, _ = c.Position(tp) { // two records and two markers
		fetches, err := c.Poll(ctx, 1<<20)
		if err != nil {
			panic(err)
		}
		for _, f := range fetches {
			var r log.Record
			for f.Records.Next(&r) {
				fmt.Println(r.Offset, string(r.Value))
			}
		}
	}
	// Output:
	// aborted: offsets committed: false
	// committed: offsets committed: true
	// 2 7 for cake
}

// A Commit is the way to move output and the place in the input together where
// one program does both: there is nothing to abort, and nobody sees a part.
func ExampleCommitBuilder() {
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
	for _, topic := range []string{"orders", "bills", "audit"} {
		if _, err := b.CreateTopic(topic, log.TopicConfig{}); err != nil {
			panic(err)
		}
	}

	fence, err := b.ClaimGroup("billing") // whoever had claimed it can commit no more
	if err != nil {
		panic(err)
	}
	c := b.NewCommitBuilder()
	c.SetFence(fence)
	if err := c.Append("bills", 0, &log.Record{Value: []byte("7 for cake")}); err != nil {
		panic(err)
	}
	if err := c.Append("audit", 0, &log.Record{Value: []byte("billed cake")}); err != nil {
		panic(err)
	}
	if err := c.SetOffset("billing", log.TopicPartition{Topic: "orders", Partition: 0}, log.CommittedOffset{Offset: 1, LeaderEpoch: -1}); err != nil {
		panic(err)
	}
	done, err := b.Commit(c.Build())
	if err != nil {
		panic(err)
	}
	for _, end := range done.Ends {
		fmt.Println(end.TopicPartition, "ends at", end.Offset)
	}
	place, _ := b.Committed("billing", log.TopicPartition{Topic: "orders", Partition: 0})
	fmt.Println("billing goes on at", place.Offset)
	// Unordered output:
	// bills-0 ends at 1
	// audit-0 ends at 1
	// billing goes on at 1
}
