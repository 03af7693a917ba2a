package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/freshet/freshet/log"
	"github.com/spf13/cobra"
)

func newGroupCommand(s streams, at *location) *cobra.Command {
	cmd := newGroup("group", "List, describe, reset and delete consumer groups")
	cmd.Aliases = []string{"groups"}
	cmd.AddCommand(newGroupListCommand(s, at), newGroupDescribeCommand(s, at), newGroupResetCommand(s, at), newGroupDeleteCommand(s, at))
	return cmd
}

// A groupStand is a group with where it stands in each partition.
type groupStand struct {
	log.GroupDescription
	partitions []standing
	lag        int64
}

type standing struct {
	log.GroupOffset
	start, end log.Offset
}

func (st *standing) lag() int64 { return max(int64(st.end-st.Offset), 0) }

func standOf(b *log.Broker, d log.GroupDescription) (groupStand, error) {
	g := groupStand{GroupDescription: d}
	for _, o := range b.GroupOffsets(d.Group) {
		start, end, err := b.Offsets(o.TopicPartition)
		if err != nil {
			return g, err
		}
		st := standing{o, start, end}
		g.partitions = append(g.partitions, st)
		g.lag += st.lag()
	}
	return g, nil
}

// describeGroup is [log.Broker.DescribeGroup] with an error that says which
// groups there are.
func (at *location) describeGroup(b *log.Broker, name string) (groupStand, error) {
	d, err := b.DescribeGroup(name)
	if err == nil {
		return standOf(b, d)
	}
	there := "there are none"
	var names []string
	for _, g := range b.ListGroups() {
		names = append(names, g.Group)
	}
	if len(names) > 0 {
		there = "there are " + strings.Join(names[:min(len(names), maxNamed)], ", ")
	}
	return groupStand{}, fmt.Errorf("no group %q in %s (%s): %w: %w", name, at.dir, there, errNotFound, err)
}

func newGroupListCommand(s streams, at *location) *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the groups, with how far they are behind",
		Args:  arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			return at.reading(func(b *log.Broker) error {
				var groups []groupStand
				for _, d := range b.ListGroups() {
					g, err := standOf(b, d)
					if err != nil {
						return err
					}
					groups = append(groups, g)
				}
				if output.json() {
					return printGroupsJSON(s, groups)
				}
				if len(groups) == 0 {
					_, err := fmt.Fprintf(s.err, "no groups in %s\n", at.dir)
					return err
				}
				t := newTable(s.out)
				fmt.Fprintln(t, "GROUP\tGENERATION\tPARTITIONS\tLAG")
				for _, g := range groups {
					fmt.Fprintf(t, "%s\t%d\t%d\t%d\n", g.Group, g.Generation, len(g.partitions), g.lag)
				}
				return t.Flush()
			})
		},
	}
	output.add(cmd)
	return cmd
}

func newGroupDescribeCommand(s streams, at *location) *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "describe GROUP...",
		Short: "Describe groups: where they stand in each partition",
		Long: `Describe groups: for each partition the offset that is committed, the end, and
how many records are between. Members are known only to the program that has
the log open; what is printed here is what the log remembers.`,
		Args: arguments(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, names []string) error {
			return at.reading(func(b *log.Broker) error {
				var groups []groupStand
				for _, name := range names {
					g, err := at.describeGroup(b, name)
					if err != nil {
						return err
					}
					groups = append(groups, g)
				}
				if output.json() {
					return printGroupsJSON(s, groups)
				}
				return printGroups(s, groups)
			})
		},
		ValidArgsFunction: at.completeGroups,
	}
	output.add(cmd)
	return cmd
}

func printGroups(s streams, groups []groupStand) error {
	for i, g := range groups {
		between := ""
		if i > 0 {
			between = "\n"
		}
		if _, err := fmt.Fprintf(s.out, "%s%s   generation %d   lag %d\n", between, g.Group, g.Generation, g.lag); err != nil {
			return err
		}
		if len(g.partitions) == 0 {
			continue
		}
		t := newTable(s.out)
		fmt.Fprintln(t, "TOPIC\tPARTITION\tOFFSET\tEND\tLAG\tCOMMITTED\tMETADATA")
		for _, p := range g.partitions {
			committed := time.UnixMilli(p.TimestampMillis).UTC().Format(time.RFC3339)
			fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%s\t%q\n", p.Topic, p.Partition, p.Offset, p.end, p.lag(), committed, p.Metadata)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}

type groupJSON struct {
	Group      string            `json:"group"`
	Generation int32             `json:"generation"`
	Protocol   string            `json:"protocolType"`
	Lag        int64             `json:"lag"`
	Partitions []groupOffsetJSON `json:"partitions"`
}

type groupOffsetJSON struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Start     int64  `json:"start"`
	End       int64  `json:"end"`
	Lag       int64  `json:"lag"`
	Committed int64  `json:"committedAt"` // epoch milliseconds
	Metadata  string `json:"metadata"`
}

func printGroupsJSON(s streams, groups []groupStand) error {
	items := []groupJSON{}
	for _, g := range groups {
		j := groupJSON{Group: g.Group, Generation: g.Generation, Protocol: g.ProtocolType, Lag: g.lag, Partitions: []groupOffsetJSON{}}
		for _, p := range g.partitions {
			j.Partitions = append(j.Partitions, groupOffsetJSON{p.Topic, p.Partition, int64(p.Offset), int64(p.start), int64(p.end),
				p.lag(), p.TimestampMillis, p.Metadata})
		}
		items = append(items, j)
	}
	return printJSON(s.out, listJSON{"GroupList", 1, items})
}

func newGroupDeleteCommand(s streams, at *location) *cobra.Command {
	var yes consent
	cmd := &cobra.Command{
		Use:   "delete GROUP...",
		Short: "Delete groups with their offsets",
		Args:  arguments(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, names []string) error {
			return at.writing(func(b *log.Broker) error {
				for _, name := range names {
					if _, err := at.describeGroup(b, name); err != nil {
						return err
					}
				}
				if err := yes.ask(s, "delete "+strings.Join(names, ", ")); err != nil {
					return err
				}
				for _, name := range names {
					if err := b.DeleteGroup(name); err != nil {
						return err
					}
					if _, err := fmt.Fprintf(s.err, "%s: deleted\n", name); err != nil {
						return err
					}
				}
				return nil
			})
		},
		ValidArgsFunction: at.completeGroups,
	}
	yes.add(cmd)
	return cmd
}

// completeGroups offers the names of the groups to a shell.
func (at *location) completeGroups(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	var names []string
	err := at.reading(func(b *log.Broker) error {
		for _, g := range b.ListGroups() {
			if strings.HasPrefix(g.Group, prefix) {
				names = append(names, g.Group)
			}
		}
		return nil
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
