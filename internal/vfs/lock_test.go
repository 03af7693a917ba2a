package vfs

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// holderEnv makes the test binary a process that locks a directory, prints a
// line, and holds the lock until its input ends.
const holderEnv = "FRESHET_TEST_LOCK_DIR"

func TestMain(m *testing.M) {
	if path := os.Getenv(holderEnv); path != "" {
		os.Exit(holdLock(path))
	}
	os.Exit(m.Run())
}

func holdLock(path string) int {
	fsys, err := Dir(path)
	if err != nil {
		return 1
	}
	lock, err := fsys.Lock("LOCK")
	if err != nil {
		os.Stdout.WriteString("refused\n")
		return 2
	}
	os.Stdout.WriteString("locked\n")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return 1
	}
	if err := lock.Close(); err != nil {
		return 1
	}
	return 0
}

// A holderProcess was told to lock a directory.
type holderProcess struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout *bufio.Reader
}

func startHolder(t *testing.T, path string) *holderProcess {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holderEnv+"="+path)
	stdin, err := cmd.StdinPipe()
	check(t, err)
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	h := &holderProcess{cmd, stdin, bufio.NewReader(stdout)}
	t.Cleanup(h.kill)
	return h
}

// says returns its answer, "locked" or "refused".
func (h *holderProcess) says(t *testing.T) string {
	t.Helper()
	s, err := h.stdout.ReadString('\n')
	check(t, err)
	return strings.TrimSpace(s)
}

// kill ends it as kill -9 does. The errors say that it was killed, or that it
// had ended before.
func (h *holderProcess) kill() {
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
}

func openDir(t *testing.T, path string) FS {
	t.Helper()
	fsys, err := Dir(path)
	check(t, err)
	return fsys
}

func wantLocked(t *testing.T, fsys FS, path string, pid int) {
	t.Helper()
	lock, err := fsys.Lock("LOCK")
	if err == nil {
		t.Fatalf("want a LockedError, got a second lock; closing it: %v", lock.Close())
	}
	var locked *LockedError
	if !errors.As(err, &locked) || !errors.Is(err, ErrLocked) {
		t.Fatalf("want a LockedError, got %v", err)
	}
	if locked.PID != pid || locked.Path != path {
		t.Fatalf("want %s held by %d, got %s by %d", path, pid, locked.Path, locked.PID)
	}
}

func TestLockOfAnotherProcessNamesIt(t *testing.T) {
	path := t.TempDir()
	fsys := openDir(t, path)
	h := startHolder(t, path)
	if said := h.says(t); said != "locked" {
		t.Fatalf("want locked, got %q", said)
	}
	wantLocked(t, fsys, filepath.Join(path, "LOCK"), h.cmd.Process.Pid)
	check(t, h.stdin.Close())
	check(t, h.cmd.Wait())
	lock, err := fsys.Lock("LOCK")
	check(t, err)
	check(t, lock.Close())
}

func TestLockOfKilledProcessIsFree(t *testing.T) {
	path := t.TempDir()
	h := startHolder(t, path)
	if said := h.says(t); said != "locked" {
		t.Fatalf("want locked, got %q", said)
	}
	h.kill()
	lock, err := openDir(t, path).Lock("LOCK")
	check(t, err)
	check(t, lock.Close())
}

func TestLockSurvivesDeletedFile(t *testing.T) {
	path := t.TempDir()
	fsys := openDir(t, path)
	h := startHolder(t, path)
	if said := h.says(t); said != "locked" {
		t.Fatalf("want locked, got %q", said)
	}
	if err := os.Remove(filepath.Join(path, "LOCK")); err != nil {
		return // Windows: nobody can delete it, which is the point
	}
	wantLocked(t, fsys, filepath.Join(path, "LOCK"), 0)
}

func TestLockRefusesOtherProcessAfterDeletedFile(t *testing.T) {
	path := t.TempDir()
	lock, err := openDir(t, path).Lock("LOCK")
	check(t, err)
	defer lock.Close()
	_ = os.Remove(filepath.Join(path, "LOCK")) // refused on Windows
	if said := startHolder(t, path).says(t); said != "refused" {
		t.Fatalf("want refused, got %q", said)
	}
}

// Two ways to one directory are one directory.
func TestLockIsOfTheDirectoryNotOfItsPath(t *testing.T) {
	path := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	lock, err := openDir(t, path).Lock("LOCK")
	check(t, err)
	defer lock.Close()
	wantLocked(t, openDir(t, link), filepath.Join(link, "LOCK"), os.Getpid())
}

// Of processes that open at the same time one wins.
func TestLockRace(t *testing.T) {
	const races = 10
	for range races {
		path := t.TempDir()
		one, two := startHolder(t, path), startHolder(t, path)
		if a, b := one.says(t), two.says(t); (a == "locked") == (b == "locked") {
			t.Fatalf("want one locked, got %q and %q", a, b)
		}
		one.kill()
		two.kill()
	}
}
