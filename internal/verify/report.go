package verify

import "fmt"

// A Finding is something about a file.
type Finding struct {
	Path string // within the data directory
	Pos  int64  // of the first byte concerned
	Text string
}

// String returns one line.
func (f Finding) String() string { return fmt.Sprintf("%s: byte %d: %s", f.Path, f.Pos, f.Text) }

// maxFindings bounds each list of a report: a disk that returns garbage has
// something to say about every batch.
const maxFindings = 1000

// A Report is what [Directory] found.
type Report struct {
	Problems []Finding // that mean the log is damaged
	Notes    []Finding // that a crash may leave and opening the log clears

	// More counts problems and notes past the first thousand of each.
	MoreProblems, MoreNotes int

	Closed     bool // the log was closed: there is no journal to replay
	Topics     int
	Partitions int
	Segments   int
	Bytes      int64 // of segments, as far as they count
	Batches    int64 // in segments, and in the journal beyond them
	Records    int64 // in those
	Commits    int64 // in the journal
}

// OK reports whether there is no problem.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

func (r *Report) problem(path string, pos int64, format string, args ...any) {
	if len(r.Problems) == maxFindings {
		r.MoreProblems++
		return
	}
	r.Problems = append(r.Problems, Finding{path, pos, fmt.Sprintf(format, args...)})
}

func (r *Report) note(path string, pos int64, format string, args ...any) {
	if len(r.Notes) == maxFindings {
		r.MoreNotes++
		return
	}
	r.Notes = append(r.Notes, Finding{path, pos, fmt.Sprintf(format, args...)})
}
