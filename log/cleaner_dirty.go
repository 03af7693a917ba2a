package log

import "github.com/freshet/freshet/log/internal/segment"

// dirtyBytes returns how much of segments is below cleaned, and how much from
// there to limit. A segment on the border counts by its offsets.
func dirtyBytes(segments []*segment.Segment, cleaned, limit Offset) (clean, dirty int64) {
	for _, s := range segments {
		base, end, size := Offset(s.Base()), Offset(s.End()), s.SizeBytes()
		switch {
		case base >= limit:
			return clean, dirty
		case end <= cleaned:
			clean += size
		case base >= cleaned:
			dirty += size
		default:
			part := int64(float64(size) * float64(end-cleaned) / float64(end-base))
			clean, dirty = clean+size-part, dirty+part
		}
	}
	return clean, dirty
}
