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
)

// child is this test binary as the program.
func child(stdin io.Reader, args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	cmd = exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), childVar+"=1")
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	return cmd, stdout, stderr
}

// killText is about as long as a kill test's input takes half a second to count.
const killText = 600_000 // bytes a file

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
	counted := 0 // kills that hit the program while it ran
	for round := uint64(0); counted < kills; round++ {
		rng := rand.New(rand.NewPCG(seed, 2+round))
		counted += killedCount(t, rng, kills-counted)
	}
}

// killedCount counts random texts, killing the program at most so many times,
// and returns how often it did.
func killedCount(t *testing.T, rng *rand.Rand, kills int) (killed int) {
	t.Helper()
	texts := [][]byte{randomText(rng, killText), randomText(rng, 100), randomText(rng, killText)}
	durability := []string{"sync", "interval", "os"}[rng.IntN(3)]
	args := append([]string{"--format", "tsv", "--durability", durability, "--partitions", strconv.Itoa(1 + rng.IntN(5)),
		"--data-dir"}, append([]string{filepath.Join(t.TempDir(), "data")}, textFiles(t, texts...)...)...)
	want := independentCount(texts...)

	whole := measure(t, args)
	for {
		cmd, stdout, stderr := child(nil, args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var timer *time.Timer
		if killed < kills {
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
			killed++
		case err != nil:
			t.Fatalf("after %d kills: %v\n%s", killed, err, stderr)
		default:
			if got := stdout.String(); got != want {
				t.Fatalf("after %d kills, %s: counts differ%s\n%s", killed, durability, firstDifference(want, got), stderr)
			}
			t.Logf("%d kills over a count of %v, %s: equal", killed, whole, durability)
			return killed
		}
	}
}

// measure runs the count undisturbed in another directory and returns how long
// it took: moments to kill at are taken from that.
func measure(t *testing.T, args []string) time.Duration {
	t.Helper()
	args = append([]string(nil), args...)
	for i := range args {
		if args[i] == "--data-dir" {
			args[i+1] = filepath.Join(t.TempDir(), "undisturbed")
		}
	}
	cmd, _, stderr := child(nil, args...)
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
	cmd.Env = append(os.Environ(), childVar+"=1")
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
