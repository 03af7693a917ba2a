package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/term"
)

// restoredAll reports whether a run that goes on has all its state again.
func (v *view) restoredAll(s sample) bool {
	return v.job.resumed && s.tasks >= int(v.job.partitions)
}

// tellRestored says, once, what a run that goes on has found.
func (v *view) tellRestored(s sample) {
	if v.told || !v.restoredAll(s) {
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
	return fmt.Sprintf("%s goes on: restored %s (%s) in %s, %s", j.dataDir, counted(r.RestoredRecords, "record"), term.Bytes(r.RestoredBytes),
		took, term.Rate(float64(r.RestoredRecords)/r.RestoreTime.Seconds()))
}

// done shows the final counts and what to do next.
func (v *view) done() {
	s := v.take(time.Now())
	if v.live != nil {
		v.draw(v.frame(s))
		fmt.Fprintln(v.out)
	} else {
		v.tellRestored(s)
		if len(s.top) > 0 {
			fmt.Fprintln(v.out, s.topLine(topWords))
		}
	}
	fmt.Fprintf(v.out, "counted %s; in all %s, %s different\n", v.thisRun(s), counted(s.words, "word"), term.Count(s.different))
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
	text := fmt.Sprintf("%s of %s in %s, %s", counted(s.counts.Records, "word"), counted(s.lines.Records, "line"),
		term.Duration(took), term.Rate(float64(s.counts.Records)/took.Seconds()))
	if !v.job.stdin {
		text += fmt.Sprintf(", from %s with %s", counted(s.input.FilesTotal, "file"), term.Bytes(s.input.BytesTotal))
	}
	return text
}

// counted puts a number before what it counts.
func counted(n int64, what string) string {
	if n != 1 {
		what += "s"
	}
	return term.Count(n) + " " + what
}

// topLine is the n most frequent words on a line.
func (s standing) topLine(n int) string {
	var top []string
	for _, w := range s.top[:min(n, len(s.top))] {
		top = append(top, printable(w.word)+" "+term.Count(w.count))
	}
	return "top: " + strings.Join(top, ", ")
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
