package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/term"
)

// tellRestored says, once, what a run that goes on has found.
func (v *view) tellRestored(s sample) {
	if v.told || !v.job.resumed || s.tasks < int(v.job.partitions) {
		return
	}
	v.told = true
	fmt.Fprintln(v.out, v.job.restored(s))
}

// restored tells how the state came back: what was behind the databases, read
// from the changelog.
func (j *job) restored(s sample) string {
	r := s.counts
	took := term.Duration(r.RestoreTime)
	if r.RestoredRecords == 0 {
		return fmt.Sprintf("%s goes on: 0 records to restore (0 B), state opened in %s", j.dataDir, took)
	}
	return fmt.Sprintf("%s goes on: restored %s records (%s) in %s, %s", j.dataDir, term.Count(r.RestoredRecords), term.Bytes(r.RestoredBytes),
		took, term.Rate(float64(r.RestoredRecords)/r.RestoreTime.Seconds()))
}

// done shows the final counts and what to do next.
func (v *view) done() {
	s := v.take(time.Now())
	if v.live != nil {
		v.draw(v.frame(s))
		fmt.Fprintln(v.out)
	}
	v.tellRestored(s)
	if v.live == nil && len(s.top) > 0 {
		var top []string
		for _, w := range s.top {
			top = append(top, printable(w.word)+" "+term.Count(w.count))
		}
		fmt.Fprintf(v.out, "top: %s\n", strings.Join(top, ", "))
	}
	fmt.Fprintf(v.out, "counted %s; in all %s words, %s different\n", v.thisRun(s), term.Count(s.words), term.Count(s.different))
	fmt.Fprintln(v.out, v.next())
}

// interrupted sums up a run that a signal ended.
func (v *view) interrupted() {
	s := v.take(time.Now())
	out := "interrupted: counted " + v.thisRun(s)
	if v.job.dataDir != "" {
		out += "; all of it is kept, the same command goes on from there"
	}
	fmt.Fprintln(v.out, out)
}

// thisRun says what was done since the program started.
func (v *view) thisRun(s sample) string {
	took := s.at.Sub(v.job.began)
	text := fmt.Sprintf("%s words of %s lines in %s, %s", term.Count(s.counts.Records), term.Count(s.lines.Records),
		term.Duration(took), term.Rate(float64(s.counts.Records)/took.Seconds()))
	if !v.job.stdin {
		text += fmt.Sprintf(", from %s files with %s", term.Count(s.input.FilesTotal), term.Bytes(s.input.BytesTotal))
	}
	return text
}

// next says where to look.
func (v *view) next() string {
	if v.job.dataDir == "" {
		return "next: add --data-dir wc to keep the log and the counts, and run it twice"
	}
	return fmt.Sprintf("next: go run ./cmd/freshet topic list --data-dir %s", shellWord(v.job.dataDir))
}

// shellWord quotes a word where a shell would not take it as it is.
func shellWord(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:", r)
	}
	if strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
