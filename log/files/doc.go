// Package files brings the lines of files into a topic, each exactly once.
//
//	a.txt ─┐  lines of one commit          ┌─▶ topic            one record a line
//	b.txt ─┼──────────────────────────────▶┤
//	c.txt ─┘  and how far they have come   └─▶ topic-positions  path → offset, lines, hash
//
// A file is known by its absolute path. How far it was read is a record of a
// compacted topic, in the same commit as the lines, so that both survive a
// crash or neither does: a [Source] that starts again goes on behind the last
// line that is in the topic. It reads what it has read before once more, to see
// that the file still begins with it.
//
//   - A file that was read to its end adds nothing.
//   - A file that has grown adds its new lines.
//   - A file that has become shorter, or begins otherwise, is an error:
//     [ErrTruncated], [ErrReplaced].
//   - A last line without a newline is taken at the end of the file. A newline
//     that comes later ends it; anything else would have made it another line
//     and is an error: [ErrLineGrew].
//
// A line is what stands between newlines ('\n'), byte for byte: carriage
// returns and invalid UTF-8 stay. Its record has no key and the time at which
// it was read. Its partition depends on the path and on where in the file the
// line begins, so that a second reading would bring the same order.
//
// A pipe has no position to go back to. [Source.ReadFrom] takes its lines as
// they come; what was committed before a crash stays, the rest is lost with the
// pipe.
//
// A Source belongs to one goroutine, but for [Source.Progress]. Of two Sources
// of one topic the later one fences the former.
//
// Format of the positions: docs/format/positions.md.
package files
