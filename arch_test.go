// Package freshet_test checks what the compiler does not: which room may import
// which, that every room introduces itself, and that documents lead somewhere.
//
// The checks are functions of a file system, so that each is shown to fail on
// small trees in memory; the tests in this file run them on the repository.
package freshet_test

import (
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/freshet/freshet"

// rooms says which package may import which of ours. Nothing imports upwards,
// so the table has no cycle. A key with a star stands for each directory that
// it matches; doors stands for all public rooms, see publicDoors.
//
// A room need not exist yet; a package without a row is an error.
var rooms = map[string][]string{
	// values and time
	"serde":   {},
	"windows": {"serde"},

	// bytes, files and protocols without I/O
	"internal/vfs":   {},
	"internal/batch": {},
	"internal/coord": {},

	// the log
	"log/internal/journal": {"internal/vfs"},
	"log/internal/segment": {"internal/vfs", "internal/batch"},
	"log": {"internal/vfs", "internal/batch", "internal/coord",
		"log/internal/journal", "log/internal/segment"},
	"log/files": {"log"},
	"log/wire":  {"log", "internal/batch", "internal/coord"},

	// state
	"state":           {"serde", "windows"},
	"state/leveldb":   {"state", "internal/vfs"},
	"state/statetest": {"state", "serde"}, // one conformance suite for every engine

	// the runtime; vfs because it opens state on the data directory's file system
	"processor": {"log", "serde", "state", "state/leveldb", "windows", "internal/vfs",
		"processor/internal/task"},
	"processor/internal/task": {"log", "serde", "state", "state/leveldb", "windows", "internal/vfs"},
	"processor/processortest": {"processor", "log", "internal/vfs"},
	"processor/clustertest":   {"processor", "log"},
	"processor/goka":          {"processor", "state"},
	"processor/web":           {"processor", "state"},
	"log/kafka":               {"log", "processor"},

	// the language
	"dsl":               {"processor", "serde", "state", "windows", "dsl/internal/plan"},
	"dsl/internal/plan": {"processor", "serde", "state", "windows"},

	// what people run; verify is a second opinion on data directories and shares
	// no code with what wrote them
	"internal/verify": {},
	"internal/term":   {},
	"internal/bench":  {doors, "internal/vfs", "internal/batch"},
	"cmd/freshet":     {doors, "internal/term", "internal/bench", "internal/verify"},
	"examples/*":      {doors, "internal/term", "internal/bench"},

	// what only tests open
	"internal/seededbugs": {doors, "internal/vfs", "internal/batch", "internal/coord"},
	"internal/kafkatest":  {},
}

// Test files may import what their room may, and these: no shipped package
// depends on a test, so there is nothing to keep small. Go itself keeps them
// from cycles and out of other rooms' internal directories.
var testsAlso = []string{doors, "internal/vfs", "internal/batch", "internal/coord",
	"internal/verify", "internal/seededbugs", "internal/kafkatest"}

const doors = "(doors)"

// publicDoors are the rooms that a stranger's program can import.
func publicDoors(table map[string][]string) []string {
	var open []string
	for _, room := range slices.Sorted(maps.Keys(table)) {
		inside := slices.Contains(strings.Split(room, "/"), "internal")
		if !inside && !strings.HasPrefix(room, "cmd/") && !strings.HasPrefix(room, "examples/") {
			open = append(open, room)
		}
	}
	return open
}

func TestRoomsImportOnlyWhatTheTableAllows(t *testing.T) { noProblems(t, importProblems) }
func TestTableOfRoomsIsSound(t *testing.T)               { noProblems(t, tableProblems) }
func TestEveryPackageIntroducesItselfOnce(t *testing.T)  { noProblems(t, commentProblems) }
func TestDocumentsLeadSomewhere(t *testing.T)            { noProblems(t, linkProblems) }
func TestNothingIsLeftToDo(t *testing.T)                 { noProblems(t, leftoverProblems) }

// A check returns one line for each problem in the tree.
type check func(tree fs.FS, table map[string][]string) ([]string, error)

func noProblems(t *testing.T, c check) {
	t.Helper()
	problems, err := c(os.DirFS("."), rooms)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}
