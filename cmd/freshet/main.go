// Freshet works on the data directories of embedded logs: it lists topics,
// produces and consumes records, and dumps and verifies files.
//
//	freshet topic list|describe    what is there
//	freshet produce TOPIC [FILE]   lines → records
//	freshet consume TOPIC          records → lines or JSON
//	freshet log dump|verify        the files themselves
//
// Everything but produce reads only and works beside the process that owns the
// directory. Data goes to stdout, all else to stderr.
//
// Exit codes: 0 ok, 1 error, 2 wrong usage, 4 not found, 5 verification failed,
// 130 interrupted. A closed pipe on stdout is 0.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(runMain()) }

// runMain is main with deferred calls.
func runMain() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Without this a write to a closed pipe kills the process before the error
	// is seen.
	signal.Ignore(syscall.SIGPIPE)
	return run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
}
