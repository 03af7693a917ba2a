package vfs

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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

// startHolder returns a running process that was told to lock path, and what
// it said.
func startHolder(t *testing.T, path string) (cmd *exec.Cmd, said string, release func()) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holderEnv+"="+path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	said, err = bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, said, func() { _ = stdin.Close(); _ = cmd.Wait() }
}

func openDir(t *testing.T, path string) FS {
	t.Helper()
	fsys, err := Dir(path)
	if err != nil {
		t.Fatal(err)
	}
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
	cmd, said, release := startHolder(t, path)
	if said != "locked\n" {
		t.Fatalf("want locked, got %q", said)
	}
	wantLocked(t, fsys, filepath.Join(path, "LOCK"), cmd.Process.Pid)
	release()
	lock, err := fsys.Lock("LOCK")
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLockOfKilledProcessIsFree(t *testing.T) {
	path := t.TempDir()
	cmd, _, _ := startHolder(t, path)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // says that it was killed
	lock, err := openDir(t, path).Lock("LOCK")
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLockSurvivesDeletedFile(t *testing.T) {
	path := t.TempDir()
	fsys := openDir(t, path)
	startHolder(t, path)
	if err := os.Remove(filepath.Join(path, "LOCK")); err != nil {
		return // Windows: nobody can delete it, which is the point
	}
	wantLocked(t, fsys, filepath.Join(path, "LOCK"), 0)
}

func TestLockRefusesOtherProcessAfterDeletedFile(t *testing.T) {
	path := t.TempDir()
	lock, err := openDir(t, path).Lock("LOCK")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	_ = os.Remove(filepath.Join(path, "LOCK")) // refused on Windows
	if _, said, _ := startHolder(t, path); said != "refused\n" {
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
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	wantLocked(t, openDir(t, link), filepath.Join(link, "LOCK"), os.Getpid())
}
