//go:build !windows

package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/freshet/freshet/log"
)

// startFollower makes a log of n records and starts a process that prints and
// follows it. It returns once the first record is printed.
func startFollower(t *testing.T, n int) (*exec.Cmd, io.ReadCloser, *strings.Builder) {
	t.Helper()
	dir := t.TempDir()
	b, err := log.Open(dir, log.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := b.CreateTopic("t", log.TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	rs := make([]log.Record, n)
	for i := range rs {
		rs[i].Value = []byte("a line that is long enough to fill a pipe")
	}
	if err := b.NewProducer().Produce(context.Background(), "t", rs...); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("freshet") // TestMain has put it there
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "consume", "t", "--from-beginning", "--follow", "--data-dir", dir)
	stderr := &strings.Builder{}
	cmd.Stderr = stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
	})
	if line, err := bufio.NewReaderSize(stdout, 1).ReadString('\n'); err != nil {
		t.Fatalf("first line %q: %v", line, err)
	}
	return cmd, stdout, stderr
}

func TestInterruptEndsFollowingWith130(t *testing.T) {
	cmd, stdout, stderr := startFollower(t, 3)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, stdout); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupt {
		t.Errorf("ended with %v, want exit code %d", err, exitInterrupt)
	}
	if got, want := stderr.String(), "interrupted after 3 records\n"; got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
}

func TestClosedPipeIsNoError(t *testing.T) {
	// More than a pipe and the program's buffer hold, so that it must write on.
	const records = 10_000
	cmd, stdout, stderr := startFollower(t, records)
	if err := stdout.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v, want exit code 0", err)
	}
	if stderr.Len() > 0 {
		t.Errorf("stderr %q, want nothing", stderr)
	}
}

func TestClosedPipeIsKnown(t *testing.T) {
	if !isClosedPipe(&os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}) {
		t.Error("EPIPE is not taken for a closed pipe")
	}
}
