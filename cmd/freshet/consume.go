package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/freshet/freshet/log"
	"github.com/spf13/cobra"
)

type consumeOptions struct {
	fromBeginning bool
	offset        string
	follow        bool
	partitions    []int32
	max           int64
	fromTime      string
	group         string
	isolation     *choice
	format        *choice
	key, value    *choice
}

func newConsumeCommand(s streams, at *location) *cobra.Command {
	o := consumeOptions{
		format: newChoice(formatText, formatValue, formatJSONL),
		key:    newSerdeChoice(), value: newSerdeChoice(),
		isolation: newChoice(readUncommitted, readCommitted),
	}
	cmd := &cobra.Command{
		Use:   "consume TOPIC",
		Short: "Print the records of a topic",
		Long: `Print the records of a topic, from its end on unless --from-beginning or
--offset, --from-time or --group says otherwise. It stops at the end that the topic had at the start;
with --follow it waits for more until Ctrl-C. It commits no offsets, also where
--group has it begin at those of a group.

Keys and values are shown by their looks unless --key-serde or --value-serde
says what they are: UTF-8 as text, eight unprintable bytes as a big-endian
integer (a count, say), everything else as hex. Text, key and value on a line
with a tab between, is for people; jsonl is exact.`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.checkStart(cmd.Flags().Changed); err != nil {
				return err
			}
			if o.max < 0 {
				return usageError(fmt.Errorf("--max-records is %d, want 1 or more", o.max))
			}
			if o.fromBeginning {
				o.offset = offsetStart
			}
			return consume(cmd.Context(), s, at, args[0], o)
		},
		ValidArgsFunction: at.completeTopics,
	}
	f := cmd.Flags()
	f.BoolVar(&o.fromBeginning, "from-beginning", false, "begin with the oldest record")
	f.StringVarP(&o.offset, "offset", "o", offsetEnd, "where to begin in each partition: start, end, an `offset`, or -N for the last N")
	f.StringVar(&o.fromTime, "from-time", "", "begin with the first record of this `time` or later: 2026-11-22T10:00:00Z, or -1h for an hour ago")
	f.StringVarP(&o.group, "group", "g", "", "begin where this `group` stands, and at the start where it has no offset")
	addChoice(cmd, o.isolation, "isolation", "", "read_committed leaves out what transactions have aborted or not yet committed")
	f.BoolVarP(&o.follow, "follow", "f", false, "wait for new records until Ctrl-C")
	f.Int32SliceVarP(&o.partitions, "partition", "p", nil, "only these `partitions`")
	f.Int64VarP(&o.max, "max-records", "n", 0, "stop after `N` records")
	addChoice(cmd, o.format, "format", "", "form of a record")
	addChoice(cmd, o.key, "key-serde", "", "what keys are")
	addChoice(cmd, o.value, "value-serde", "", "what values are")
	return cmd
}

// Values of --isolation, Kafka's isolation.level.
const (
	readUncommitted = "read_uncommitted"
	readCommitted   = "read_committed"
)

func (o *consumeOptions) checkStart(changed func(string) bool) error {
	chosen := 0
	for _, name := range []string{"from-beginning", "offset", "from-time", "group"} {
		if changed(name) {
			chosen++
		}
	}
	if chosen > 1 {
		return usageError(errors.New("--from-beginning, --offset, --from-time and --group exclude each other"))
	}
	if o.fromTime != "" {
		_, err := parseTime("from-time", o.fromTime, time.Now())
		return err
	}
	return nil
}

// start returns where to begin in a partition.
func (o *consumeOptions) start(b *log.Broker, tp log.TopicPartition, p log.PartitionDescription) (log.Offset, error) {
	switch {
	case o.fromTime != "":
		t, err := parseTime("from-time", o.fromTime, time.Now())
		if err != nil {
			return 0, err
		}
		at, ok, err := b.OffsetForTime(tp, t.UnixMilli())
		if err != nil || !ok {
			return p.End, err
		}
		return max(at.Offset, p.Start), nil
	case o.group != "":
		committed, ok := b.Committed(o.group, tp)
		if !ok {
			return p.Start, nil
		}
		return min(max(committed.Offset, p.Start), p.End), nil
	}
	return parseOffset(o.offset, p)
}

func consume(ctx context.Context, s streams, at *location, topic string, o consumeOptions) error {
	b, err := at.openReading(log.Config{})
	if err != nil {
		return err
	}
	return errors.Join(consumeFrom(ctx, s, at, b, topic, o), b.Close())
}

func consumeFrom(ctx context.Context, s streams, at *location, b *log.Broker, topic string, o consumeOptions) error {
	d, err := at.describe(b, topic)
	if err != nil {
		return err
	}
	c := &consumption{
		consumer: b.NewConsumer(), ends: map[log.TopicPartition]log.Offset{}, follow: o.follow, left: math.MaxInt64,
		out: &recordPrinter{w: bufio.NewWriter(s.out), format: o.format.value, key: o.key.value, value: o.value.value},
	}
	defer c.consumer.Close()
	if o.isolation.value == readCommitted {
		c.consumer.ReadCommitted()
	}
	if o.group != "" {
		if _, err := at.describeGroup(b, o.group); err != nil {
			return err
		}
	}
	if o.max > 0 {
		c.left = o.max
	}
	skipped, err := c.assign(b, d, o)
	if err != nil {
		return err
	}
	if skipped > 0 && o.offset == offsetEnd && o.group == "" && o.fromTime == "" {
		hint := "the end is where it begins; wait for new ones with --follow"
		if o.follow {
			hint = "waiting for new ones"
		}
		if _, err := fmt.Fprintf(s.err, "%s: %d records are there already (print them with --from-beginning); %s\n", topic, skipped, hint); err != nil {
			return err
		}
	}
	err = c.run(ctx)
	if flushErr := c.out.w.Flush(); err == nil {
		err = flushErr
	}
	if errors.Is(err, context.Canceled) {
		if _, err := fmt.Fprintf(s.err, "interrupted after %d records\n", c.printed); err != nil {
			return err
		}
		return errInterrupted
	}
	return err
}

// A consumption prints records of some partitions of one topic.
type consumption struct {
	consumer *log.Consumer
	out      *recordPrinter
	follow   bool
	ends     map[log.TopicPartition]log.Offset // where to stop, unless follow
	left     int64                             // records yet to be printed
	printed  int64
}

// assign begins at the offsets asked for and returns how many records are
// before them.
func (c *consumption) assign(b *log.Broker, d log.TopicDescription, o consumeOptions) (skipped log.Offset, err error) {
	partitions, err := choosePartitions(d, o.partitions)
	if err != nil {
		return 0, err
	}
	for _, p := range partitions {
		tp := log.TopicPartition{Topic: d.Name, Partition: p.Partition}
		from, err := o.start(b, tp, p)
		if err != nil {
			return 0, err
		}
		if err := c.consumer.Assign(tp, from); err != nil {
			return 0, err
		}
		c.ends[tp] = p.End
		skipped += from - p.Start
	}
	return skipped, nil
}

// fetchBytes is how much is read at a time.
const fetchBytes = 1 << 20

func (c *consumption) run(ctx context.Context) error {
	for c.left > 0 {
		fetches, err := c.consumer.Fetch(fetchBytes)
		if err != nil {
			return err
		}
		if len(fetches) == 0 {
			if !c.follow {
				return nil
			}
			if err := c.out.w.Flush(); err != nil {
				return err
			}
			if fetches, err = c.consumer.Poll(ctx, fetchBytes); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range fetches {
			if err := c.print(&fetches[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *consumption) print(f *log.Fetch) error {
	var r log.Record
	for c.left > 0 && f.Records.Next(&r) {
		if !c.follow && r.Offset >= c.ends[f.TopicPartition] {
			break
		}
		if err := c.out.print(f.TopicPartition, &r); err != nil {
			return err
		}
		c.left--
		c.printed++
	}
	if !c.follow && f.Next >= c.ends[f.TopicPartition] {
		c.consumer.Unassign(f.TopicPartition) // or a busy owner would keep us here
	}
	if err := f.Records.Err(); err != nil {
		return fmt.Errorf("read %s: %w", f.TopicPartition, err)
	}
	return nil
}
