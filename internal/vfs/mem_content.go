package vfs

import (
	"bytes"
	"io/fs"
	"time"
)

const (
	// sectorBytes is what a drive writes as a whole or not at all: the smallest
	// sector there is.
	sectorBytes = 512

	// pageBytes is what is copied when a synced byte changes. A page's sectors
	// are counted in the bits of a byte.
	pageBytes  = 8 * sectorBytes
	allSectors = 0xff

	// maxBetween bounds the states between the synced one and the present one
	// that are remembered, of a page and of a size.
	maxBetween = 8
)

type page [pageBytes]byte

func (p *page) sector(s int) []byte { return p[s*sectorBytes : (s+1)*sectorBytes] }

// content is what a file holds, and what of that a disk holds.
//
// A page that is in dirty is written in place and belongs to this content
// alone. Every other page never changes, and any number of contents, of this
// Mem and of those it left behind in crashes, share it. So a Sync copies
// nothing, and a crash only what was not synced.
type content struct {
	size  int64
	pages []*page // nil, or beyond the end: zeros; zeros beyond size, too

	durableSize  int64
	betweenSizes []int64            // it had since it had durableSize
	dirty        map[int]*dirtyPage // by index in pages, or beyond its end
}

// A dirtyPage is what is known of a page that has changed since the last Sync.
type dirtyPage struct {
	durable *page // nil: zeros
	written byte  // bit s: sector s has changed
	between []sectorState
	dropped int  // how many of between had to go
	lost    bool // Sync failed and will not write it any more
}

// A sectorState is what a sector held for a while, before it changed again:
// the disk may have that, too.
type sectorState struct {
	sector int
	bytes  [sectorBytes]byte
}

// keep remembers the present state of the sectors of mask that have changed
// before, for they change again.
func (d *dirtyPage) keep(now *page, mask byte) {
	for s := range pageBytes / sectorBytes {
		if d.written&mask&(1<<s) == 0 {
			continue
		}
		var state sectorState
		state.sector = s
		if now != nil {
			copy(state.bytes[:], now.sector(s))
		}
		if len(d.between) < maxBetween {
			d.between = append(d.between, state)
			continue
		}
		d.between[d.dropped%maxBetween] = state
		d.dropped++
	}
}

// dirtyPageAt returns what is known of page i, whose sectors in mask are about
// to change.
func (c *content) dirtyPageAt(i int, mask byte) *dirtyPage {
	now := c.pageAt(i)
	d := c.dirty[i]
	if d == nil {
		if c.dirty == nil {
			c.dirty = map[int]*dirtyPage{}
		}
		d = &dirtyPage{durable: now}
		c.dirty[i] = d
	}
	d.keep(now, mask)
	d.written |= mask
	d.lost = false // the system will write it again
	return d
}

func (c *content) pageAt(i int) *page {
	if i >= len(c.pages) {
		return nil
	}
	return c.pages[i]
}

// own returns page i for changing the sectors of mask in place.
func (c *content) own(i int, mask byte) *page {
	if i >= len(c.pages) {
		c.pages = append(c.pages, make([]*page, i+1-len(c.pages))...)
	}
	_, ours := c.dirty[i]
	c.dirtyPageAt(i, mask)
	switch now := c.pages[i]; {
	case now == nil:
		c.pages[i] = new(page)
	case !ours:
		p := *now
		c.pages[i] = &p
	}
	return c.pages[i]
}

// sectorMask has the bits of the sectors that bytes [from, to) of a page are in.
func sectorMask(from, to int) byte {
	first, last := from/sectorBytes, (to-1)/sectorBytes
	return byte(allSectors<<first) & byte(allSectors>>(pageBytes/sectorBytes-1-last))
}

// eachPage calls do for each page that bytes [off, end) are in, with the place
// of those bytes in it.
func eachPage(off, end int64, do func(i, from, to int)) {
	for off < end {
		i, from := int(off/pageBytes), int(off%pageBytes)
		to := int(min(int64(from)+end-off, pageBytes))
		do(i, from, to)
		off += int64(to - from)
	}
}

func (c *content) readAt(b []byte, off int64) int {
	n := int(max(0, min(int64(len(b)), c.size-off)))
	done := 0
	eachPage(off, off+int64(n), func(i, from, to int) {
		if p := c.pageAt(i); p != nil {
			copy(b[done:], p[from:to])
		} else {
			clear(b[done : done+to-from])
		}
		done += to - from
	})
	return n
}

func (c *content) writeAt(b []byte, off int64) {
	end := off + int64(len(b))
	done := 0
	eachPage(off, end, func(i, from, to int) {
		done += copy(c.own(i, sectorMask(from, to))[from:to], b[done:])
	})
	if end > c.size && len(b) > 0 {
		c.setSize(end)
	}
}

func (c *content) setSize(size int64) {
	if c.size != c.durableSize {
		if len(c.betweenSizes) == maxBetween {
			c.betweenSizes = append(c.betweenSizes[:0], c.betweenSizes[1:]...)
		}
		c.betweenSizes = append(c.betweenSizes, c.size)
	}
	c.size = size
}

func (c *content) truncate(size int64) {
	if size == c.size {
		return
	}
	if used := int64(len(c.pages)) * pageBytes; size < c.size && size < used {
		c.zero(size, used)
	}
	c.setSize(size)
}

// zero makes zeros of bytes [off, end), where end is that of the last page.
func (c *content) zero(off, end int64) {
	eachPage(off, end, func(i, from, to int) {
		if c.pages[i] == nil {
			return
		}
		changes := c.pages[i].sectorsInUse() & sectorMask(from, to)
		switch {
		case from == 0:
			c.dirtyPageAt(i, changes)
			c.pages[i] = nil
		case changes != 0:
			clear(c.own(i, changes)[from:to])
		}
	})
	c.pages = c.pages[:(off+pageBytes-1)/pageBytes]
}

var zeros page

// sectorsInUse returns the bits of the sectors that are not zeros.
func (p *page) sectorsInUse() (mask byte) {
	for s := range pageBytes / sectorBytes {
		if !bytes.Equal(p.sector(s), zeros.sector(s)) {
			mask |= 1 << s
		}
	}
	return mask
}

func (c *content) preallocate(size int64) {
	if size > c.size {
		c.setSize(size)
	}
}

func (c *content) sync() {
	c.durableSize = c.size
	c.betweenSizes = nil
	for i, d := range c.dirty {
		if !d.lost {
			delete(c.dirty, i)
		}
	}
}

// loseUnsynced is what a failed fsync does: the system forgets that the pages
// are still to be written.
func (c *content) loseUnsynced() {
	for _, d := range c.dirty {
		d.lost = true
	}
}

func (n *node) info(base string) fs.FileInfo {
	return memInfo{name: base, size: n.size, mode: n.perm}
}

type memInfo struct {
	name string
	size int64
	mode fs.FileMode
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) Mode() fs.FileMode  { return i.mode }
func (i memInfo) ModTime() time.Time { return time.Time{} }
func (i memInfo) IsDir() bool        { return i.mode.IsDir() }
func (i memInfo) Sys() any           { return nil }
