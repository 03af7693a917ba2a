package verify

import (
	"errors"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// rootNames are what the data directory may hold.
var rootNames = map[string]bool{
	checkpointName: true, checkpointName + ".tmp": true, "LOCK": true, journalDir: true, topicsDir: true,
	"state": true, "lost+found": true,
}

// strays notes what is in the directory and nobody reads.
func (v *verifier) strays() {
	for _, e := range v.list(".") {
		if !rootNames[e.Name()] && !strings.HasPrefix(e.Name(), ".") {
			v.report.note(e.Name(), 0, "it is no part of a log; it is not read")
		}
	}
	known := map[string]*topic{}
	for _, t := range v.topics {
		known[t.id.String()] = t
	}
	doomed := map[string]bool{}
	for x := range v.doomedTopics {
		doomed[x.String()] = true
	}
	for _, e := range v.list(topicsDir) {
		name := path.Join(topicsDir, e.Name())
		t, ok := known[e.Name()]
		if !ok {
			if !doomed[e.Name()] {
				v.report.note(name, 0, "it belongs to no topic; it is not read")
			}
			continue
		}
		for _, e := range v.list(name) {
			n, err := strconv.ParseUint(e.Name(), 10, 31)
			if err != nil || int(n) >= len(t.partitions) || strconv.FormatUint(n, 10) != e.Name() {
				v.report.note(path.Join(name, e.Name()), 0, "it belongs to no partition of %s; it is not read", t.name)
				continue
			}
			v.strayFiles(t.partitions[n])
		}
	}
}

// strayFiles notes files in the directory of p that belong to no segment. Those
// from its end in the checkpoint on are newer than that: they are made again from
// the journal.
func (v *verifier) strayFiles(p *partition) {
	counts := map[segmentName]bool{}
	for _, g := range p.segments {
		counts[g.segmentName] = true
	}
	for _, e := range v.list(p.dir()) {
		n, ok := segmentOf(e.Name())
		if !ok || !counts[n] && !p.doomed[n] && (n.base < p.sealedEnd || n.generation > 0) {
			v.report.note(path.Join(p.dir(), e.Name()), 0, "it belongs to no segment of %s; it is not read", p)
		}
	}
}

// segmentOf reads the name of a file of a segment.
func segmentOf(name string) (n segmentName, ok bool) {
	for _, suffix := range []string{".log", ".index", ".timeindex"} {
		stem, found := strings.CutSuffix(name, suffix)
		if !found {
			continue
		}
		digits, generation, compacted := strings.Cut(stem, ".")
		base, ok := number(digits, "")
		if !ok || base > math.MaxInt64 {
			return n, false
		}
		n.base = int64(base)
		if !compacted {
			return n, true
		}
		g, err := strconv.ParseUint(generation, 10, 32)
		if err != nil || g == 0 || strconv.FormatUint(g, 10) != generation {
			return n, false
		}
		n.generation = uint32(g)
		return n, true
	}
	return n, false
}

func (v *verifier) list(dir string) []fs.DirEntry {
	entries, err := fs.ReadDir(v.fsys, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		v.unreadable(dir, err)
	}
	return entries
}
