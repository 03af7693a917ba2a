package term

import "github.com/jedib0t/go-pretty/v6/text"

// A Palette gives text a few colours that read well on dark and on light
// grounds. The zero Palette leaves text as it is.
type Palette struct{ colour bool }

// Palette returns the colours that the terminal and the user allow.
func (a Ability) Palette() Palette { return Palette{a.Colour} }

// Bold is for what is looked for first.
func (p Palette) Bold(s string) string { return p.paint(text.Bold, s) }

// Faint is for labels and units.
func (p Palette) Faint(s string) string { return p.paint(text.Faint, s) }

// Accent is for bars.
func (p Palette) Accent(s string) string { return p.paint(text.FgCyan, s) }

// Warn is for what needs a look.
func (p Palette) Warn(s string) string { return p.paint(text.FgYellow, s) }

// paint avoids Color.Sprint, which follows a switch of the whole process that
// looks at standard output only.
func (p Palette) paint(c text.Color, s string) string {
	if !p.colour || s == "" {
		return s
	}
	return c.EscapeSeq() + s + text.EscapeReset
}
