package log

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// childVar, if it is set, makes the test binary one of the programs that tests
// start: to kill it, or to race with it.
const childVar = "FRESHET_CHILD"

func TestMain(m *testing.M) {
	var err error
	switch program := os.Getenv(childVar); program {
	case "":
		os.Exit(m.Run())
	case "writer":
		err = writerMain(os.Getenv(childArgVar))
	case "owner":
		err = ownerMain(os.Getenv(childArgVar))
	default:
		err = fmt.Errorf("no such program: %s", program)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// childArgVar holds what the program is to do.
const childArgVar = "FRESHET_CHILD_ARG"

// child is this binary as one of the programs.
func child(program, arg string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVar+"="+program, childArgVar+"="+arg)
	return cmd
}
