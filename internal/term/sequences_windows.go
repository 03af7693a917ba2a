package term

import (
	"os"

	"golang.org/x/sys/windows"
)

// acceptSequences makes the console interpret control sequences, which the
// consoles before Windows 10 cannot.
func acceptSequences(f *os.File) bool {
	console := windows.Handle(f.Fd())
	var mode uint32
	if err := windows.GetConsoleMode(console, &mode); err != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
