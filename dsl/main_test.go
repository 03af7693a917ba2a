package dsl_test

import (
	"testing"

	"go.uber.org/goleak"
)

// goleveldb lets one goroutine of a closed database end a second later.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}
