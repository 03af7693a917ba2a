//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/freshet/freshet/log"
)

// child is this test binary as the program, which reads so many bytes at once.
func child(atOnce int, args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	cmd = exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), childVar+"="+strconv.Itoa(atOnce))
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

// killText is the most of a text: two of them take about half a second to count.
const killText = 1 << 20

// mostKills is how often one count is killed at most. Every start takes some
// time in which there is little to break.
const mostKills = 6

// Kills at random moments change no count: FRESHET_KILLS of them, over as many
// counts as that takes.
func TestKillsChangeNoCount(t *testing.T) {
	kills := 20
	if n, err := strconv.Atoi(os.Getenv("FRESHET_KILLS")); err == nil {
		kills = n
	}
	if testing.Short() {
		kills = min(kills, 5)
	}
	seed := testSeed(t)
	var all killed
	for round := uint64(0); all.running < kills; round++ {
		rng := rand.New(rand.NewPCG(seed, 2+round))
		k := killedCount(t, rng, min(kills-all.running, 1+rng.IntN(mostKills)))
		all.running += k.running
		all.reading += k.reading
		all.counting += k.counting
	}
	t.Logf("%d kills, %d of them while lines came in, %d more while they were counted", all.running, all.reading, all.counting)
	const many = 20 // of which some hit the middle, however slow the machine starts programs
	if all.running >= many && all.reading+all.counting == 0 {
		t.Error("want some of the kills in the middle")
	}
}

// killed counts kills by what they hit.
type killed struct{ running, reading, counting int }

// killedCount counts random texts, killing the program at most so many times.
func killedCount(t *testing.T, rng *rand.Rand, kills int) (k killed) {
	t.Helper()
	texts := [][]byte{randomText(rng, killText), randomText(rng, 100), randomText(rng, killText)}
	dir := filepath.Join(t.TempDir(), "data")
	durability := []string{"sync", "interval", "os"}[rng.IntN(3)]
	atOnce := 256 + rng.IntN(1<<10) // so that reading takes about as long as counting
	if durability == log.Sync.String() {
		atOnce *= 32 // commits take that much longer
	}
	args := append([]string{"--format", "tsv", "--durability", durability, "--partitions", strconv.Itoa(1 + rng.IntN(5)),
		"--data-dir", dir}, textFiles(t, texts...)...)
	want := independentCount(texts...)
	lines := int64(len(bytes.Split(texts[0], []byte("\n"))) + len(bytes.Split(texts[2], []byte("\n"))) - 1)

	whole := measure(t, atOnce, args)
	for {
		cmd, stdout, stderr := child(atOnce, args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var timer *time.Timer
		if k.running < kills {
			timer = time.AfterFunc(time.Duration(rng.Int64N(int64(whole))), func() {
				_ = cmd.Process.Kill() // it may have ended just now
			})
		}
		err := cmd.Wait()
		if timer != nil {
			timer.Stop()
		}
		var exit *exec.ExitError
		switch {
		case errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL:
			k.hit(t, dir, lines)
		case err != nil:
			t.Fatalf("after %d kills: %v\n%s", k.running, err, stderr)
		default:
			if got := stdout.String(); got != want {
				t.Fatalf("after %d kills, %s: counts differ%s\n%s", k.running, durability, firstDifference(want, got), stderr)
			}
			if strings.Contains(stderr.String(), ": restored ") && strings.Contains(stderr.String(), "(0 B)") {
				t.Errorf("records were restored, and no bytes:\n%s", stderr)
			}
			t.Logf("%d kills over a count of %v, %s: equal", k.running, whole, durability)
			return k
		}
	}
}

// hit looks at what a kill left, to know what it hit.
func (k *killed) hit(t *testing.T, dir string, lines int64) {
	t.Helper()
	k.running++
	b, err := log.OpenReadOnly(dir, log.Config{})
	if errors.Is(err, log.ErrNotALog) {
		return // it was killed before it had made one
	}
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	read, _ := ends(b, Lines.Name())
	_, left := ends(b, Lines.Name(), "wordcount-counts-repartition")
	switch {
	case read > 0 && read < lines:
		k.reading++
	case left > 0:
		k.counting++
	}
}

// ends returns how many records topics have and how many of them are yet to be
// taken by the application.
func ends(b *log.Broker, topics ...string) (records, left int64) {
	for _, topic := range topics {
		d, err := b.Topic(topic)
		if err != nil {
			continue // not made yet
		}
		for _, p := range d.Partitions {
			o, _ := b.Committed("wordcount", log.TopicPartition{Topic: topic, Partition: p.Partition})
			records += int64(p.End)
			left += int64(p.End - o.Offset)
		}
	}
	return records, left
}

// measure runs the count undisturbed in another directory and returns how long
// it took: moments to kill at are taken from that.
func measure(t *testing.T, atOnce int, args []string) time.Duration {
	t.Helper()
	args = append([]string(nil), args...)
	for i := range args {
		if args[i] == "--data-dir" {
			args[i+1] = filepath.Join(t.TempDir(), "undisturbed")
		}
	}
	cmd, _, stderr := child(atOnce, args...)
	began := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("undisturbed: %v\n%s", err, stderr)
	}
	return time.Since(began)
}

// An interrupt commits what was counted, says so in a line, and the same
// command goes on from there.
func TestInterruptKeepsWhatWasCounted(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(os.Args[0], "--format", "tsv", "--data-dir", data, "-")
	cmd.Env = append(os.Environ(), childVar+"=1024")
	var stdout bytes.Buffer
	cmd.Stdin, cmd.Stdout = in, &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	if _, err := io.WriteString(out, "a b\na\nunfinished"); err != nil {
		t.Fatal(err)
	}
	said := waitForLine(t, stderr, "3 words")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(stderr)
	if err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Errorf("want exit %d, got %v", exitInterrupted, err)
	}
	if stdout.Len() > 0 || strings.Count(string(rest), "interrupted: counted 3 words of 2 lines") != 1 {
		t.Errorf("stdout %q; stderr\n%s%s", stdout.String(), said, rest)
	}
	got := wordcountOf(t, strings.NewReader("c"), "--format", "tsv", "--data-dir", data, "-").done(t).stdout
	if want := "a\t2\nb\t1\nc\t1\n"; got != want {
		t.Errorf("afterwards: want %q, got %q", want, got)
	}
}

// waitForLine reads lines until one has a text.
func waitForLine(t *testing.T, r io.Reader, text string) (said string) {
	t.Helper()
	one := make([]byte, 1)
	for !strings.Contains(said[strings.LastIndex(strings.TrimSuffix(said, "\n"), "\n")+1:], text) || !strings.HasSuffix(said, "\n") {
		if _, err := r.Read(one); err != nil {
			t.Fatalf("%v; so far:\n%s", err, said)
		}
		said += string(one)
	}
	return said
}

func TestUnreadableFileIsRefused(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	path := textFiles(t, []byte("a\n"))[0]
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	r := wordcountOf(t, nil, path)
	if r.code != exitFailed || r.stderr != "wordcount: "+path+": permission denied\n" {
		t.Errorf("exit %d, stderr %q", r.code, r.stderr)
	}
}
