// Freshet works on the data directories of embedded logs: topics, records,
// groups, transactions, and the files themselves.
//
//	freshet topic list|describe|create|alter|delete
//	freshet produce TOPIC [FILE]                       lines or JSON → records
//	freshet consume TOPIC                              records → lines or JSON
//	freshet group list|describe|reset|delete
//	freshet txn list|describe|abort
//	freshet log stats|backup|dump|verify|repair
//	freshet bench                                      measure this machine
//
// What only reads, and log backup, works beside the process that owns the
// directory; the rest needs it for itself, and says who has it. Data goes to
// stdout, all else to stderr.
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
