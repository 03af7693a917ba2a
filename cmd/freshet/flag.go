package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// A choice is a flag that takes one of a few words.
type choice struct {
	value string
	from  []string
}

func newChoice(from ...string) *choice { return &choice{from[0], from} }

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.from, "|") }

func (c *choice) Set(s string) error {
	for _, f := range c.from {
		if s == f {
			c.value = s
			return nil
		}
	}
	return fmt.Errorf("want one of %s", strings.Join(c.from, ", "))
}

func (c *choice) complete(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return c.from, cobra.ShellCompDirectiveNoFileComp
}

// addChoice adds a flag with a choice, the first being the default.
func addChoice(cmd *cobra.Command, c *choice, name, short, usage string) {
	cmd.Flags().VarP(c, name, short, usage)
	if err := cmd.RegisterFlagCompletionFunc(name, c.complete); err != nil {
		panic(err) // only for a flag that does not exist
	}
}

// An outputFlag is --output, of commands that print lists.
type outputFlag struct{ choice *choice }

func (o *outputFlag) add(cmd *cobra.Command) {
	o.choice = newChoice("text", "json")
	addChoice(cmd, o.choice, "output", "O", "form of the output")
}

func (o *outputFlag) json() bool { return o.choice.value == "json" }
