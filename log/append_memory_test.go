package log

import (
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
)

// TestAppendedBatchesMayShareMemory: the batches of a request stand side by side
// in one buffer. What is reused of one is not the other's.
func TestAppendedBatchesMayShareMemory(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{stepped: true})
	for _, topic := range []string{"a", "b"} {
		if _, err := b.CreateTopic(topic, TopicConfig{}); err != nil {
			t.Fatal(err)
		}
	}
	value := strings.Repeat("v", 2*minReusedBytes)
	var builder batch.Builder
	builder.Append(1, nil, []byte(value), nil)
	one := slices.Clone(builder.Finish())
	n := len(one)
	request := slices.Concat(one, one)
	_, err := b.AppendBatches([]AppendBatch{
		{TopicPartition{"a", 0}, request[:n]}, {TopicPartition{"b", 0}, request[n:]},
	}, AppendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.partition(TopicPartition{"a", 0})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.flushPartition(a); err != nil {
		t.Fatal(err)
	}
	// The memory is free for another batch, twice as large.
	for class := range b.buffers.mu.free {
		for _, free := range b.buffers.mu.free[class] {
			clear(free[:cap(free)])
		}
	}
	for _, topic := range []string{"a", "b"} {
		if got := readAll(t, b, TopicPartition{topic, 0}); len(got) != 1 || got[0] != value {
			t.Errorf("%s has other records than were appended", topic)
		}
	}
}
