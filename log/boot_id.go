package log

import (
	"os"
	"strings"

	"github.com/freshet/freshet/log/internal/journal"
	"github.com/google/uuid"
)

// bootID names this boot of the machine where the system tells, as Linux does.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "" // unknown, which recovery takes for another boot
	}
	return strings.TrimSpace(string(b))
}

func parseBoot(s string) journal.Boot {
	id, err := uuid.Parse(s)
	if err != nil {
		return journal.Boot{}
	}
	return journal.Boot(id)
}
