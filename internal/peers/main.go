package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
)

const usage = `usage: go run . log [flags]

  log    append records to the log of Freshet and to others, and read them back

go run . log --help lists the flags.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run does what the arguments say and returns the exit code: 0, 1 when
// something failed, 2 when the arguments are wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 || args[0] != "log" {
		fmt.Fprint(stderr, usage)
		return 2
	}
	c, output, err := parse(args[1:], stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, err)
		return 2
	}
	r, err := c.log(ctx)
	if err == nil && output == "json" {
		err = r.writeJSON(stdout)
	} else if err == nil {
		err = r.writeText(stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// parse reads the flags of log.
func parse(args []string, stderr io.Writer) (c config, output string, err error) {
	f := flag.NewFlagSet("log", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&output, "output", "text", "text or json")
	f.StringVar(&c.dir, "dir", "", "where to make the directories that are measured in (default the system's)")
	f.IntVar(&c.rounds, "rounds", 5, "how often everything is measured, after once that is not counted")
	f.IntVar(&c.valueBytes, "value-bytes", 100, "size of a record's value")
	f.Float64Var(&c.scale, "scale", 1, "multiplies the number of records; below 1 is quick and says little")
	modes := f.String("durability", "sync,os", "sync: survives the machine, os: page cache")
	batches := f.String("batch", "1,100,1000", "records in a batch, each at most 1000")
	names := f.String("systems", "", "which, by the names in the report, freshet is always there (default all)")
	quiet := f.Bool("quiet", false, "do not tell what is being measured")
	if err := f.Parse(args); err != nil {
		return c, output, err
	}
	c.progress = func(line string) { fmt.Fprintln(stderr, line) }
	if *quiet {
		c.progress = func(string) {}
	}
	return c, output, errors.Join(c.check(output, f.Args()), c.choose(*modes, *batches, *names))
}

func (c *config) check(output string, rest []string) error {
	var errs []error
	if len(rest) > 0 {
		errs = append(errs, fmt.Errorf("do not know %q (log takes flags only)", rest))
	}
	if output != "text" && output != "json" {
		errs = append(errs, fmt.Errorf("--output %s: want text or json", output))
	}
	const mostBytes = 1000 // a batch of 1000 has to fit into one batch of every system
	if c.rounds < 1 || c.valueBytes < 1 || c.valueBytes > mostBytes || !(c.scale > 0) {
		errs = append(errs, fmt.Errorf("--rounds, --value-bytes (at most %d) and --scale must be positive", mostBytes))
	}
	return errors.Join(errs...)
}

// choose sets what lists name.
func (c *config) choose(modes, batches, names string) error {
	for _, m := range strings.Split(modes, ",") {
		if mode(m) != modeSync && mode(m) != modeOS {
			return fmt.Errorf("--durability %s: want sync, os or both", modes)
		}
		c.modes = append(c.modes, mode(m))
	}
	const mostRecords = 1000 // in a batch: NATS takes no more in an atomic one
	for _, b := range strings.Split(batches, ",") {
		n, err := strconv.Atoi(b)
		if err != nil || n < 1 || n > mostRecords {
			return fmt.Errorf("--batch %s: want numbers from 1 to %d", batches, mostRecords)
		}
		c.batches = append(c.batches, n)
	}
	chosen := strings.Split(names, ",")
	for _, s := range systems() {
		at := slices.Index(chosen, s.name)
		if at >= 0 {
			chosen = slices.Delete(chosen, at, at+1)
		}
		if at >= 0 || names == "" || s.name == freshetSystem().name {
			c.systems = append(c.systems, s)
		}
	}
	if names != "" && len(chosen) > 0 {
		return fmt.Errorf("--systems: do not know %q", chosen)
	}
	return nil
}

// directory is where temporary directories are made.
func (c config) directory() string {
	if c.dir != "" {
		return c.dir
	}
	return os.TempDir()
}
