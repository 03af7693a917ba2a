package processor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
)

// A topology is drawn, built, and run on a log in a directory.
func Example() {
	names := processor.NewTopic[string, string]("names").WithPartitions(1)
	greetings := processor.NewTopic[string, string]("greetings").WithPartitions(1)

	b := processor.NewTopology("greeter")
	greet := processor.Process(b, "greet", processor.Source(b, "names", names), processor.Func(
		func(ctx *processor.Context[string, string], r *processor.Record[string, string]) error {
			out := *r
			out.Value = "hello, " + strings.ToLower(r.Value)
			return ctx.Forward(&out)
		}))
	processor.Sink(b, "greetings", greet, greetings)
	topology, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}

	dir, err := os.MkdirTemp("", "greeter")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	broker, err := log.Open(dir, log.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer broker.Close()
	cluster := processor.OnLog(broker)
	if err := errors.Join(names.Create(cluster), greetings.Create(cluster)); err != nil {
		fmt.Println(err)
		return
	}
	app, err := processor.New(topology, cluster, processor.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- app.Run(ctx) }()
	if err := names.Produce(ctx, broker.NewProducer(), processor.Record[string, string]{Key: "1", Value: "Ada"}); err != nil {
		fmt.Println(err)
	}
	for r, err := range greetings.Consume(ctx, cluster) {
		fmt.Println(r.Key, r.Value, err)
		break
	}
	stop()
	fmt.Println(<-ended)
	// Output:
	// 1 hello, ada <nil>
	// <nil>
}
