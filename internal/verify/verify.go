// Package verify reads the data directory of a log and says what is wrong
// with it.
//
// It is a second opinion: it shares no code with what wrote the directory and
// follows docs/format alone. In this order it reads
//
//	CHECKPOINT    whole, every entry
//	journal/      every record and what is in it, to the end or the tear
//	topics/       every batch and record that CHECKPOINT counts, and the indexes
//
// and reports what a reader could be hurt by as a problem, and what a crash may
// leave behind as a note. It uses memory in proportion to the number of
// segments, not to their size.
//
// Any goroutine may call [Directory]; nothing is written. The directory may
// belong to a running process, or to one that was killed. A file that is
// replaced meanwhile is read again.
//
// Format: docs/format/checkpoint.md, journal.md and segment.md.
package verify

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// ErrNotALog is returned for a directory that never held a log.
var ErrNotALog = errors.New("no log here")

// Options may be left zero.
type Options struct {
	// Boot is the id of this boot of the machine, zero if unknown. Knowing it,
	// a hole in the journal that no power cut can have made is told from one
	// that it may have.
	Boot [16]byte
}

// loadRetries bounds how often reading begins anew because a checkpoint was
// replaced before the journal behind it was read: files are deleted then, and
// after a new opening the files behind belong to another checkpoint.
const loadRetries = 100

// Directory verifies the log in fsys, whose files must be [io.ReaderAt]s as
// those of [os.DirFS] are. The error says why there is nothing to report on;
// whatever is wrong with a log is in the report.
func Directory(fsys fs.FS, o Options) (*Report, error) {
	v, err := directory(fsys, o, nil)
	if err != nil {
		return nil, err
	}
	return &v.report, nil
}

func directory(fsys fs.FS, o Options, each eachRecord) (*verifier, error) {
	if err := isLog(fsys); err != nil {
		return nil, err
	}
	v := load(fsys, o.Boot, each)
	if v.loaded {
		v.segments()
	}
	return v, nil
}

// load reads the checkpoint and the journal behind it.
func load(fsys fs.FS, boot [16]byte, each eachRecord) *verifier {
	for try := 0; ; try++ {
		v := newVerifier(fsys)
		v.boot, v.each, v.identity = boot, each, identity(fsys)
		// Without the checkpoint nobody knows what counts.
		v.loaded = v.checkpoint() && v.openJournals()
		if v.loaded {
			v.journal()
		}
		v.closeJournals()
		v.closePlaced()
		if v.report.OK() || try == loadRetries || identity(fsys) == v.identity {
			return v
		}
	}
}

// isLog tells a log that lost its checkpoint from a directory that never held
// one.
func isLog(fsys fs.FS) error {
	if _, err := fs.Stat(fsys, "."); err != nil {
		return err
	}
	for _, name := range []string{checkpointName, journalDir, topicsDir} {
		if _, err := fs.Stat(fsys, name); !errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	return ErrNotALog
}

// identity returns the header of the checkpoint, which differs between any two.
func identity(fsys fs.FS) string {
	f, err := openFile(fsys, checkpointName)
	if err != nil {
		return err.Error()
	}
	defer f.Close() //nolint:errcheck // it was only read
	var b [checkpointHeaderBytes]byte
	n, err := f.ReadAt(b[:], 0)
	return fmt.Sprintf("%x %v", b[:n], err)
}

// An eachRecord is called for every record that counts, in a partition's order.
type eachRecord func(p *partition, b *batch, offset int64)

// A verifier is one reading of one directory.
type verifier struct {
	fsys     fs.FS
	boot     [16]byte
	identity string // of the checkpoint that was read
	loaded   bool
	report   Report
	each     eachRecord             // may be nil
	took     [entryPlaced + 1]int64 // entries, by type
	newer    *verifier              // what a newer checkpoint says, if somebody asked

	header       checkpointHeader
	inCheckpoint bool // the entries that are being read
	topics       map[id]*topic
	names        map[string]*topic
	doomedTopics map[id]bool // directories that may be there and nobody reads
	offsets      map[string]map[*partition]int64

	nextProducerID int64
	txns           map[string]*txn
	byProducer     map[int64]*txn
	pending        map[int64]bool // producers with offsets in an open transaction

	files     []*journalFile // from the place of the checkpoint on, in order; open, so that they cannot go
	badFiles  map[string]bool
	entryPath string
	truncated bool   // records of the journal are missing, so what they did is not known
	stream    stream // that of the file being read; its buffer is used for all
	index     stream
	times     stream
	placing   placedFile
}

func newVerifier(fsys fs.FS) *verifier {
	return &verifier{
		fsys: fsys, topics: map[id]*topic{}, names: map[string]*topic{}, doomedTopics: map[id]bool{},
		offsets: map[string]map[*partition]int64{}, txns: map[string]*txn{}, byProducer: map[int64]*txn{}, pending: map[int64]bool{},
	}
}

// segments reads what does not change: the segments as far as the checkpoint
// counts them.
func (v *verifier) segments() {
	for _, t := range v.sortedTopics() {
		v.report.Topics++
		v.report.Partitions += len(t.partitions)
		for _, p := range t.partitions {
			v.partition(p)
		}
	}
	v.strays()
}

// A file is open for reading at any position.
type file interface {
	fs.File
	io.ReaderAt
}

func openFile(fsys fs.FS, name string) (file, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	r, ok := f.(file)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s cannot be read at a position", name), f.Close())
	}
	return r, nil
}

// unreadable reports a file that the system does not let us read. A path error
// would name it twice.
func (v *verifier) unreadable(name string, err error) {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	v.report.problem(name, 0, "cannot be read: %v", err)
}

// done closes a file that was read; what the system says to that concerns
// nobody.
func done(f file) { _ = f.Close() }
