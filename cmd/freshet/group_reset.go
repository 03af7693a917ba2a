package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/log"
	"github.com/spf13/cobra"
)

// resetOptions say which offsets of a group change, and to what.
type resetOptions struct {
	output               outputFlag
	topics               []string
	partitions           []int32
	allTopics, dryRun    bool
	toEarliest, toLatest bool
	toOffset, by         int64
	toTime               string
	target               func(b *log.Broker, tp log.TopicPartition, p log.PartitionDescription, now log.Offset) (log.Offset, error)
}

func newGroupResetCommand(s streams, at *location) *cobra.Command {
	var o resetOptions
	cmd := &cobra.Command{
		Use:   "reset GROUP",
		Short: "Set the offsets of a group",
		Long: `Set the offsets of a group for all partitions of the topics that are named, in
one commit. The program that reads for the group must not be running. With
--dry-run nothing changes, and a program may be running.

  freshet group reset billing --topic orders --to-earliest --dry-run
  freshet group reset billing --all-topics --to-time -1h
  freshet group reset billing --topic orders --partition 2 --by -10`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			open := at.writing
			if o.dryRun {
				open = at.reading
			}
			return open(func(b *log.Broker) error { return o.reset(s, at, b, args[0]) })
		},
		ValidArgsFunction: at.completeGroups,
	}
	o.output.add(cmd)
	f := cmd.Flags()
	f.StringArrayVarP(&o.topics, "topic", "t", nil, "a `topic` whose offsets change; may be repeated")
	f.Int32SliceVarP(&o.partitions, "partition", "p", nil, "only these `partitions` of the topic")
	f.BoolVar(&o.allTopics, "all-topics", false, "all topics that the group has offsets for")
	f.BoolVar(&o.toEarliest, "to-earliest", false, "to the oldest record")
	f.BoolVar(&o.toLatest, "to-latest", false, "to the end")
	f.Int64Var(&o.toOffset, "to-offset", 0, "to this `offset`")
	f.StringVar(&o.toTime, "to-time", "", "to the first record of this `time` or later: 2026-11-22T10:00:00Z, or -1h for an hour ago")
	f.Int64Var(&o.by, "by", 0, "by so many `records` from where it is, back if negative")
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would change, and change nothing")
	return cmd
}

func (o *resetOptions) check(cmd *cobra.Command) error {
	chosen := 0
	for _, name := range []string{"to-earliest", "to-latest", "to-offset", "to-time", "by"} {
		if cmd.Flags().Changed(name) {
			chosen++
		}
	}
	if chosen != 1 {
		return usageError(errors.New("want one of --to-earliest, --to-latest, --to-offset, --to-time, --by"))
	}
	if o.allTopics == (len(o.topics) > 0) {
		return usageError(errors.New("want --topic or --all-topics"))
	}
	if len(o.partitions) > 0 && len(o.topics) != 1 {
		return usageError(errors.New("--partition wants one --topic"))
	}
	return o.choose(cmd)
}

// choose makes the flags a function of the partition.
func (o *resetOptions) choose(cmd *cobra.Command) error {
	type place = log.PartitionDescription
	clamp := func(p place, to log.Offset) log.Offset { return min(max(to, p.Start), p.End) }
	switch {
	case cmd.Flags().Changed("to-time"):
		at, err := parseTime("to-time", o.toTime, time.Now())
		if err != nil {
			return err
		}
		o.target = func(b *log.Broker, tp log.TopicPartition, p place, _ log.Offset) (log.Offset, error) {
			found, ok, err := b.OffsetForTime(tp, at.UnixMilli())
			if !ok {
				return p.End, err
			}
			return found.Offset, err
		}
	case cmd.Flags().Changed("to-offset"):
		o.target = func(_ *log.Broker, tp log.TopicPartition, p place, _ log.Offset) (log.Offset, error) {
			if to := log.Offset(o.toOffset); to != clamp(p, to) {
				return 0, fmt.Errorf("--to-offset %d: partition %s has %d to %d: %w", to, tp, p.Start, p.End, log.ErrOffsetOutOfRange)
			}
			return log.Offset(o.toOffset), nil
		}
	case cmd.Flags().Changed("by"):
		o.target = func(_ *log.Broker, _ log.TopicPartition, p place, now log.Offset) (log.Offset, error) {
			return clamp(p, now+log.Offset(o.by)), nil
		}
	default:
		o.target = func(_ *log.Broker, _ log.TopicPartition, p place, _ log.Offset) (log.Offset, error) {
			if o.toLatest {
				return p.End, nil
			}
			return p.Start, nil
		}
	}
	return nil
}

// A move is one offset that changes.
type move struct {
	tp       log.TopicPartition
	from, to log.Offset // from is -1 where there was none
	end      log.Offset
}

func (o *resetOptions) reset(s streams, at *location, b *log.Broker, group string) error {
	moves, err := o.plan(at, b, group)
	if err != nil {
		return err
	}
	if !o.dryRun {
		if err := apply(b, group, moves); err != nil {
			return err
		}
	}
	return o.print(s, group, moves)
}

func (o *resetOptions) plan(at *location, b *log.Broker, group string) ([]move, error) {
	topics := o.topics
	if o.allTopics {
		g, err := at.describeGroup(b, group)
		if err != nil {
			return nil, err
		}
		for _, p := range g.partitions { // sorted
			if n := len(topics); n == 0 || topics[n-1] != p.Topic {
				topics = append(topics, p.Topic)
			}
		}
	}
	var moves []move
	for _, name := range topics {
		d, err := at.describe(b, name)
		if err != nil {
			return nil, err
		}
		partitions, err := choosePartitions(d, o.partitions)
		if err != nil {
			return nil, err
		}
		for _, p := range partitions {
			m := move{tp: log.TopicPartition{Topic: name, Partition: p.Partition}, from: -1, end: p.End}
			now := p.Start
			if committed, ok := b.Committed(group, m.tp); ok {
				m.from, now = committed.Offset, committed.Offset
			}
			if m.to, err = o.target(b, m.tp, p, now); err != nil {
				return nil, err
			}
			moves = append(moves, m)
		}
	}
	return moves, nil
}

// apply commits all offsets at once.
func apply(b *log.Broker, group string, moves []move) error {
	var offsets []log.GroupOffset
	for _, m := range moves {
		offsets = append(offsets, log.GroupOffset{TopicPartition: m.tp, CommittedOffset: log.CommittedOffset{Offset: m.to, LeaderEpoch: -1}})
	}
	refused, err := b.CommitOffsets(group, log.GroupMembership{}, offsets)
	return errors.Join(append(refused, err)...)
}

type moveJSON struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	From      int64  `json:"from"` // -1: none was committed
	To        int64  `json:"to"`
	End       int64  `json:"end"`
}

func (o *resetOptions) print(s streams, group string, moves []move) error {
	if o.output.json() {
		items := []moveJSON{}
		for _, m := range moves {
			items = append(items, moveJSON{m.tp.Topic, m.tp.Partition, int64(m.from), int64(m.to), int64(m.end)})
		}
		return printJSON(s.out, listJSON{"OffsetReset", 1, items})
	}
	t := newTable(s.out)
	fmt.Fprintln(t, "TOPIC\tPARTITION\tFROM\tTO\tLAG")
	for _, m := range moves {
		from := "-"
		if m.from >= 0 {
			from = fmt.Sprint(m.from)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%d\t%d\n", m.tp.Topic, m.tp.Partition, from, m.to, m.end-m.to)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	done := "set"
	if o.dryRun {
		done = "would be set (leave --dry-run out to do it)"
	}
	_, err := fmt.Fprintf(s.err, "%s: %s %s\n", group, count(len(moves), "offset"), done)
	return err
}
