package term

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAbilityFollowsTheEnvironment(t *testing.T) {
	for _, c := range []struct {
		name    string
		capable bool
		env     map[string]string
		want    Ability
	}{
		{"terminal", true, map[string]string{"TERM": "xterm-256color"}, Ability{Redraw: true, Colour: true}},
		{"terminal of Windows, which sets no TERM", true, nil, Ability{Redraw: true, Colour: true}},
		{"no colours asked for", true, map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, Ability{Redraw: true}},
		{"NO_COLOR counts only with a value", true, map[string]string{"NO_COLOR": ""}, Ability{Redraw: true, Colour: true}},
		{"dumb terminal", true, map[string]string{"TERM": "dumb"}, Ability{}},
		{"no terminal", false, map[string]string{"TERM": "xterm"}, Ability{}},
	} {
		if got := abilityOf(c.capable, func(key string) string { return c.env[key] }); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestFileIsNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if IsTerminal(f) {
		t.Error("a file is taken for a terminal")
	}
	if got := Detect(f); got != (Ability{}) {
		t.Errorf("a file can %+v, want nothing", got)
	}
	if columns, rows := Size(f); columns != DefaultColumns || rows != DefaultRows {
		t.Errorf("size %d×%d, want the default", columns, rows)
	}
}

func TestPalettePaintsOnlyWhereAllowed(t *testing.T) {
	plain, coloured := Ability{Redraw: true}.Palette(), Ability{Redraw: true, Colour: true}.Palette()
	for name, paint := range map[string]struct{ got, want string }{
		"plain":       {plain.Bold("a") + plain.Faint("b") + plain.Accent("c") + plain.Warn("d"), "abcd"},
		"bold":        {coloured.Bold("a"), "\x1b[1ma\x1b[0m"},
		"faint":       {coloured.Faint("a"), "\x1b[2ma\x1b[0m"},
		"accent":      {coloured.Accent("a"), "\x1b[36ma\x1b[0m"},
		"warn":        {coloured.Warn("a"), "\x1b[33ma\x1b[0m"},
		"nothing":     {coloured.Warn(""), ""},
		"zero colour": {Palette{}.Warn("a"), "a"},
	} {
		if paint.got != paint.want {
			t.Errorf("%s: %q, want %q", name, paint.got, paint.want)
		}
	}
}
