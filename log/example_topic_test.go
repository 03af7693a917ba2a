package log_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/freshet/freshet/log"
)

// A topic is made with a TopicConfig and altered by Kafka's names.
func ExampleBroker_AlterTopic() {
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

	d, err := b.CreateTopic("prices", log.TopicConfig{
		Partitions: 4, CleanupPolicy: log.CleanupCompact, DeleteRetention: time.Hour, Compression: "zstd",
	})
	if err != nil && !errors.Is(err, log.ErrTopicExists) { // one that is there stays as it is
		panic(err)
	}
	fmt.Println(d.Config)
	d, err = b.AlterTopic("prices", map[string]string{"segment.bytes": "16777216"}, "delete.retention.ms")
	fmt.Println(d.Config, err)
	_, err = b.AlterTopic("prices", map[string]string{"retention.ms": "a week"})
	fmt.Println(err)
	// Output:
	// cleanup.policy=compact,compression.type=zstd,delete.retention.ms=3600000
	// cleanup.policy=compact,compression.type=zstd,segment.bytes=16777216 <nil>
	// alter topic prices: invalid config: retention.ms is "a week", want a number of milliseconds from -1
}

// DeleteRecords gives records up before retention does.
func ExampleBroker_DeleteRecords() {
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
	if err := b.NewProducer().Produce(context.Background(), "orders", make([]log.Record, 10)...); err != nil {
		panic(err)
	}

	tp := log.TopicPartition{Topic: "orders", Partition: 0}
	start, err := b.DeleteRecords(tp, 7) // log.HighWatermark for all
	fmt.Println(start, err)
	err = b.NewConsumer().Assign(tp, 0)
	fmt.Println(errors.Is(err, log.ErrOffsetOutOfRange), err)
	// Output:
	// 7 <nil>
	// true partition orders-0, offset 0, has 7 to 10: offset out of range
}

// A backup is a log of its own, made while the log is in use. A log may be read
// by many, in this process or others, while its owner writes.
func ExampleBroker_Backup() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	b, err := log.Open(dir+"/log", log.Config{})
	if err != nil {
		panic(err)
	}
	defer b.Close()
	if _, err := b.CreateTopic("orders", log.TopicConfig{}); err != nil {
		panic(err)
	}
	if err := b.NewProducer().Produce(context.Background(), "orders", log.Record{Value: []byte("tea")}); err != nil {
		panic(err)
	}

	report, err := b.Backup(context.Background(), dir+"/monday", log.BackupOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Println(report.Records, "record")
	monday, err := log.OpenReadOnly(dir+"/monday", log.Config{})
	if err != nil {
		panic(err)
	}
	defer monday.Close()
	start, end, err := monday.Offsets(log.TopicPartition{Topic: "orders", Partition: 0})
	fmt.Println(start, end, err)
	// Output:
	// 1 record
	// 0 1 <nil>
}
