// Seededbugs breaks the log on purpose, one bug at a time, and runs the test
// that should notice:
//
//	go run ./internal/seededbugs            all of them
//	go run ./internal/seededbugs NAME…      these
//
// It prints a line for each bug and fails unless all were caught. A test that
// stays silent on its bug shows nothing, whatever it says on good days.
//
// A bug is a replacement of some lines of one file (bugs.go). The compiler gets
// it as an overlay, so the repository is never changed and its code knows
// nothing of bugs. Where the lines are not there any more, the program says so:
// the bug has to follow the code.
//
// It is run by hand and by .ci/run, and imports nothing of ours.
package main
