package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/term"
	"github.com/freshet/freshet/log"
	"github.com/spf13/cobra"
)

// errDeclined ends a command whose plan the user did not want.
var errDeclined = errors.New("nothing was changed")

// writing runs f on the log, opened for writing. There must be one: nothing is
// made by mistyping a name.
func (at *location) writing(f func(b *log.Broker) error) error {
	if _, err := os.Stat(filepath.Join(at.dir, "CHECKPOINT")); errors.Is(err, fs.ErrNotExist) {
		if err := at.reading(func(*log.Broker) error { return nil }); err != nil {
			return err
		}
	}
	return at.owning(f)
}

// owning runs f on the log, which is made if there is none.
func (at *location) owning(f func(b *log.Broker) error) error {
	b, err := log.Open(at.dir, log.Config{})
	if errors.Is(err, log.ErrLocked) {
		return fmt.Errorf("%w, or do it from within it", err)
	}
	if err != nil {
		return err
	}
	return errors.Join(f(b), b.Close())
}

// A consent is --yes, of commands that destroy something.
type consent struct{ yes bool }

func (c *consent) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "do not ask")
}

// ask prints what is about to happen and returns nil if that is wanted.
func (c *consent) ask(s streams, plan string) error {
	if c.yes {
		return nil
	}
	in, ok := s.in.(*os.File)
	if !ok || !term.IsTerminal(in) {
		return usageError(fmt.Errorf("%s: say --yes to do it", plan))
	}
	if _, err := fmt.Fprintf(s.err, "%s? [y/N] ", plan); err != nil {
		return err
	}
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil || !strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y") {
		return errDeclined
	}
	return nil
}

// parseTime reads a moment: RFC 3339, a date, milliseconds since the epoch, or
// a duration before now, such as -1h30m.
func parseTime(flag, s string, now time.Time) (time.Time, error) {
	if ago, ok := strings.CutPrefix(s, "-"); ok {
		if d, err := time.ParseDuration(ago); err == nil {
			return now.Add(-d), nil
		}
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil && ms >= 0 {
		return time.UnixMilli(ms), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usageError(fmt.Errorf("--%s %q: want a time such as 2026-11-22T10:00:00Z, a date, milliseconds since 1970, or -1h for an hour ago", flag, s))
}
