package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/freshet/freshet/log"
	"github.com/spf13/cobra"
)

type produceOptions struct {
	key, separator string
	keySet         bool
	create         bool
	topic          log.TopicConfig
	partitionsSet  bool
	input          *choice
	compression    *choice
	partition      int32
}

func newProduceCommand(s streams, at *location) *cobra.Command {
	o := produceOptions{
		input:       newChoice(inputLines, formatJSONL),
		compression: newChoice("none", "gzip", "snappy", "lz4", "zstd"),
	}
	cmd := &cobra.Command{
		Use:   "produce TOPIC [FILE]",
		Short: "Append the lines of a file, or of standard input, to a topic",
		Long: `Append each line of FILE, or of standard input, as the value of a record. Bytes
are kept as they are; only the newline goes. Lines are acknowledged as they
come, once they are on stable storage. Nothing is created without --create.

With --input jsonl a line is an object with value and, where wanted, key,
headers, timestamp and partition, as consume --format jsonl prints it.

A program that has the log open for writing keeps this command out.`,
		Args: arguments(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.input.value == formatJSONL && (cmd.Flags().Changed("key") || cmd.Flags().Changed("key-separator")) {
				return usageError(errors.New("--input jsonl has keys of its own: leave --key and --key-separator out"))
			}
			o.partitionsSet = cmd.Flags().Changed("partitions")
			if err := o.check(cmd.Flags().Changed("key"), cmd.Flags().Changed("key-separator")); err != nil {
				return usageError(err)
			}
			in := s.in
			if len(args) > 1 && args[1] != "-" {
				f, err := openFile(args[1])
				if err != nil {
					return err
				}
				defer f.Close() //nolint:errcheck // it was only read
				in = f
			}
			return produce(cmd.Context(), s, at, args[0], in, o)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return at.completeTopics(cmd, args, prefix)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.key, "key", "k", "", "the `key` of every record")
	f.StringVar(&o.separator, "key-separator", "", "a line is key, this `text`, value")
	f.Int32VarP(&o.partition, "partition", "p", -1, "the `partition` of every record; by the key if it is left out")
	addChoice(cmd, o.input, "input", "", "form of a line")
	addChoice(cmd, o.compression, "compression", "", "how batches are compressed, where the topic leaves that to its producers")
	f.BoolVar(&o.create, "create", false, "make the log and the topic if they are not there")
	f.Int32Var(&o.topic.Partitions, "partitions", 1, "with --create: the topic's `number` of partitions")
	f.IntVar(&o.topic.MaxMessageBytes, "max-message-bytes", log.DefaultMaxMessageBytes, "with --create: the size of the topic's largest record in `bytes`")
	return cmd
}

func (o *produceOptions) check(key, separator bool) error {
	switch {
	case key && separator:
		return errors.New("--key and --key-separator exclude each other")
	case separator && o.separator == "":
		return errors.New("--key-separator is empty")
	case o.partition < -1:
		return fmt.Errorf("--partition is %d, want 0 or more", o.partition)
	case !o.create && o.partitionsSet:
		return errors.New("--partitions needs --create")
	case o.create && o.topic.Partitions < 1:
		return fmt.Errorf("--partitions is %d, want 1 or more", o.topic.Partitions)
	}
	o.keySet = key
	return nil
}

func produce(ctx context.Context, s streams, at *location, topic string, in io.Reader, o produceOptions) error {
	if err := log.CheckTopicName(topic); err != nil {
		return usageError(err)
	}
	if !o.create {
		// Opening for writing changes the directory, and makes one.
		err := at.reading(func(b *log.Broker) error {
			_, err := at.describe(b, topic)
			return err
		})
		if errors.Is(err, log.ErrUnknownTopic) || errors.Is(err, log.ErrNotALog) {
			return fmt.Errorf("%w; it can be made with --create --partitions N", err)
		}
		if err != nil {
			return err
		}
	}
	b, err := log.Open(at.dir, log.Config{})
	if errors.Is(err, log.ErrLocked) {
		return fmt.Errorf("%w, or produce from within it", err)
	}
	if err != nil {
		return err
	}
	return errors.Join(produceTo(ctx, s, b, topic, in, o), b.Close())
}

func produceTo(ctx context.Context, s streams, b *log.Broker, topic string, in io.Reader, o produceOptions) error {
	d, err := ensureTopic(b, topic, o)
	if err != nil {
		return err
	}
	n := int32(len(d.Partitions))
	if o.partition >= n {
		return fmt.Errorf("no partition %d in topic %q, it has 0 to %d: %w", o.partition, topic, n-1, log.ErrUnknownTopic)
	}
	p, err := b.NewProducerWith(log.ProducerConfig{Compression: o.compression.value, Partitioner: chosenPartition})
	if err != nil {
		return err
	}
	limit := d.Config.MaxMessageBytes
	if o.input.value == formatJSONL {
		limit = jsonLimit(limit)
	}
	lines := &lineReader{in: bufio.NewReaderSize(in, lineBufferBytes), limit: limit, record: o.parser(n)}
	written, err := appendLines(ctx, p, topic, lines)
	records := "records"
	if written == 1 {
		records = "record"
	}
	if _, printErr := fmt.Fprintf(s.err, "%s: %d %s appended\n", topic, written, records); err == nil {
		err = printErr
	}
	return err
}

// jsonLimit is the length of a line that may hold a record of so many bytes: each
// may be written as an escape of six.
func jsonLimit(bytes int) int {
	const escape, names = 6, 1 << 10
	return bytes*escape + names
}

// parser returns what makes records of lines, for a topic of n partitions.
func (o *produceOptions) parser(n int32) func(line []byte) (log.Record, error) {
	return func(line []byte) (r log.Record, err error) {
		if o.input.value == formatJSONL {
			r, err = parseRecord(line, n)
		} else {
			r, err = o.record(line)
		}
		if o.partition >= 0 {
			r.Offset = log.Offset(o.partition) + 1
		}
		return r, err
	}
}

// appendLines commits chunks until there are no more, and returns the number
// of lines that are in the log.
func appendLines(ctx context.Context, p *log.Producer, topic string, lines *lineReader) (written int, err error) {
	chunks := make(chan chunk)
	// Reading cannot be interrupted; the goroutine ends with the process.
	go lines.read(ctx, chunks)
	for {
		var c chunk
		select {
		case c = <-chunks:
		case <-ctx.Done():
			return written, errInterrupted
		}
		if len(c.records) > 0 {
			// What was read before Ctrl-C is committed all the same.
			if err := p.Produce(context.WithoutCancel(ctx), topic, c.records...); err != nil {
				return written, fmt.Errorf("lines %d to %d: %w", written+1, written+len(c.records), err)
			}
			written += len(c.records)
		}
		switch {
		case errors.Is(c.err, io.EOF):
			return written, nil
		case c.err != nil:
			return written, fmt.Errorf("line %d: %w", written+1, c.err)
		}
	}
}

func ensureTopic(b *log.Broker, topic string, o produceOptions) (log.TopicDescription, error) {
	d, err := b.Topic(topic)
	if errors.Is(err, log.ErrUnknownTopic) {
		return b.CreateTopic(topic, o.topic)
	}
	if have := len(d.Partitions); err == nil && o.partitionsSet && have != int(o.topic.Partitions) {
		return d, fmt.Errorf("topic %s has %d partitions, not %d (leave --partitions out)", topic, have, o.topic.Partitions)
	}
	return d, err
}
