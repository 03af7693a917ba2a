//go:build !windows

package term

import "os"

// acceptSequences has nothing to switch on: what does not know control sequences
// says so by TERM=dumb.
func acceptSequences(*os.File) bool { return true }
