package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// writeText writes the report for people.
func (r *Report) writeText(to io.Writer) error {
	w := bufio.NewWriter(to) // remembers the first error for Flush
	r.writeHeader(w)
	for first := 0; first < len(r.Rows); {
		end := first + 1
		for end < len(r.Rows) && r.Rows[end].title() == r.Rows[first].title() {
			end++
		}
		fmt.Fprintf(w, "\n%s\n", r.Rows[first].title())
		if err := writeTable(w, r.Rows[first:end]); err != nil {
			return err
		}
		first = end
	}
	return w.Flush()
}

func (r *Report) writeHeader(w io.Writer) {
	m := r.Machine
	fmt.Fprintf(w, "%s, %s, %s/%s, GOMAXPROCS %d, %s\n", r.Date.Format("2006-01-02"), m.Go, m.OS, m.Arch, m.Threads, known(m.CPU))
	fmt.Fprintf(w, "kernel %s, file system %s, fsync of 4 KiB %.0f µs\n", known(m.Kernel), known(m.FileSystem), m.FsyncMicros)
	for _, module := range r.Modules {
		fmt.Fprintf(w, "%s %s\n", module.Path, known(module.Version))
	}
	fmt.Fprintf(w, "\nValues of %d B. Medians (min–max) of %d interleaved rounds, after one that is not counted.\n", r.ValueBytes, r.Rounds)
	fmt.Fprintln(w, "Appending ends when the system is closed; acknowledged: with the last acknowledgement. Ratio: to Freshet's")
	fmt.Fprintln(w, "rate in the same round, above 1 is faster; of CPU, above 1 is more; in parentheses where less is promised.")
}

func known(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func (r Row) title() string {
	if r.Operation == "read" {
		return fmt.Sprintf("read, written in batches of %d: %d records", r.Batch, r.Records)
	}
	return fmt.Sprintf("append, %s, batches of %d: %d records", r.Group, r.Batch, r.Records)
}

func writeTable(to io.Writer, rows []Row) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	if rows[0].Operation == "read" {
		fmt.Fprintln(w, "  system\trecords/s\tmin–max\tratio\tmin–max\tCPU s/M\tratio\topening ms\tchecks what it reads")
		for _, r := range rows {
			checks := r.Checks
			if checks == "" {
				checks = "nothing"
			}
			fmt.Fprintf(w, "  %s\t%s\t%.1f\t%s\n", r.System, r.common(), r.ReopenMillis, checks)
		}
		return w.Flush()
	}
	fmt.Fprintln(w, "  system\trecords/s\tmin–max\tratio\tmin–max\tCPU s/M\tratio\tacknowledged\tratio\tdisk B/record\tan acknowledgement means")
	for _, r := range rows {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%.1f\t%s\n", r.System, r.common(), rate(r.AcknowledgedRecordsPerSecond.Median),
			r.ratio(r.AcknowledgedRatio.Median), r.DiskBytesPerRecord, r.Durability)
	}
	return w.Flush()
}

// common is the columns that all tables have.
func (r Row) common() string {
	return strings.Join([]string{
		rate(r.RecordsPerSecond.Median), rate(r.RecordsPerSecond.Min) + "–" + rate(r.RecordsPerSecond.Max),
		r.ratio(r.Ratio.Median), fmt.Sprintf("%.3g–%.3g", r.Ratio.Min, r.Ratio.Max),
		fmt.Sprintf("%.3g", r.CPUSecondsPerMillion.Median), r.ratio(r.CPURatio.Median),
	}, "\t")
}

func (r Row) ratio(x float64) string {
	switch {
	case x == 0:
		return "–"
	case r.Alike:
		return fmt.Sprintf("%.3g", x)
	}
	return fmt.Sprintf("(%.3g)", x)
}

// rate writes a number a second with three digits that matter: 950, 1.23k,
// 45.6M.
func rate(perSecond float64) string {
	units := []string{"", "k", "M", "G"}
	i := 0
	for i < len(units)-1 && perSecond >= 999.5 {
		perSecond /= 1000
		i++
	}
	return fmt.Sprintf("%.3g%s", perSecond, units[i])
}
