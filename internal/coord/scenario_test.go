package coord

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the scenarios say now into their files")

// A scenario is lines of text. A line that begins with a space is what the
// lines before it led to; # begins a comment. The verbs are those of the machine
// that it runs on, and
//
//	at 10s    lets time pass until then, ticking whenever something is due
//	fresh …   begins anew, with a configuration
type scenario struct {
	t       *testing.T
	machine machine
	fresh   func(*command) machine
	now     time.Time
	out     []string
}

// A machine runs the verbs of one kind of scenario.
type machine interface {
	run(now time.Time, c *command) []string
	nextDeadline() (time.Time, bool)
	tick(now time.Time) []string
}

// A command is a line of a scenario: verb, words, and name=value pairs.
type command struct {
	t     *testing.T
	verb  string
	words []string
	pairs map[string]string
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func parseCommand(t *testing.T, line string) *command {
	c := &command{t: t, pairs: map[string]string{}}
	for i, f := range strings.Fields(line) {
		if name, value, ok := strings.Cut(f, "="); ok {
			c.pairs[name] = value
		} else if i == 0 {
			c.verb = f
		} else {
			c.words = append(c.words, f)
		}
	}
	return c
}

// word takes the next word; it is an error if there is none.
func (c *command) word() string {
	if len(c.words) == 0 {
		c.t.Fatalf("%s: a word is missing", c.verb)
	}
	w := c.words[0]
	c.words = c.words[1:]
	return w
}

// has takes a word that is a flag.
func (c *command) has(flag string) bool {
	for i, w := range c.words {
		if w == flag {
			c.words = append(c.words[:i:i], c.words[i+1:]...)
			return true
		}
	}
	return false
}

// text takes the value of a pair.
func (c *command) text(name, missing string) string {
	v, ok := c.pairs[name]
	delete(c.pairs, name)
	if !ok {
		return missing
	}
	return v
}

func (c *command) number(name string, missing int64) int64 {
	v := c.text(name, strconv.FormatInt(missing, 10))
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		c.t.Fatalf("%s: %s=%s is not a number", c.verb, name, v)
	}
	return n
}

func (c *command) duration(name string, missing time.Duration) time.Duration {
	v := c.text(name, missing.String())
	d, err := time.ParseDuration(v)
	if err != nil {
		c.t.Fatalf("%s: %s=%s is not a duration", c.verb, name, v)
	}
	return d
}

func (c *command) list(name string) []string {
	v := c.text(name, "")
	if v == "" {
		return nil
	}
	return strings.Split(v, ",")
}

func (c *command) done() {
	if len(c.words) > 0 || len(c.pairs) > 0 {
		c.t.Fatalf("%s: what is %v %v?", c.verb, c.words, c.pairs)
	}
}

func (s *scenario) line(line string) {
	if strings.HasPrefix(line, " ") {
		return // what it led to is written again
	}
	s.out = append(s.out, line)
	text, _, _ := strings.Cut(line, "#")
	if strings.TrimSpace(text) == "" {
		return
	}
	var said []string
	switch c := parseCommand(s.t, text); c.verb {
	case "at":
		d, err := time.ParseDuration(c.word())
		if err != nil {
			s.t.Fatal(err)
		}
		c.done()
		said = s.passTo(epoch.Add(d))
	case "fresh":
		s.machine, s.now = s.fresh(c), epoch
		c.done()
	default:
		said = s.machine.run(s.now, c)
		c.done()
	}
	for _, l := range said {
		s.out = append(s.out, "  "+l)
	}
}

func (s *scenario) passTo(end time.Time) []string {
	if end.Before(s.now) {
		s.t.Fatalf("time goes back to %s", end.Sub(epoch))
	}
	var said []string
	for {
		at, ok := s.machine.nextDeadline()
		if !ok || at.After(end) {
			break
		}
		s.now = at
		for _, l := range s.machine.tick(at) {
			said = append(said, fmt.Sprintf("%s: %s", at.Sub(epoch), l))
		}
		if next, ok := s.machine.nextDeadline(); ok && !next.After(at) {
			s.t.Fatalf("at %s, a tick left something due at %s", at.Sub(epoch), next.Sub(epoch))
		}
	}
	s.now = end
	return said
}

func runScenarios(t *testing.T, dir string, fresh func(*command) machine) {
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("scenarios: %d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.ReplaceAll(string(text), "\r\n", "\n")
			s := &scenario{t: t, fresh: fresh, now: epoch}
			s.machine = fresh(parseCommand(t, "fresh"))
			for line := range strings.Lines(want) {
				s.line(strings.TrimRight(line, "\n"))
			}
			got := strings.Join(s.out, "\n") + "\n"
			if *update && got != want {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
}
