package state

// The first chunk of a slab is small, so that a task with many small stores is
// small too; each next one is twice as large up to a bound.
const (
	firstChunkEntries = 16
	chunkEntries      = 1024
)

// A slab allocates entries and images many at a time and takes them back one at
// a time. The clock's hand goes over its entries in place.
type slab[V any] struct {
	chunks [][]Entry[V]
	free   []*Entry[V]

	images     []image[V] // what is left of the newest chunk of images
	freeImages []*image[V]

	handChunk, handEntry int
}

// newEntry returns an entry that is zero but for its referenced flag.
func (s *slab[V]) newEntry() *Entry[V] {
	if n := len(s.free); n > 0 {
		e := s.free[n-1]
		s.free = s.free[:n-1]
		e.flags = referenced
		return e
	}
	last := len(s.chunks) - 1
	if last < 0 || len(s.chunks[last]) == cap(s.chunks[last]) {
		n := firstChunkEntries
		if last >= 0 {
			n = min(2*cap(s.chunks[last]), chunkEntries)
		}
		s.chunks = append(s.chunks, make([]Entry[V], 0, n))
		last++
	}
	chunk := s.chunks[last]
	chunk = append(chunk, Entry[V]{flags: referenced})
	s.chunks[last] = chunk
	return &chunk[len(chunk)-1]
}

func (s *slab[V]) release(e *Entry[V]) {
	*e = Entry[V]{flags: vacant}
	s.free = append(s.free, e)
}

// newImage returns an image of e as it is.
func (s *slab[V]) newImage(e *Entry[V]) *image[V] {
	var i *image[V]
	if n := len(s.freeImages); n > 0 {
		i = s.freeImages[n-1]
		s.freeImages = s.freeImages[:n-1]
	} else {
		if len(s.images) == 0 {
			s.images = make([]image[V], chunkEntries)
		}
		i, s.images = &s.images[0], s.images[1:]
	}
	*i = image[V]{value: e.value, timestampMillis: e.timestampMillis, exists: e.flags&exists != 0}
	return i
}

func (s *slab[V]) releaseImage(i *image[V]) {
	*i = image[V]{}
	s.freeImages = append(s.freeImages, i)
}

// tick moves the hand to the next entry, vacant ones included, and returns it.
// There must be one.
func (s *slab[V]) tick() *Entry[V] {
	if s.handEntry >= len(s.chunks[s.handChunk]) {
		s.handChunk, s.handEntry = (s.handChunk+1)%len(s.chunks), 0
	}
	e := &s.chunks[s.handChunk][s.handEntry]
	s.handEntry++
	return e
}
