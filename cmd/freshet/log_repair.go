package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/freshet/freshet/log"
	"github.com/spf13/cobra"
)

func newLogRepairCommand(s streams, at *location) *cobra.Command {
	var output outputFlag
	var o log.RepairOptions
	cmd := &cobra.Command{
		Use:   "repair",
		Short: "Make a damaged log open again, by giving up what cannot be read",
		Long: `Make a damaged log open again, by giving up what cannot be read. Without --yes
nothing is changed: it says what would be lost, with exit code 5 if that is
anything. Restore a backup if there is one.

A partition ends at its first damaged batch; with --skip only the damaged
batches go, and their offsets stay empty. The journal is cut at its first bad
record. The files as they were are kept in repaired-TIME in the directory of the
log. A lost or damaged CHECKPOINT cannot be made again.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			r, err := log.Repair(at.dir, o)
			switch {
			case errors.Is(err, log.ErrNotALog), errors.Is(err, fs.ErrNotExist):
				return fmt.Errorf("%w (say where it is with --data-dir)", err)
			case err != nil:
				return err
			}
			if output.json() {
				err = printRepairJSON(s, at.dir, &r)
			} else {
				err = printRepair(s, at.dir, &r)
			}
			if err == nil && !r.OK() && !r.Applied {
				err = fmt.Errorf("repair %s: %w: the log is damaged (restore a backup, or say --yes to give the above up)", at.dir, errVerify)
			}
			return err
		},
	}
	output.add(cmd)
	cmd.Flags().BoolVarP(&o.Apply, "yes", "y", false, "do it")
	cmd.Flags().BoolVar(&o.Skip, "skip", false, "keep the batches behind damaged ones")
	return cmd
}

func printRepair(s streams, dir string, r *log.RepairReport) error {
	if _, err := fmt.Fprint(s.out, r); err != nil {
		return err
	}
	var err error
	switch {
	case r.OK():
		_, err = fmt.Fprintf(s.out, "%s: nothing to repair\n", dir)
	case r.Applied:
		_, err = fmt.Fprintf(s.err, "%s: repaired; the files as they were are in %s/%s\n", dir, dir, r.Kept)
	}
	return err
}

type repairJSON struct {
	Kind       string           `json:"kind"`
	Version    int              `json:"version"`
	Dir        string           `json:"dir"`
	OK         bool             `json:"ok"`
	Applied    bool             `json:"applied"`
	Kept       string           `json:"kept"`
	Partitions []lossJSON       `json:"partitions"`
	Journal    *journalLossJSON `json:"journal"`
	Offsets    []offsetMoveJSON `json:"offsets"`
}

type lossJSON struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	From      int64  `json:"from"`
	To        int64  `json:"to"` // the first that is not lost
	Path      string `json:"path"`
	Byte      int64  `json:"byte"`
	Reason    string `json:"reason"`
}

type journalLossJSON struct {
	Path    string          `json:"path"`
	Byte    int64           `json:"byte"`
	Reason  string          `json:"reason"`
	Commits int             `json:"keptCommits"`
	Records int             `json:"lostRecords"` // of the journal
	Lost    []lostRangeJSON `json:"lost"`
}

type lostRangeJSON struct {
	Partition string `json:"partition"`
	From      int64  `json:"from"`
	To        int64  `json:"to"`
}

type offsetMoveJSON struct {
	Group     string `json:"group"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	From      int64  `json:"from"`
	To        int64  `json:"to"`
}

func printRepairJSON(s streams, dir string, r *log.RepairReport) error {
	out := repairJSON{Kind: "Repair", Version: 1, Dir: dir, OK: r.OK(), Applied: r.Applied, Kept: r.Kept,
		Partitions: []lossJSON{}, Offsets: []offsetMoveJSON{}}
	for _, p := range r.Partitions {
		out.Partitions = append(out.Partitions, lossJSON{p.Topic, p.Partition, int64(p.From), int64(p.To), p.Path, p.Pos, p.Reason})
	}
	if j := r.Journal; j != nil {
		out.Journal = &journalLossJSON{j.Path, j.Pos, j.Reason, j.Commits, j.Records, []lostRangeJSON{}}
		for _, l := range j.Lost {
			out.Journal.Lost = append(out.Journal.Lost, lostRangeJSON{l.Partition, int64(l.From), int64(l.To)})
		}
	}
	for _, o := range r.Offsets {
		out.Offsets = append(out.Offsets, offsetMoveJSON{o.Group, o.Topic, o.Partition, int64(o.From), int64(o.To)})
	}
	return printJSON(s.out, out)
}
