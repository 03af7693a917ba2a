package dsl_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/freshet/freshet/dsl"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
)

// A Reading is a value that is written as JSON.
type Reading struct {
	Sensor  string  `json:"sensor"`
	Celsius float64 `json:"celsius"`
}

// A program that opens the log itself can write to its topics, and read them,
// while the App runs.
func Example_app() {
	dir, err := os.MkdirTemp("", "freshet-example-")
	if err == nil {
		err = errors.Join(countHot(context.Background(), dir), os.RemoveAll(dir))
	}
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// map[attic:2 cellar:1]
}

func countHot(ctx context.Context, dir string) (err error) {
	readings := dsl.NewTopic[string, Reading]("readings")
	counts := dsl.NewTopic[string, int64]("hot-counts")

	b := dsl.NewBuilder("sensors")
	hot := dsl.From(b, readings).Filter(func(_ string, r Reading) bool { return r.Celsius > 30 })
	dsl.GroupBy(hot, func(_ string, r Reading) string { return r.Sensor }).
		Count(dsl.As("hot")).
		ToStream().
		To(counts)
	topology, err := b.Build()
	if err != nil {
		return err
	}

	broker, err := log.Open(dir, log.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, broker.Close()) }() // after the App has ended
	on := processor.OnLog(broker)
	app, err := processor.New(topology, on, processor.Config{})
	if err != nil {
		return err
	}
	if err := readings.Create(on); err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- app.Run(running) }()
	defer func() { stop(); err = errors.Join(err, <-ended) }()

	producer := broker.NewProducer()
	for _, r := range []Reading{{"attic", 31}, {"cellar", 12}, {"attic", 36}, {"cellar", 30.5}} {
		if err := readings.Produce(ctx, producer, processor.Value[string](r)); err != nil {
			return err
		}
	}
	if err := app.Drained(ctx); err != nil {
		return err
	}
	hotCounts := make(map[string]int64)
	for r, err := range counts.Consume(ctx, on, processor.StopAtEnd()) {
		if err != nil {
			return err
		}
		hotCounts[r.Key] = r.Value
	}
	fmt.Println(hotCounts)
	return nil
}
