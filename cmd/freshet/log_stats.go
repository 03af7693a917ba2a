package main

import (
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/term"
	"github.com/freshet/freshet/log"
	"github.com/spf13/cobra"
)

func newLogStatsCommand(s streams, at *location) *cobra.Command {
	var output outputFlag
	var bytes bool
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Sizes, ages, and what opening the log would have to do",
		Long: `Sizes of the partitions and how much of them compaction has not seen, the times
of their oldest and newest records, the journal, and what opening the log would
replay. Works beside the owner of the log.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			return at.reading(func(b *log.Broker) error {
				stats, err := b.Stats()
				if err != nil {
					return err
				}
				if output.json() {
					return printStatsJSON(s, stats)
				}
				return printStats(s, stats, bytes)
			})
		},
	}
	output.add(cmd)
	cmd.Flags().BoolVar(&bytes, "bytes", false, "sizes in bytes, not in KiB and more")
	return cmd
}

func printStats(s streams, st log.Stats, inBytes bool) error {
	size := term.Bytes
	if inBytes {
		size = func(n int64) string { return fmt.Sprint(n) }
	}
	end := "closed: opening replays nothing"
	if !st.Closed {
		end = fmt.Sprintf("opening replays %s, %s of the journal", count(st.ReplayCommits, "commit"), size(st.ReplayBytes))
	}
	if _, err := fmt.Fprintf(s.out, "cluster %s   leader epoch %d   %s\njournal %s in %s   checkpoint %s, %s\n", st.ClusterID, st.LeaderEpoch, end,
		size(st.JournalBytes), count(st.JournalFiles, "file"), size(st.CheckpointBytes), moment(st.Checkpointed.UnixMilli())); err != nil {
		return err
	}
	if len(st.Partitions) == 0 {
		return nil
	}
	fmt.Fprintln(s.out)
	t := newTable(s.out)
	fmt.Fprintln(t, "PARTITION\tRECORDS\tSIZE\tSEGMENTS\tUNCOMPACTED\tDIRTY\tOLDEST\tNEWEST")
	for _, p := range st.Partitions {
		uncompacted, dirty := "-", "-"
		if p.Compacted {
			uncompacted, dirty = size(p.Uncompacted), fmt.Sprintf("%.0f %%", 100*p.DirtyRatio())
		}
		fmt.Fprintf(t, "%s-%d\t%d\t%s\t%d\t%s\t%s\t%s\t%s\n", p.Topic, p.Partition, p.End-p.Start, size(p.SizeBytes), p.Segments,
			uncompacted, dirty, moment(p.OldestMillis), moment(p.NewestMillis))
	}
	return t.Flush()
}

// moment prints epoch milliseconds, a dash where there are none.
func moment(millis int64) string {
	if millis < 0 {
		return "-"
	}
	return time.UnixMilli(millis).UTC().Format(time.RFC3339)
}

type statsJSON struct {
	Kind            string               `json:"kind"`
	Version         int                  `json:"version"`
	ClusterID       string               `json:"clusterId"`
	LeaderEpoch     int32                `json:"leaderEpoch"`
	Closed          bool                 `json:"closed"`
	ReplayCommits   int                  `json:"replayCommits"`
	ReplayBytes     int64                `json:"replayBytes"`
	JournalFiles    int                  `json:"journalFiles"`
	JournalBytes    int64                `json:"journalBytes"`
	CheckpointBytes int64                `json:"checkpointBytes"`
	CheckpointedAt  int64                `json:"checkpointedAt"` // epoch milliseconds
	SizeBytes       int64                `json:"sizeBytes"`
	Partitions      []partitionStatsJSON `json:"partitions"`
}

type partitionStatsJSON struct {
	Topic       string `json:"topic"`
	Partition   int32  `json:"partition"`
	Start       int64  `json:"start"`
	End         int64  `json:"end"`
	SizeBytes   int64  `json:"sizeBytes"`
	Segments    int    `json:"segments"`
	Compacted   bool   `json:"compacted"`
	Uncompacted int64  `json:"uncompactedBytes"`
	Oldest      int64  `json:"oldest"` // epoch milliseconds, -1 if unknown
	Newest      int64  `json:"newest"`
}

func printStatsJSON(s streams, st log.Stats) error {
	out := statsJSON{"LogStats", 1, st.ClusterID.String(), st.LeaderEpoch, st.Closed, st.ReplayCommits, st.ReplayBytes,
		st.JournalFiles, st.JournalBytes, st.CheckpointBytes, st.Checkpointed.UnixMilli(), 0, []partitionStatsJSON{}}
	for _, p := range st.Partitions {
		out.SizeBytes += p.SizeBytes
		out.Partitions = append(out.Partitions, partitionStatsJSON{p.Topic, p.Partition, int64(p.Start), int64(p.End),
			p.SizeBytes, p.Segments, p.Compacted, p.Uncompacted, p.OldestMillis, p.NewestMillis})
	}
	return printJSON(s.out, out)
}
