package term

import (
	"math"
	"strings"
)

// eighths are left blocks of 1/8 to 7/8 of a cell.
var eighths = [...]string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}

// Bar returns a horizontal bar as long as fraction of width cells, to the nearest
// eighth of a cell. More than nothing shows as at least one eighth. The bar is
// not filled up to width; fractions outside [0, 1] are taken as the nearer end.
func Bar(fraction float64, width int) string {
	if width <= 0 || !(fraction > 0) { // also not a number
		return ""
	}
	const perCell = len(eighths)
	length := int(math.Round(min(fraction, 1) * float64(width*perCell)))
	length = max(length, 1)
	return strings.Repeat("█", length/perCell) + eighths[length%perCell]
}
