package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/term"
	"github.com/freshet/freshet/log/files"
	"github.com/freshet/freshet/processor"
)

const (
	frameInterval = 250 * time.Millisecond // as fast as people read
	lineInterval  = time.Second            // where lines pile up
	rateWindow    = time.Second            // that rates are taken over
)

// Widths of the view, in cells.
const (
	wordWidth  = 14
	barWidth   = 28
	countWidth = 11
	inputWidth = 40
)

// The subtopologies of the topology, in the order of their sources.
const (
	splitting = 0
	counting  = 1
)

// A view shows a job while it runs: a block that is redrawn on a terminal, a
// line a second elsewhere. One goroutine owns it.
type view struct {
	job     *job
	out     io.Writer
	live    *term.Live // nil off a terminal
	palette term.Palette
	samples []sample // of the last rateWindow, oldest first
	told    bool     // what was restored
}

// A sample is what the view knows at a moment.
type sample struct {
	at time.Time
	standing
	input  files.Progress
	lines  processor.TaskMetrics // splitting
	counts processor.TaskMetrics // counting
	tasks  int                   // that have begun to count
}

func newView(j *job) *view {
	v := &view{job: j, out: j.stderr}
	if ability := term.Detect(j.stderr); ability.Redraw {
		v.live = term.NewLive(j.stderr)
		v.palette = ability.Palette()
	}
	v.samples = []sample{{at: j.began}}
	return v
}

// run shows the job until ctx ends.
func (v *view) run(ctx context.Context) {
	interval := lineInterval
	if v.live != nil {
		interval = frameInterval
	}
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticks.C:
			v.show(now)
		}
	}
}

func (v *view) show(now time.Time) {
	s := v.take(now)
	if v.live == nil {
		v.tellRestored(s)
		fmt.Fprintln(v.out, v.line(s))
		return
	}
	v.draw(v.frame(s))
}

// draw goes on without a view where the terminal is gone: what counts is the
// counting.
func (v *view) draw(frame string) {
	if err := v.live.Draw(frame); err != nil {
		v.live, v.out = nil, io.Discard
	}
}

// take adds a sample and drops those that are older than the window, but for
// one to compare with.
func (v *view) take(now time.Time) sample {
	m := v.job.words.app.Metrics()
	s := sample{
		at: now, standing: v.job.table.standing(), input: v.job.words.source.Progress(),
		lines: m.Total(splitting), counts: m.Total(counting),
	}
	for _, t := range m.Tasks {
		if t.Task.Subtopology == counting && t.RestoreTime > 0 {
			s.tasks++
		}
	}
	v.samples = append(v.samples, s)
	for len(v.samples) > 2 && now.Sub(v.samples[1].at) >= rateWindow {
		v.samples = v.samples[1:]
	}
	return s
}

// rate is how fast something grew within the window.
func (v *view) rate(s sample, of func(sample) int64) float64 {
	first := v.samples[0]
	return float64(of(s)-of(first)) / s.at.Sub(first.at).Seconds()
}

// line is the view off a terminal.
func (v *view) line(s sample) string {
	parts := []string{
		counted(s.words, "word"),
		term.Rate(v.rate(s, func(s sample) int64 { return s.counts.Records })),
		"lag " + v.lag(s),
		"commits " + term.Count(s.commits()),
		v.inputDone(s),
	}
	if len(s.top) > 0 {
		parts = append(parts, s.topLine(3))
	}
	return fmt.Sprintf("%5.1f s  %s", s.at.Sub(v.job.began).Seconds(), strings.Join(parts, "  "))
}

// lag is unknown until the state is open: with it comes how far the input was
// read.
func (v *view) lag(s sample) string {
	if v.job.resumed && !v.restoredAll(s) {
		return "– (opening the state)"
	}
	return term.Count(s.lines.Lag + s.counts.Lag)
}

// commits counts those of the input and of the topology.
func (s sample) commits() int64 {
	return s.input.Commits + s.lines.Commits + s.counts.Commits
}

func (v *view) inputDone(s sample) string {
	if v.job.stdin {
		return fmt.Sprintf("input %s", term.Bytes(s.input.BytesDone))
	}
	progress := term.Progress{Done: s.input.BytesDone, Total: s.input.BytesTotal}
	return fmt.Sprintf("input %d %% of %s", int(progress.Fraction()*100), term.Bytes(s.input.BytesTotal))
}

// frame is the view on a terminal.
func (v *view) frame(s sample) string {
	var b strings.Builder
	v.head(&b, s)
	var most int64 = 1
	if len(s.top) > 0 {
		most = s.top[0].count
	}
	before := map[string]int64{}
	for _, w := range v.samples[0].top {
		before[w.word] = w.count
	}
	seconds := s.at.Sub(v.samples[0].at).Seconds()
	for i := range topWords {
		if i >= len(s.top) {
			b.WriteByte('\n')
			continue
		}
		w := s.top[i]
		bar := term.Left(term.Bar(float64(w.count)/float64(most), barWidth), barWidth)
		fmt.Fprintf(&b, "  %s %s %s", term.Left(printable(w.word), wordWidth), v.palette.Accent(bar), term.Right(term.Count(w.count), countWidth))
		if n, known := before[w.word]; known && w.count > n {
			b.WriteString(v.palette.Faint("   +" + term.Rate(float64(w.count-n)/seconds)))
		}
		b.WriteByte('\n')
	}
	v.foot(&b, s)
	return b.String()
}

// head is the title and the topology, with what flows through it.
func (v *view) head(b *strings.Builder, s sample) {
	where := v.job.dataDir
	if where == "" {
		where = "temporary directory"
	}
	fmt.Fprintf(b, "%s   embedded log in %s   %d partitions   exactly once   %s\n\n", v.palette.Bold("wordcount"),
		printable(where), v.job.partitions, v.palette.Faint("Ctrl-C stops"))
	lines := term.Rate(v.rate(s, func(s sample) int64 { return s.lines.Records }))
	words := term.Rate(v.rate(s, func(s sample) int64 { return s.counts.Records }))
	b.WriteString("  lines    ─▶ [split] ─▶ (by word) ─▶ [count] ─▶ counts\n")
	b.WriteString(v.palette.Faint(fmt.Sprintf("  %s %s %s", term.Left(lines, 22), term.Left(words, 23), term.Count(s.different)+" words")))
	b.WriteString("\n\n")
}

func (v *view) foot(b *strings.Builder, s sample) {
	b.WriteByte('\n')
	if v.restoredAll(s) {
		fmt.Fprintf(b, "  %s\n", v.palette.Faint(v.job.restored(s)))
	}
	fmt.Fprintf(b, "  words %s   %s   lag %s   commits %s\n", v.palette.Bold(term.Count(s.words)),
		term.Rate(v.rate(s, func(s sample) int64 { return s.counts.Records })),
		v.lag(s), term.Count(s.commits()))
	if v.job.stdin {
		fmt.Fprintf(b, "  input %s, Ctrl-D ends it\n", term.Bytes(s.input.BytesDone))
		return
	}
	progress := term.Progress{Done: s.input.BytesDone, Total: s.input.BytesTotal, Began: s.input.BytesBefore, Elapsed: s.at.Sub(v.job.began)}
	fmt.Fprintf(b, "  input %s   file %s of %s\n", progress.Line(inputWidth), term.Count(s.input.FilesDone), term.Count(s.input.FilesTotal))
}

// printable keeps what a text holds from commanding the terminal.
func printable(word string) string {
	const longest = 40 // bytes are looked at, of words that may have a megabyte
	if len(word) > longest {
		word = word[:longest] + "…"
	}
	return term.Printable(word)
}
