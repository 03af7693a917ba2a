package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/freshet/freshet/log"
	"github.com/spf13/cobra"
)

func newTopicCommand(s streams, at *location) *cobra.Command {
	cmd := newGroup("topic", "Make, list, describe, alter and delete topics")
	cmd.Aliases = []string{"topics"}
	cmd.AddCommand(newTopicListCommand(s, at), newTopicDescribeCommand(s, at),
		newTopicCreateCommand(s, at), newTopicAlterCommand(s, at), newTopicDeleteCommand(s, at))
	return cmd
}

func newTopicListCommand(s streams, at *location) *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the topics",
		Args:  arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			return at.reading(func(b *log.Broker) error {
				topics := b.Topics()
				if output.json() {
					return printTopicsJSON(s.out, topics)
				}
				if len(topics) == 0 {
					_, err := fmt.Fprintf(s.err, "no topics in %s\n", at.dir)
					return err
				}
				return printTopicList(s.out, topics)
			})
		},
	}
	output.add(cmd)
	return cmd
}

func newTopicDescribeCommand(s streams, at *location) *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "describe [TOPIC...]",
		Short: "Describe topics and their partitions, all if none is named",
		RunE: func(_ *cobra.Command, names []string) error {
			return at.reading(func(b *log.Broker) error {
				topics, err := at.named(b, names)
				if err != nil {
					return err
				}
				if output.json() {
					return printTopicsJSON(s.out, topics)
				}
				return printTopicDescriptions(s.out, topics)
			})
		},
		ValidArgsFunction: at.completeTopics,
	}
	output.add(cmd)
	return cmd
}

// named describes the named topics, or all.
func (at *location) named(b *log.Broker, names []string) ([]log.TopicDescription, error) {
	if len(names) == 0 {
		return b.Topics(), nil
	}
	var topics []log.TopicDescription
	for _, name := range names {
		d, err := at.describe(b, name)
		if err != nil {
			return nil, err
		}
		topics = append(topics, d)
	}
	return topics, nil
}

func newTable(w io.Writer) *tabwriter.Writer {
	const padding = 3
	return tabwriter.NewWriter(w, 0, 0, padding, ' ', 0)
}

func printTopicList(w io.Writer, topics []log.TopicDescription) error {
	t := newTable(w)
	fmt.Fprintln(t, "NAME\tPARTITIONS\tRECORDS\tBYTES\tCLEANUP")
	for _, d := range topics {
		var records log.Offset
		var size int64
		for _, p := range d.Partitions {
			records += p.End - p.Start
			size += p.SizeBytes
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\n", d.Name, len(d.Partitions), records, size, d.Config.CleanupPolicy)
	}
	return t.Flush()
}

func printTopicDescriptions(w io.Writer, topics []log.TopicDescription) error {
	for i, d := range topics {
		between := ""
		if i > 0 {
			between = "\n"
		}
		configs := d.Config.String()
		if configs != "" {
			configs = "   " + configs
		}
		if _, err := fmt.Fprintf(w, "%s%s   id %s%s\n", between, d.Name, d.ID, configs); err != nil {
			return err
		}
		t := newTable(w)
		fmt.Fprintln(t, "PARTITION\tSTART\tEND\tRECORDS\tBYTES\tSEGMENTS\tLEADER-EPOCH")
		for _, p := range d.Partitions {
			fmt.Fprintf(t, "%d\t%d\t%d\t%d\t%d\t%d\t%d\n",
				p.Partition, p.Start, p.End, p.End-p.Start, p.SizeBytes, p.Segments, p.LeaderEpoch)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// The JSON forms are an interface to programs: fields are added, never renamed.

type listJSON struct {
	Kind    string `json:"kind"`
	Version int    `json:"version"`
	Items   any    `json:"items"`
}

type topicJSON struct {
	Name            string          `json:"name"`
	ID              string          `json:"id"`
	CleanupPolicy   string          `json:"cleanupPolicy"`
	MaxMessageBytes int             `json:"maxMessageBytes"`
	Configs         []configJSON    `json:"configs"`
	Partitions      []partitionJSON `json:"partitions"`
}

// A configJSON is a config under Kafka's name.
type configJSON struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Default bool   `json:"default"`
}

type partitionJSON struct {
	Partition   int32 `json:"partition"`
	Start       int64 `json:"start"`
	End         int64 `json:"end"`
	SizeBytes   int64 `json:"sizeBytes"`
	Segments    int   `json:"segments"`
	LeaderEpoch int32 `json:"leaderEpoch"`
	StableEnd   int64 `json:"stableEnd"`
	Uncompacted int64 `json:"uncompactedBytes"`
}

func printTopicsJSON(w io.Writer, topics []log.TopicDescription) error {
	items := []topicJSON{}
	for _, d := range topics {
		t := topicJSON{Name: d.Name, ID: d.ID.String(), CleanupPolicy: d.Config.CleanupPolicy,
			MaxMessageBytes: d.Config.MaxMessageBytes}
		for _, p := range d.Partitions {
			t.Partitions = append(t.Partitions, partitionJSON{p.Partition, int64(p.Start), int64(p.End),
				p.SizeBytes, p.Segments, p.LeaderEpoch, int64(p.StableEnd), p.Uncompacted})
		}
		for _, e := range d.Config.Entries() {
			t.Configs = append(t.Configs, configJSON(e))
		}
		items = append(items, t)
	}
	return printJSON(w, listJSON{"TopicList", 1, items})
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
