package processor_test

import (
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
)

func TestCreateMakesATopicOnce(t *testing.T) {
	broker, err := log.OpenFS(vfs.NewMem(), log.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	cluster := processor.OnLog(broker)
	topic := processor.NewTopic[string, string]("lines").WithPartitions(3)
	for range 2 {
		if err := topic.Create(cluster); err != nil {
			t.Fatal(err)
		}
	}
	if d, err := broker.Topic("lines"); err != nil || len(d.Partitions) != 3 {
		t.Fatalf("%d partitions, %v; want 3", len(d.Partitions), err)
	}
	if err := processor.NewTopic[string, string]("lines").Create(cluster); err != nil {
		t.Fatalf("a topic that asks for no number took another for a fault: %v", err)
	}
	if err := topic.WithPartitions(0).Create(cluster); err == nil || !strings.Contains(err.Error(), "0 partitions, want at least 1") {
		t.Fatalf("%v, want the fault of the topic", err)
	}
	if err := topic.WithPartitions(4).Create(cluster); err == nil || !strings.Contains(err.Error(), "has 3 partitions, want 4") {
		t.Fatalf("%v, want both numbers", err)
	}
}
