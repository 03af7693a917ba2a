package processortest_test

import (
	"fmt"
	"time"

	"github.com/freshet/freshet/processor"
	"github.com/freshet/freshet/processor/processortest"
)

// A topology is piped records, crashed in the middle, and read.
func Example() {
	small := processor.NewTopic[string, int64]("small-orders")
	b := processor.NewTopology("shop")
	all := processor.Source(b, "orders-source", orders)
	kept := processor.Process(b, "keep-small", all, processor.Func(
		func(ctx *processor.Context[string, int64], r *processor.Record[string, int64]) error {
			if r.Value > 10 {
				return nil
			}
			return ctx.Forward(r)
		}))
	processor.Sink(b, "small-sink", kept, small)
	topology, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}

	d := processortest.New(nil, topology, processortest.Config{Partitions: 1})
	defer d.Close()
	processortest.Pipe(d, orders, processor.KV("ann", int64(7)), processor.KV("bob", int64(70)))
	d.Advance(time.Minute)
	d.Crash()
	processortest.Pipe(d, orders, processor.KV("cyd", int64(9)))
	d.Run()
	for _, r := range processortest.Read(d, small) {
		fmt.Println(r.Time().UTC().Format(time.TimeOnly), r.Key, r.Value)
	}
	// Output:
	// 00:00:00 ann 7
	// 00:01:00 cyd 9
}
