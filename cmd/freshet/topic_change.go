package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/freshet/freshet/log"
	"github.com/spf13/cobra"
)

// parseConfigs reads name=value, Kafka's names and values.
func parseConfigs(pairs []string) (map[string]string, error) {
	out := map[string]string{}
	for _, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return nil, usageError(fmt.Errorf("--config %q: want NAME=VALUE, such as retention.ms=86400000", pair))
		}
		out[name] = value
	}
	return out, nil
}

// completeConfigs offers the names of topic configs to a shell.
func completeConfigs(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, e := range (log.TopicConfig{}).Entries() {
		names = append(names, e.Name+"=")
	}
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

func addConfigs(cmd *cobra.Command, to *[]string) {
	cmd.Flags().StringArrayVarP(to, "config", "c", nil, "set a config of the topic, `NAME=VALUE` as in Kafka; may be repeated")
	if err := cmd.RegisterFlagCompletionFunc("config", completeConfigs); err != nil {
		panic(err) // only for a flag that does not exist
	}
}

func newTopicCreateCommand(s streams, at *location) *cobra.Command {
	var output outputFlag
	var partitions int32
	var configs []string
	var ifNotExists bool
	cmd := &cobra.Command{
		Use:   "create TOPIC",
		Short: "Make a topic, and the log if there is none",
		Long: `Make a topic, and the log if there is none. Configs have Kafka's names and
values: durations in milliseconds, sizes in bytes, -1 for no limit.

  freshet topic create orders --partitions 4 --config retention.ms=86400000
  freshet topic create accounts --config cleanup.policy=compact`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := log.CheckTopicName(args[0]); err != nil {
				return usageError(err)
			}
			if partitions < 1 {
				return usageError(fmt.Errorf("--partitions is %d, want 1 or more", partitions))
			}
			set, err := parseConfigs(configs)
			if err != nil {
				return err
			}
			return at.owning(func(b *log.Broker) error {
				d, err := createTopic(b, args[0], partitions, set)
				if errors.Is(err, log.ErrTopicExists) && ifNotExists {
					err = nil
				}
				return told(s, output, "created", d, err)
			})
		},
	}
	output.add(cmd)
	cmd.Flags().Int32VarP(&partitions, "partitions", "p", 1, "`number` of partitions")
	cmd.Flags().BoolVar(&ifNotExists, "if-not-exists", false, "a topic that is there already is no error, and stays as it is")
	addConfigs(cmd, &configs)
	return cmd
}

func createTopic(b *log.Broker, name string, partitions int32, set map[string]string) (log.TopicDescription, error) {
	cfg, err := log.ParseTopicConfig(set)
	if err != nil {
		return log.TopicDescription{}, fmt.Errorf("create topic %s: %w", name, err)
	}
	cfg.Partitions = partitions
	return b.CreateTopic(name, cfg)
}

// told prints a topic that was changed.
func told(s streams, output outputFlag, what string, d log.TopicDescription, err error) error {
	if err != nil {
		return err
	}
	if output.json() {
		return printTopicsJSON(s.out, []log.TopicDescription{d})
	}
	configs := d.Config.String()
	if configs != "" {
		configs = ", " + configs
	}
	_, err = fmt.Fprintf(s.err, "%s: %s, %s%s\n", d.Name, what, count(len(d.Partitions), "partition"), configs)
	return err
}

func newTopicAlterCommand(s streams, at *location) *cobra.Command {
	var output outputFlag
	var partitions int32
	var configs, defaults []string
	cmd := &cobra.Command{
		Use:   "alter TOPIC",
		Short: "Change configs of a topic, or give it more partitions",
		Long: `Change configs of a topic, or give it more partitions. Records stay where they
are, so with more partitions a key may go to another one than before.

  freshet topic alter orders --config retention.ms=86400000 --default segment.ms
  freshet topic alter orders --partitions 8`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := parseConfigs(configs)
			if err != nil {
				return err
			}
			grow := cmd.Flags().Changed("partitions")
			if !grow && len(set)+len(defaults) == 0 {
				return usageError(errors.New("nothing to alter: want --config, --default or --partitions"))
			}
			return at.writing(func(b *log.Broker) error {
				d, err := at.describe(b, args[0])
				if err == nil && len(set)+len(defaults) > 0 {
					d, err = b.AlterTopic(args[0], set, defaults...)
				}
				if err == nil && grow {
					d, err = b.AddPartitions(args[0], partitions)
				}
				return told(s, output, "altered", d, err)
			})
		},
		ValidArgsFunction: at.completeTopics,
	}
	output.add(cmd)
	cmd.Flags().Int32VarP(&partitions, "partitions", "p", 0, "`number` of partitions, more than there are")
	cmd.Flags().StringArrayVar(&defaults, "default", nil, "give the config `NAME` its default again; may be repeated")
	addConfigs(cmd, &configs)
	return cmd
}

func newTopicDeleteCommand(s streams, at *location) *cobra.Command {
	var yes consent
	cmd := &cobra.Command{
		Use:   "delete TOPIC...",
		Short: "Delete topics, their records and the offsets committed for them",
		Args:  arguments(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, names []string) error {
			return at.writing(func(b *log.Broker) error {
				topics, err := at.named(b, names)
				if err != nil {
					return err
				}
				var records log.Offset
				for _, d := range topics {
					for _, p := range d.Partitions {
						records += p.End - p.Start
					}
				}
				if err := yes.ask(s, fmt.Sprintf("delete %s with %s", strings.Join(names, ", "), count(int(records), "record"))); err != nil {
					return err
				}
				for _, name := range names {
					if err := b.DeleteTopic(name); err != nil {
						return err
					}
					if _, err := fmt.Fprintf(s.err, "%s: deleted\n", name); err != nil {
						return err
					}
				}
				return nil
			})
		},
		ValidArgsFunction: at.completeTopics,
	}
	yes.add(cmd)
	return cmd
}
