package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/freshet/freshet/log"
)

// Exit codes. 3 stays free for "cannot connect".
const (
	exitOK        = 0
	exitError     = 1
	exitUsage     = 2
	exitNotFound  = 4
	exitVerify    = 5
	exitInterrupt = 128 + 2 // what a shell reports for SIGINT
)

var (
	errUsage  = errors.New("see --help")
	errVerify = errors.New("verification failed")
	// errNotFound: there is no such group or transactional id.
	errNotFound = errors.New("not found")
)

func usageError(err error) error { return fmt.Errorf("%w (%w)", err, errUsage) }

// streams are the standard streams of one run.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, s streams) int {
	root := newRootCommand(s)
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	err := root.ExecuteContext(ctx)
	code := exitCode(err)
	switch {
	case err == nil, code == exitOK, errors.Is(err, errInterrupted):
	case code == exitInterrupt:
		fmt.Fprintln(s.err, "interrupted")
	default:
		// Joined errors come in lines; a message is one.
		fmt.Fprintf(s.err, "freshet: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return code
}

// errInterrupted ends a command that the user stopped. It has said so itself.
var errInterrupted = errors.New("interrupted")

func exitCode(err error) int {
	switch {
	case err == nil, isClosedPipe(err):
		return exitOK
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupt
	case errors.Is(err, errUsage):
		return exitUsage
	case errors.Is(err, errVerify):
		return exitVerify
	case errors.Is(err, log.ErrUnknownTopic), errors.Is(err, log.ErrNotALog), errors.Is(err, errNotFound):
		return exitNotFound
	}
	return exitError
}
