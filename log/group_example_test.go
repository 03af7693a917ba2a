package log_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// A member reads its share of a topic and commits how far it has come, also
// before others take partitions over.
func ExampleBroker_Subscribe() {
	b, err := log.OpenFS(vfs.NewMem(), log.Config{}) // log.Open(dir, …) in a program
	if err != nil {
		panic(err)
	}
	defer b.Close()
	if _, err := b.CreateTopic("orders", log.TopicConfig{}); err != nil {
		panic(err)
	}
	ctx := context.Background()
	if err := b.NewProducer().Produce(ctx, "orders", log.Record{Value: []byte("tea")}, log.Record{Value: []byte("cake")}); err != nil {
		panic(err)
	}

	var member *log.GroupConsumer
	member, err = b.Subscribe(log.GroupConfig{
		Group: "kitchen", Topics: []string{"orders"},
		OnRevoked: func([]log.TopicPartition) {
			if err := member.Commit(); err != nil {
				fmt.Println("others will see some records again:", err)
			}
		},
	})
	if err != nil {
		panic(err)
	}
	defer member.Close()
	fetches, err := member.Poll(ctx, 1<<20)
	if err != nil {
		panic(err)
	}
	for _, f := range fetches {
		var r log.Record
		for f.Records.Next(&r) {
			fmt.Println(f.TopicPartition, r.Offset, string(r.Value))
		}
	}
	// Between two generations nothing is committed; a later Commit has it all.
	if err := member.Commit(); err != nil && !errors.Is(err, log.ErrRebalancing) && !errors.Is(err, log.ErrFenced) {
		panic(err)
	}
	for _, o := range b.GroupOffsets("kitchen") {
		fmt.Println("kitchen is at", o.TopicPartition, o.Offset)
	}
	// Output:
	// orders-0 0 tea
	// orders-0 1 cake
	// kitchen is at orders-0 2
}
