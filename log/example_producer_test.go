package log_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/freshet/freshet/log"
)

// Each call of Produce is one commit: its records are there together, and
// durable when it returns.
func ExampleProducer_Produce() {
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

	if _, err := b.CreateTopic("orders", log.TopicConfig{}); err != nil {
		panic(err)
	}
	if err := b.NewProducer().Produce(context.Background(), "orders",
		log.Record{Key: []byte("table 7"), Value: []byte("tea")},
		log.Record{Key: []byte("table 9"), Value: []byte("cake"), Headers: []log.Header{{Key: "waiter", Value: []byte("Ada")}}},
	); err != nil {
		panic(err)
	}
	start, end, err := b.Offsets(log.TopicPartition{Topic: "orders", Partition: 0})
	fmt.Println(start, end, err)
	// Output: 0 2 <nil>
}

// Records that come one by one share batches and commits: many calls, few
// writes.
func ExampleProducer_ProduceAsync() {
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
	if _, err := b.CreateTopic("clicks", log.TopicConfig{}); err != nil {
		panic(err)
	}

	p, err := b.NewProducerWith(log.ProducerConfig{Linger: 5 * time.Millisecond, Compression: "zstd"})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	var last log.Offset
	for i := range 1000 {
		err := p.ProduceAsync(ctx, "clicks", log.Record{Value: fmt.Appendf(nil, "click %d", i)}, func(r log.ProduceResult) {
			if r.Err != nil {
				fmt.Println("click", i, "is lost:", r.Err)
			}
			last = r.Offset // by one goroutine, in the order of the records
		})
		if err != nil {
			panic(err) // the record was not taken; nobody will be called back
		}
	}
	if err := p.Close(); err != nil { // waits for all callbacks; Flush does without closing
		panic(err)
	}
	fmt.Println("last offset", last)
	fmt.Println("fewer commits than records:", b.Metrics().Commits < 1000)
	// Output:
	// last offset 999
	// fewer commits than records: true
}
