package files

import "sync/atomic"

// Progress is how far a [Source] has come with the files of its last ReadFiles
// and the readers since. Only what is committed counts.
type Progress struct {
	FilesDone, FilesTotal int64
	BytesDone, BytesTotal int64 // of files and readers; readers have no total
	BytesBefore           int64 // the part of BytesDone that an earlier run had read
	Lines                 int64
	Commits               int64
}

// A delta is progress that is under way to the log.
type delta struct{ files, bytes, lines int64 }

// progress is what Progress is read from, by any goroutine.
type progress struct {
	filesDone, filesTotal atomic.Int64
	bytesDone, bytesTotal atomic.Int64
	bytesBefore           atomic.Int64
	lines, commits        atomic.Int64
}

func (p *progress) committed(d delta) {
	p.bytesDone.Add(d.bytes)
	p.lines.Add(d.lines)
	p.filesDone.Add(d.files)
	p.commits.Add(1)
}

// Progress tells how far the Source has come. Any goroutine may call it.
func (s *Source) Progress() Progress {
	p := &s.progress
	return Progress{
		FilesDone: p.filesDone.Load(), FilesTotal: p.filesTotal.Load(),
		BytesDone: p.bytesDone.Load(), BytesTotal: p.bytesTotal.Load(),
		BytesBefore: p.bytesBefore.Load(),
		Lines:       p.lines.Load(), Commits: p.commits.Load(),
	}
}
