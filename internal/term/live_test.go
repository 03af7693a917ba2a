package term

import (
	"bytes"
	"errors"
	"testing"
)

// draw shows frames one after the other on a screen that already has a prompt.
func draw(t *testing.T, s *screen, l *Live, frames ...string) {
	t.Helper()
	for _, frame := range frames {
		if err := l.Draw(frame); err != nil {
			t.Fatal(err)
		}
	}
}

func begin(t *testing.T, columns, rows int) (*screen, *Live) {
	s := newScreen(t, columns, rows)
	for _, r := range "$ run\n" {
		s.put(r)
	}
	return s, newLive(s, s.size)
}

func wantScreen(t *testing.T, s *screen, want string) {
	t.Helper()
	if got := s.String(); got != want {
		t.Errorf("screen shows\n%swant\n%s", got, want)
	}
}

func TestLiveRedrawsInPlace(t *testing.T) {
	s, l := begin(t, 20, 10)
	draw(t, s, l, "the 10\nand 9\n", "the 20\nof 1\n")
	wantScreen(t, s, "$ run\nthe 20\nof 1\n|\n")
	if s.writes != 2 {
		t.Errorf("%d writes for 2 frames: a frame in parts flickers", s.writes)
	}
}

func TestLiveClearsWhatLongerFramesLeft(t *testing.T) {
	s, l := begin(t, 20, 10)
	draw(t, s, l, "a long line\nb\nc\nd\n", "a\nb\n")
	wantScreen(t, s, "$ run\na\nb\n|\n")
	draw(t, s, l, "")
	wantScreen(t, s, "$ run\n|\n")
}

func TestLiveGrowsPastTheBottom(t *testing.T) {
	s, l := begin(t, 20, 4)
	draw(t, s, l, "a\nb\n", "a\nb\nc\n", "A\nB\nC\n")
	wantScreen(t, s, "$ run\nA\nB\nC\n|\n")
}

func TestLiveCutsLinesToTheWidthLessOne(t *testing.T) {
	s, l := begin(t, 6, 10)
	draw(t, s, l, "abcdefgh\n生命生命\n\x1b[1mabcdefgh\x1b[0m\nab\x1b[1mcdefgh\x1b[0mij", "abcdefgh\n")
	wantScreen(t, s, "$ run\nabcde\n|\n")
	draw(t, s, l, "生命生命\n\x1b[1mabcdefgh\x1b[0m\n")
	wantScreen(t, s, "$ run\n生命\nabcde\n|\n")
}

func TestLiveCutsFramesToTheHeightLessOne(t *testing.T) {
	s, l := begin(t, 20, 4)
	draw(t, s, l, "a\nb\nc\nd\ne\n", "A\nB\nC\nD\nE\n")
	wantScreen(t, s, "$ run\nA\nB\nC\n|\n")
}

func TestLiveFollowsATerminalThatBecomesNarrower(t *testing.T) {
	s, l := begin(t, 12, 20)
	draw(t, s, l, "abcdefghij\nkl\nmnopqrst\n")
	s.narrow(5)
	draw(t, s, l, "ABCDEFGHIJ\nK\n")
	wantScreen(t, s, "$ run\nABCD\nK\n|\n")
}

func TestLiveOverwritesAnEchoedInterrupt(t *testing.T) {
	s, l := begin(t, 20, 10)
	draw(t, s, l, "a\n")
	s.put('^')
	s.put('C')
	draw(t, s, l, "b\n")
	wantScreen(t, s, "$ run\nb\n|\n")
}

func TestLiveWritesTheseBytes(t *testing.T) {
	var b bytes.Buffer
	l := newLive(&b, func() (int, int) { return DefaultColumns, DefaultRows })
	for _, frame := range []string{"a\nb\n", "c"} {
		if err := l.Draw(frame); err != nil {
			t.Fatal(err)
		}
	}
	want := "\r" + "a\x1b[K\nb\x1b[K\n" + "\x1b[J" +
		"\r\x1b[2A" + "c\x1b[K\n" + "\x1b[J"
	if got := b.String(); got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}

type brokenPipe struct{ err error }

func (w brokenPipe) Write([]byte) (int, error) { return 0, w.err }

func TestLiveReturnsWriteErrors(t *testing.T) {
	broken := errors.New("broken pipe")
	l := newLive(brokenPipe{broken}, func() (int, int) { return 80, 24 })
	if err := l.Draw("a\n"); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}
