package term

import (
	"os"

	xterm "golang.org/x/term"
)

// What a terminal is taken for when it does not tell, the size of a VT100.
const (
	DefaultColumns = 80
	DefaultRows    = 24
)

// IsTerminal reports whether f is a terminal, capable or not.
func IsTerminal(f *os.File) bool { return xterm.IsTerminal(int(f.Fd())) }

// Size returns the size of f's terminal in character cells, or the default
// where f is none or does not know.
func Size(f *os.File) (columns, rows int) {
	columns, rows, err := xterm.GetSize(int(f.Fd()))
	if err != nil || columns <= 0 || rows <= 0 { // a serial line answers 0×0
		return DefaultColumns, DefaultRows
	}
	return columns, rows
}

// An Ability is what may be written to a file beside plain lines.
type Ability struct {
	Redraw bool // cursor movement: a Live works
	Colour bool
}

// Detect finds out what f and the user's environment allow. On Windows it
// switches the console to control sequences.
func Detect(f *os.File) Ability {
	return abilityOf(IsTerminal(f) && acceptSequences(f), os.Getenv)
}

func abilityOf(capable bool, getenv func(string) string) Ability {
	redraw := capable && getenv("TERM") != "dumb"
	return Ability{Redraw: redraw, Colour: redraw && getenv("NO_COLOR") == ""}
}
