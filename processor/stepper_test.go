package processor_test

import (
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/processor"
	"github.com/freshet/freshet/state"
	"github.com/google/go-cmp/cmp"
)

func TestStepperCountsWords(t *testing.T) {
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	produceLines(t, broker, "to be or", "not to be", "be")
	s, err := processor.NewStepper(t.Context(), wordcount(t), processor.OnLog(broker), processor.Config{Engine: state.Memory()}, 1)
	if err != nil {
		t.Fatal(err)
	}
	settle(t, s, epoch)
	want := map[string]int64{"to": 2, "be": 3, "or": 1, "not": 1}
	if diff := cmp.Diff(want, readCounts(t, broker)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if err := s.Close(t.Context(), epoch); err != nil {
		t.Fatal(err)
	}
}
