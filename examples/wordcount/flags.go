package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/log/files"
	"github.com/spf13/pflag"
)

const usage = `Wordcount counts the words of files and shows the counts as they grow.

  wordcount [flags]            the sources of Go's standard library
  wordcount [flags] FILE...    files
  wordcount [flags] -          standard input, as it arrives

A word is what stands between white space, in lower case. The view goes to
standard error. With --format tsv the final counts follow on standard output,
the most frequent word first; nothing does if the counting is interrupted.

With --data-dir the counts stay. The next run adds what is new in its files: a
file, known by its absolute path, is read from where it was left, and one that
was read to its end adds nothing. What comes from standard input is new each time.

Flags:
`

// Formats of the final counts.
const (
	formatView = "view"
	formatTSV  = "tsv"
)

const (
	defaultPartitions = 4
	// defaultMaxLine is enough for all lines that people wrote and most that
	// programs did; one in the standard library has 1.4 MB.
	defaultMaxLine = 16 << 20
	// mostPartitions is the log's own bound.
	mostPartitions = 10_000
)

// readLines is how files are read, but for what the command line says. Tests
// make it slow.
var readLines files.Config

// options are what the command line says.
type options struct {
	paths         []string // none: the standard library
	stdin         bool
	format        string
	partitions    int32
	partitionsSet bool
	dataDir       string // "" is a temporary one
	durability    log.Durability
	lines         files.Config
}

// parse reads the command line. It returns pflag.ErrHelp, having written to
// stdout, where help was asked for.
func parse(args []string, stdout io.Writer) (options, error) {
	o := options{lines: readLines}
	var durability string
	f := pflag.NewFlagSet("wordcount", pflag.ContinueOnError)
	f.SortFlags = false
	f.Usage = func() { fmt.Fprint(stdout, usage, f.FlagUsages()) }
	f.StringVar(&o.format, "format", formatView, "`FORMAT` of the result: view shows the counts, tsv also prints them at the end")
	f.StringVar(&o.dataDir, "data-dir", "", "`DIR` keeps log and state (default: a temporary one, removed at the end)")
	f.Int32Var(&o.partitions, "partitions", defaultPartitions, "`N` partitions of each topic; a kept directory stays with its number")
	f.StringVar(&durability, "durability", log.Sync.String(), "`MODE` of commits, sync, interval or os: when one counts as done")
	f.IntVar(&o.lines.MaxLineBytes, "max-line", defaultMaxLine, "`BYTES` that a line may have")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.paths, o.partitionsSet = f.Args(), f.Changed("partitions")
	if o.stdin = slices.Contains(o.paths, "-"); o.stdin && len(o.paths) > 1 {
		return o, errors.New("give files, or - alone for standard input")
	}
	var err error
	if o.durability, err = log.ParseDurability(durability); err != nil {
		return o, fmt.Errorf("--durability: %w", err)
	}
	return o, o.check(f.Changed("data-dir"))
}

func (o *options) check(dataDirSet bool) error {
	var errs []string
	if o.format != formatView && o.format != formatTSV {
		errs = append(errs, fmt.Sprintf("--format %q is none of view, tsv", o.format))
	}
	if o.partitions < 1 || o.partitions > mostPartitions {
		errs = append(errs, fmt.Sprintf("--partitions %d, want 1 to %d", o.partitions, mostPartitions))
	}
	if o.lines.MaxLineBytes < 1 || o.lines.MaxLineBytes > files.LargestMaxLineBytes {
		errs = append(errs, fmt.Sprintf("--max-line %d, want 1 to %d", o.lines.MaxLineBytes, files.LargestMaxLineBytes))
	}
	if dataDirSet && o.dataDir == "" {
		errs = append(errs, "--data-dir is empty")
	}
	if len(errs) > 0 {
		return errors.New(strings.Join(errs, "; "))
	}
	return nil
}
