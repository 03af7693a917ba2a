package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// A table is one section as text. The first failure is kept until flush.
type table struct{ *tabwriter.Writer }

// newTable writes a title and the names of the columns, each ended by a tab.
func newTable(w io.Writer, title, columns string) table {
	fmt.Fprintf(w, "\n%s\n\n", title)
	t := table{tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)}
	fmt.Fprintf(t, "%s\n", columns)
	return t
}

// row writes cells in the order of the columns.
func (t table) row(cells ...any) {
	for _, c := range cells {
		fmt.Fprintf(t, "%v\t", c)
	}
	fmt.Fprintln(t)
}

func fixed(v float64) string   { return fmt.Sprintf("%.2f", v) }
func rounded(v float64) string { return fmt.Sprintf("%.0f", v) }
func seconds(v float64) string { return fmt.Sprintf("%.3f", v) }

// mega writes bytes in units of 10^6.
func mega(bytes int64) string { return fmt.Sprintf("%.0f", float64(bytes)/1e6) }

// writeSections writes every section that was measured but the first.
func (r *LogReport) writeSections(w io.Writer) error {
	for _, section := range []struct {
		rows  int
		write func(io.Writer) error
	}{
		{len(r.Producers), r.writeProducers},
		{len(r.Keys), r.writeKeys},
		{len(r.Compression), r.writeCompression},
		{len(r.Partitions), r.writePartitions},
		{len(r.Recovery), r.writeRecovery},
		{len(r.Open), r.writeOpen},
		{len(r.Latency), r.writeLatency},
		{len(r.Held), r.writeHeld},
	} {
		if section.rows == 0 {
			continue
		}
		if err := section.write(w); err != nil {
			return err
		}
	}
	if r.Overload != nil {
		return r.Overload.writeText(w)
	}
	return nil
}

func (r *LogReport) writeProducers(w io.Writer) error {
	t := newTable(w, "Producers: records of 100 B to one partition",
		"\tgoroutines\tproducers\tcall\t"+comparisonColumns+"records/group\trecords/sync\tsyncs/s\t")
	for _, row := range r.Producers {
		producers, call, perSync, syncs := "own", fmt.Sprintf("produce %d", row.Records), "", ""
		if row.Shared {
			producers = "shared"
		}
		if row.Call == "produce_async" {
			call = "async"
		}
		if row.RecordsPerSync > 0 {
			perSync, syncs = fmt.Sprintf("%.1f", row.RecordsPerSync), rate(row.SyncsPerSecond)
		}
		cells := append([]any{row.Durability, row.Goroutines, producers, call}, row.text()...)
		t.row(append(cells, fmt.Sprintf("%.1f", row.RecordsPerGroup), perSync, syncs)...)
	}
	return t.Flush()
}

func (r *LogReport) writeKeys(w io.Writer) error {
	t := newTable(w, "Keys: commits of 1000 records of 100 B, partitions chosen by murmur2", "\tpartitions\t"+comparisonColumns)
	for _, row := range r.Keys {
		t.row(append([]any{row.Durability, row.Partitions}, row.text()...)...)
	}
	return t.Flush()
}

func (r *LogReport) writeCompression(w io.Writer) error {
	t := newTable(w, "Compression: batches of 1000 JSON events, os", "\t"+comparisonColumns+"disk/value\tby hand\t")
	for _, row := range r.Compression {
		cells := append([]any{row.Codec}, row.text()...)
		t.row(append(cells, fixed(row.DiskPerValueByte), fixed(row.ByHandDiskPerValueByte))...)
	}
	return t.Flush()
}

func (r *LogReport) writePartitions(w io.Writer) error {
	t := newTable(w, "Partitions: commits of 1000 records of 100 B over all of them", "\tpartitions\t"+comparisonColumns+"files\tresident MB\t")
	for _, row := range r.Partitions {
		cells := append([]any{row.Durability, row.Partitions}, row.text()...)
		t.row(append(cells, row.OpenFiles, mega(row.ResidentBytes))...)
	}
	return t.Flush()
}

func (r *LogReport) writeRecovery(w io.Writer) error {
	t := newTable(w, "Recovery: opening after a kill", "log MB\tjournal MB\tcommits\topen s\tafter Close s\t")
	for _, row := range r.Recovery {
		t.row(mega(row.LogBytes), mega(row.JournalBytes), row.Commits, seconds(row.OpenSeconds), seconds(row.CleanOpenSeconds))
	}
	return t.Flush()
}

func (r *LogReport) writeOpen(w io.Writer) error {
	t := newTable(w, "Open: many partitions, after Close", "partitions\topen s\tclose s\tcreate s\topen files\ton disk\theap MB\t")
	for _, row := range r.Open {
		t.row(row.Partitions, seconds(row.OpenSeconds), seconds(row.CloseSeconds), seconds(row.CreateSeconds),
			row.OpenFiles, row.FilesOnDisk, fmt.Sprintf("%.1f", float64(row.HeapBytes)/1e6))
	}
	return t.Flush()
}

func (r *LogReport) writeLatency(w io.Writer) error {
	t := newTable(w, "Latency: commits of one record at a fixed rate, µs from when each was meant to begin",
		"\tmeant/s\t\treached/s\tmissed\tp50\tp99\tp99.9\tmax\t")
	for _, row := range r.Latency {
		for _, s := range []struct {
			name string
			LatencySide
		}{{"freshet", row.Freshet}, {"by hand", row.ByHand}} {
			t.row(row.Durability, row.CommitsPerSecond, s.name, rate(s.CommitsPerSecond), s.Missed,
				rounded(s.P50), rounded(s.P99), rounded(s.P999), rounded(s.Max))
		}
	}
	return t.Flush()
}

func (r *LogReport) writeHeld(w io.Writer) error {
	t := newTable(w, "Held: what a log takes",
		"\tvalue\tMB\tdisk/value most\tafter\topen files\tresident MB before\tmost\tafter\t")
	for _, row := range r.Held {
		t.row(row.Durability, row.ValueBytes, mega(row.Bytes), fixed(row.DiskPerValueByteMost), fixed(row.DiskPerValueByteAfter),
			row.OpenFiles, mega(row.ResidentBefore), mega(row.ResidentMost), mega(row.ResidentAfter))
	}
	return t.Flush()
}

func (o *OverloadResult) writeText(w io.Writer) error {
	t := newTable(w, fmt.Sprintf("Overload: %d producers of values of %d B for %.1f s, sync", o.Producers, o.ValueBytes, o.Seconds),
		"disk MB/s\toffered MB/s\tacknowledged MB/s\toffered\trefused\tacknowledged\tlost\tbuffers MB\tresident MB before\tmost\t")
	t.row(rounded(o.DiskMegabytesPerSecond), rounded(o.OfferedMegabytesPerSecond), rounded(o.AcknowledgedMegabytesPerSecond),
		o.Offered, o.Refused, o.Acknowledged, o.Lost, mega(o.BufferBytes), mega(o.ResidentBefore), mega(o.ResidentMost))
	return t.Flush()
}
