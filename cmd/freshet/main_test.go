package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/freshet/freshet/log"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"freshet": main})
}

// TestScripts runs the command as a process of its own on the scripts in
// testdata. The commands that scripts have beside testscript's:
//
//	exits N freshet ARG...   run it and expect this exit code
//	own DIR                  open the log in DIR for writing, in this process
//	append TOPIC VALUE...    append records to it
//	transact ID TOPIC VALUE  append a record to it in a transaction, and leave that open
//	disown                   close it
//	flip PATTERN N           flip a bit of byte N in the first file that matches
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "own": own, "append": appendRecords, "transact": transact, "disown": disown, "flip": flip,
		},
		Setup: func(e *testscript.Env) error {
			o := &owner{}
			e.Values[ownerKey{}] = o
			e.Defer(func() {
				if err := o.close(); err != nil {
					t.Error(err)
				}
			})
			return nil
		},
	})
}

type ownerKey struct{}

// An owner is the process that has the log open for writing, as the freshet
// processes see it.
type owner struct{ b *log.Broker }

func (o *owner) close() error {
	if o.b == nil {
		return nil
	}
	err := o.b.Close()
	o.b = nil
	return err
}

func ownerOf(ts *testscript.TestScript) *owner { return ts.Value(ownerKey{}).(*owner) }

func own(ts *testscript.TestScript, _ bool, args []string) {
	b, err := log.Open(ts.MkAbs(args[0]), log.Config{JournalBytes: 4 << 10})
	ts.Check(err)
	ownerOf(ts).b = b
}

func appendRecords(ts *testscript.TestScript, _ bool, args []string) {
	var rs []log.Record
	for _, v := range args[1:] {
		rs = append(rs, log.Record{Value: []byte(v)})
	}
	ts.Check(ownerOf(ts).b.NewProducer().Produce(context.Background(), args[0], rs...))
}

func transact(ts *testscript.TestScript, _ bool, args []string) {
	p, err := ownerOf(ts).b.NewTransactionalProducer(context.Background(), log.TransactionalConfig{ID: args[0]})
	ts.Check(err)
	ts.Check(p.Begin())
	ts.Check(p.Produce(context.Background(), args[1], log.Record{Value: []byte(args[2])}))
}

func disown(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(ownerOf(ts).close())
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func flip(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("no file matches %s", args[0])
	}
	b, err := os.ReadFile(files[0])
	ts.Check(err)
	pos, err := strconv.Atoi(args[1])
	ts.Check(err)
	b[pos] ^= 1
	ts.Check(os.WriteFile(files[0], b, 0o600))
}
