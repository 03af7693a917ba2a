package verify

import (
	"errors"
	"io/fs"
	"path"
	"strconv"
)

// strays notes what is in topics/ and nobody reads.
func (v *verifier) strays() {
	known := map[string]*topic{}
	for _, t := range v.topics {
		known[t.id.String()] = t
	}
	for _, e := range v.list(topicsDir) {
		name := path.Join(topicsDir, e.Name())
		t, ok := known[e.Name()]
		if !ok {
			v.report.note(name, 0, "it belongs to no topic; it is not read")
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

// strayFiles notes files in the directory of p that are in no segment of the
// checkpoint. Those from its end on are newer than the checkpoint: they are
// made again from the journal.
func (v *verifier) strayFiles(p *partition) {
	counts := map[int64]bool{}
	for _, g := range p.segments {
		counts[g.base] = true
	}
	for _, e := range v.list(p.dir()) {
		base, ok := number(e.Name(), ".log")
		if !ok {
			base, ok = number(e.Name(), ".index")
		}
		if !ok {
			base, ok = number(e.Name(), ".timeindex")
		}
		if !ok || !counts[int64(base)] && int64(base) < p.sealedEnd {
			v.report.note(path.Join(p.dir(), e.Name()), 0, "it belongs to no segment of %s; it is not read", p)
		}
	}
}

func (v *verifier) list(dir string) []fs.DirEntry {
	entries, err := fs.ReadDir(v.fsys, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		v.unreadable(dir, err)
	}
	return entries
}
