package log_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/freshet/freshet/log"
)

// A Consumer reads the partitions that it is told to, from where it is told to.
func ExampleConsumer() {
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
	topic, err := b.CreateTopic("orders", log.TopicConfig{Partitions: 2})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	for _, order := range []string{"tea", "cake", "jam"} {
		if err := b.NewProducer().Produce(ctx, "orders", log.Record{Key: []byte("table 7"), Value: []byte(order)}); err != nil {
			panic(err)
		}
	}

	c := b.NewConsumer()
	defer c.Close()
	for _, p := range topic.Partitions { // Start is the oldest record, End waits for new ones
		if err := c.Assign(log.TopicPartition{Topic: topic.Name, Partition: p.Partition}, p.Start); err != nil {
			panic(err)
		}
	}
	for read := 0; read < 3; {
		fetches, err := c.Poll(ctx, 1<<20)
		if err != nil {
			panic(err)
		}
		for _, f := range fetches {
			var r log.Record
			for f.Records.Next(&r) {
				fmt.Println(f.TopicPartition, r.Offset, string(r.Key), string(r.Value))
				read++
			}
			if err := f.Records.Err(); err != nil {
				panic(err)
			}
		}
	}
	// Output:
	// orders-1 0 table 7 tea
	// orders-1 1 table 7 cake
	// orders-1 2 table 7 jam
}

// OffsetForTime tells where to begin to read everything since some time.
func ExampleBroker_OffsetForTime() {
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
	eight := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	for hour, order := range []string{"tea", "cake", "jam"} {
		at := eight.Add(time.Duration(hour) * time.Hour).UnixMilli()
		if err := b.NewProducer().Produce(context.Background(), "orders", log.Record{Value: []byte(order), TimestampMillis: at}); err != nil {
			panic(err)
		}
	}

	tp := log.TopicPartition{Topic: "orders", Partition: 0}
	first, ok, err := b.OffsetForTime(tp, eight.Add(30*time.Minute).UnixMilli())
	if err != nil || !ok { // not ok: no record is as late as that
		panic(err)
	}
	fmt.Println("offset", first.Offset, "of", time.UnixMilli(first.TimestampMillis).UTC().Format(time.TimeOnly))

	c := b.NewConsumer()
	defer c.Close()
	if err := c.Assign(tp, first.Offset); err != nil {
		panic(err)
	}
	fetches, err := c.Fetch(1 << 20) // what is there, without waiting
	if err != nil {
		panic(err)
	}
	for _, f := range fetches {
		var r log.Record
		for f.Records.Next(&r) {
			fmt.Println(string(r.Value))
		}
	}
	// Output:
	// offset 1 of 09:00:00
	// cake
	// jam
}
