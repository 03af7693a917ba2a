package main

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/freshet/freshet/internal/verify"
	"github.com/freshet/freshet/log"
	"github.com/spf13/cobra"
)

func newLogCommand(s streams, at *location) *cobra.Command {
	cmd := newGroup("log", "Dump, verify, measure, back up and repair the files of a log")
	cmd.AddCommand(newLogDumpCommand(s, at), newLogVerifyCommand(s, at), newLogStatsCommand(s, at), newLogBackupCommand(s, at), newLogRepairCommand(s, at))
	return cmd
}

func newLogDumpCommand(s streams, at *location) *cobra.Command {
	var cfg log.DumpConfig
	cmd := &cobra.Command{
		Use:   "dump [TOPIC...]",
		Short: "Print the checkpoint, the journal and the segments",
		Long: `Print the checkpoint, the journal and the segments as the log itself reads
them, of these topics or of all. The formats are described in docs/format.`,
		RunE: func(_ *cobra.Command, topics []string) error {
			cfg.Topics = topics
			w := bufio.NewWriter(s.out)
			err := log.Dump(w, at.dir, cfg)
			if flushErr := w.Flush(); err == nil {
				err = flushErr
			}
			return err
		},
		ValidArgsFunction: at.completeTopics,
	}
	f := cmd.Flags()
	f.BoolVar(&cfg.Journal, "journal", false, "the journal, and no segments")
	f.BoolVar(&cfg.Segments, "segments", false, "the segments, and no journal")
	f.BoolVar(&cfg.Records, "records", false, "each record too")
	return cmd
}

func newLogVerifyCommand(s streams, at *location) *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Read everything and say what is wrong",
		Long: `Read checkpoint, journal, segments and indexes, with a reader that shares no
code with the log, and say what is wrong with them. Nothing is changed, and the
owner of the log may be running.

A problem means damage, and exit code 5. A note is what a crash may leave and
opening the log clears: the torn end of the journal, a short index.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			r, err := verifyDirectory(at.dir)
			switch {
			case errors.Is(err, verify.ErrNotALog), errors.Is(err, fs.ErrNotExist):
				return fmt.Errorf("verify %s: %w (say where it is with --data-dir)", at.dir, log.ErrNotALog)
			case err != nil:
				return fmt.Errorf("verify %s: %w", at.dir, err)
			}
			if output.json() {
				err = printJSON(s.out, reportJSON(at.dir, r))
			} else {
				err = printReport(s, at.dir, r)
			}
			if err == nil && !r.OK() {
				err = fmt.Errorf("verify %s: %w: %s (put damaged files back from a backup)",
					at.dir, errVerify, count(len(r.Problems)+r.MoreProblems, "problem"))
			}
			return err
		},
	}
	output.add(cmd)
	return cmd
}

// verifyDirectory opens files as [os.Root] does: on Windows others can still
// delete them.
func verifyDirectory(dir string) (*verify.Report, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	r, err := verify.Directory(root.FS(), verify.Options{Boot: bootID()})
	return r, errors.Join(err, root.Close())
}

// bootID names this boot of the machine, zero where the system does not tell.
func bootID() (boot [16]byte) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return boot
	}
	b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))
	if err != nil || len(b) != len(boot) {
		return [16]byte{}
	}
	return [16]byte(b)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func printReport(s streams, dir string, r *verify.Report) error {
	w := bufio.NewWriter(s.out)
	list := func(kind string, findings []verify.Finding, more int) {
		for _, f := range findings {
			fmt.Fprintf(w, "%s: %s\n", kind, f)
		}
		if more > 0 {
			fmt.Fprintf(w, "%s: and %d more\n", kind, more)
		}
	}
	list("problem", r.Problems, r.MoreProblems)
	list("note", r.Notes, r.MoreNotes)
	verdict := "ok"
	if !r.OK() {
		verdict = "damaged"
	}
	fmt.Fprintf(w, "%s: %s: %s, %s, %s of %d bytes, %s, %s; %s in the journal\n", dir, verdict,
		count(r.Topics, "topic"), count(r.Partitions, "partition"), count(r.Segments, "segment"), r.Bytes,
		countBatches(r.Batches), count(int(r.Records), "record"), count(int(r.Commits), "commit"))
	return w.Flush()
}

func countBatches(n int64) string {
	if n == 1 {
		return "1 batch"
	}
	return fmt.Sprintf("%d batches", n)
}

type verifyJSON struct {
	Kind       string        `json:"kind"`
	Version    int           `json:"version"`
	Dir        string        `json:"dir"`
	OK         bool          `json:"ok"`
	Problems   []findingJSON `json:"problems"`
	Notes      []findingJSON `json:"notes"`
	Omitted    int           `json:"omitted"` // findings past those listed
	Topics     int           `json:"topics"`
	Partitions int           `json:"partitions"`
	Segments   int           `json:"segments"`
	Bytes      int64         `json:"bytes"`
	Batches    int64         `json:"batches"`
	Records    int64         `json:"records"`
	Commits    int64         `json:"commits"`
}

type findingJSON struct {
	Path string `json:"path"`
	Byte int64  `json:"byte"`
	Text string `json:"text"`
}

func reportJSON(dir string, r *verify.Report) verifyJSON {
	list := func(findings []verify.Finding) []findingJSON {
		out := []findingJSON{}
		for _, f := range findings {
			out = append(out, findingJSON{f.Path, f.Pos, f.Text})
		}
		return out
	}
	return verifyJSON{"VerifyReport", 1, dir, r.OK(), list(r.Problems), list(r.Notes), r.MoreProblems + r.MoreNotes,
		r.Topics, r.Partitions, r.Segments, r.Bytes, r.Batches, r.Records, r.Commits}
}
