package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/freshet/freshet/internal/term"
	"github.com/freshet/freshet/log"
	"github.com/spf13/cobra"
)

func newLogBackupCommand(s streams, at *location) *cobra.Command {
	var output outputFlag
	var o log.BackupOptions
	cmd := &cobra.Command{
		Use:   "backup TARGET",
		Short: "Copy the log while it is in use",
		Long: `Copy the log to the directory TARGET, which must be empty or not there, while it
is in use. The copy holds a prefix of the commits, each of them whole, and is a
log of its own: to restore it, stop the program and give it the copy, or a copy
of that, as its data directory. Stores of a program are not copied; they come
back from their changelogs.

Every batch in the copy is read and verified before it passes for a log.

  freshet log backup /backups/monday --data-dir DIR
  freshet log verify --data-dir /backups/monday`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.BytesPerSecond < 0 {
				return usageError(fmt.Errorf("--bytes-per-second is %d, want 0 or more", o.BytesPerSecond))
			}
			if err := emptyTarget(args[0]); err != nil {
				return err
			}
			o.Progress = backupProgress(s)
			return at.reading(func(b *log.Broker) error {
				r, err := b.Backup(cmd.Context(), args[0], o)
				if err != nil {
					return err
				}
				return printBackup(s, output, args[0], r)
			})
		},
	}
	output.add(cmd)
	cmd.Flags().Int64Var(&o.BytesPerSecond, "bytes-per-second", 0, "copy at most so many `bytes` a second; 0 is no limit")
	return cmd
}

// emptyTarget refuses a target before the log is opened.
func emptyTarget(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty, it has %s (take a new directory)", dir, entries[0].Name())
	}
	return err
}

// backupProgress draws a bar where there is a terminal.
func backupProgress(s streams) func(log.BackupProgress) {
	f, ok := s.err.(*os.File)
	if !ok || !term.Detect(f).Redraw {
		return nil
	}
	const barWidth, interval = 30, 100 * time.Millisecond
	live, began, last := term.NewLive(f), time.Now(), time.Time{}
	return func(p log.BackupProgress) {
		now := time.Now()
		if now.Sub(last) < interval && p.CopiedBytes < p.TotalBytes {
			return
		}
		last = now
		line := term.Progress{Done: p.CopiedBytes, Total: p.TotalBytes, Elapsed: now.Sub(began)}.Line(barWidth)
		_ = live.Draw(line + "  " + term.Bytes(p.CopiedBytes) + "\n") // a bar that cannot be drawn stops no backup
	}
}

type backupJSON struct {
	Kind       string `json:"kind"`
	Version    int    `json:"version"`
	Dir        string `json:"dir"`
	Topics     int    `json:"topics"`
	Partitions int    `json:"partitions"`
	Segments   int    `json:"segments"`
	Records    int64  `json:"records"`
	Bytes      int64  `json:"copiedBytes"`
	Commits    int    `json:"replayedCommits"`
}

func printBackup(s streams, output outputFlag, dir string, r log.BackupReport) error {
	if output.json() {
		return printJSON(s.out, backupJSON{"Backup", 1, dir, r.Topics, r.Partitions, r.Segments, r.Records, r.CopiedBytes, r.Commits})
	}
	_, err := fmt.Fprintf(s.err, "%s: %s, %s, %s, %s; %s copied and verified\n", dir, count(r.Topics, "topic"),
		count(r.Partitions, "partition"), count(r.Segments, "segment"), count(int(r.Records), "record"), term.Bytes(r.CopiedBytes))
	return err
}
