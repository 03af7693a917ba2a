package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/freshet/freshet/log"
	"github.com/spf13/cobra"
)

const defaultDataDir = ".freshet"

// A location is where the log is, set by a persistent flag of the root.
type location struct{ dir string }

func newRootCommand(s streams) *cobra.Command {
	at := &location{}
	root := newGroup("freshet", "Look into and feed the embedded logs of Freshet programs")
	root.Long = `Freshet works on the data directory of a Freshet program. What only reads works
while that program runs; what changes something needs the directory for itself.

  freshet topic list --data-dir DIR
  freshet consume counts --from-beginning --data-dir DIR
  freshet log verify --data-dir DIR`
	if info, ok := debug.ReadBuildInfo(); ok {
		root.Version = info.Main.Version // that of the module, or of the commit
	}
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError(err) })
	root.PersistentFlags().StringVar(&at.dir, "data-dir", defaultDataDir, "`directory` of the log")
	root.AddCommand(
		newTopicCommand(s, at),
		newProduceCommand(s, at),
		newConsumeCommand(s, at),
		newGroupCommand(s, at),
		newTxnCommand(s, at),
		newLogCommand(s, at),
		newBenchCommand(s),
	)
	return root
}

// newGroup returns a command that only holds others.
func newGroup(name, short string) *cobra.Command {
	return &cobra.Command{
		Use:   name,
		Short: short,
		Args:  cobra.ArbitraryArgs, // so that RunE tells of a wrong one, with the right exit code
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			hint := ""
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				hint = ", did you mean " + strings.Join(near, " or ") + "?"
			}
			return usageError(fmt.Errorf("unknown command %q of %s%s", args[0], cmd.CommandPath(), hint))
		},
		SuggestionsMinimumDistance: 2,
	}
}

// arguments makes wrong numbers of arguments wrong usage.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError(fmt.Errorf("%w: want %s", err, cmd.UseLine()))
		}
		return nil
	}
}

// openReading opens the log for reading. The way out is in the error.
func (at *location) openReading(cfg log.Config) (*log.Broker, error) {
	b, err := log.OpenReadOnly(at.dir, cfg)
	if errors.Is(err, log.ErrNotALog) {
		return nil, fmt.Errorf("%w (say where it is with --data-dir)", err)
	}
	return b, err
}

// reading runs f on the log, opened for reading.
func (at *location) reading(f func(b *log.Broker) error) error {
	b, err := at.openReading(log.Config{})
	if err != nil {
		return err
	}
	return errors.Join(f(b), b.Close())
}

// maxNamed is how many topics an error lists before it gives up.
const maxNamed = 8

// describe is [log.Broker.Topic] with an error that says which topics there are.
func (at *location) describe(b *log.Broker, name string) (log.TopicDescription, error) {
	d, err := b.Topic(name)
	if !errors.Is(err, log.ErrUnknownTopic) {
		return d, err
	}
	var names []string
	for _, t := range b.Topics() {
		names = append(names, t.Name)
	}
	there := "there are none"
	switch n := len(names); {
	case n > maxNamed:
		there = fmt.Sprintf("there are %s and %d more", strings.Join(names[:maxNamed], ", "), n-maxNamed)
	case n > 0:
		there = "there are " + strings.Join(names, ", ")
	}
	return d, fmt.Errorf("no topic %q in %s (%s): %w", name, at.dir, there, log.ErrUnknownTopic)
}

// completeTopics offers the names of the topics to a shell.
func (at *location) completeTopics(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	var names []string
	err := at.reading(func(b *log.Broker) error {
		for _, t := range b.Topics() {
			if strings.HasPrefix(t.Name, prefix) && !slices.Contains(args, t.Name) {
				names = append(names, t.Name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// openFile opens an input file, which a directory is not.
func openFile(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory, want a file", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
