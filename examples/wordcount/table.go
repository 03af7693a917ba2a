package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
)

// A wordCount is a word and how often it was counted.
type wordCount struct {
	word  string
	count int64
}

// moreFrequent puts frequent words first and equally frequent ones in order of
// their bytes.
func moreFrequent(a, b wordCount) int {
	return cmp.Or(cmp.Compare(b.count, a.count), strings.Compare(a.word, b.word))
}

// A table is the topic of counts folded by word. One goroutine follows; any may
// ask.
type table struct {
	mu struct {
		sync.Mutex
		counts map[string]int64
		words  int64       // of all counts
		top    []wordCount // the most frequent ones, in order
	}
}

// topWords is how many words the view shows.
const topWords = 10

func newTable() *table {
	t := &table{}
	t.mu.counts = make(map[string]int64)
	return t
}

// follow folds the topic until ctx ends or, with an option, its end is reached.
func (t *table) follow(ctx context.Context, broker *log.Broker, options ...processor.ConsumeOption) error {
	for r, err := range Counts.Consume(ctx, processor.OnLog(broker), options...) {
		if err != nil {
			return err
		}
		t.put(r.Key, r.Value)
	}
	return nil
}

func (t *table) put(word string, count int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, known := t.mu.counts[word]
	if !known {
		word = strings.Clone(word) // it would keep the whole batch that it came in
	}
	t.mu.counts[word] = count
	t.mu.words += count - before
	t.rankLocked(wordCount{word, count})
}

// rankLocked keeps the top words. It need not look at the others, because
// counts only grow.
func (t *table) rankLocked(w wordCount) {
	top := t.mu.top
	if len(top) == topWords && moreFrequent(w, top[topWords-1]) > 0 {
		return
	}
	if i := slices.IndexFunc(top, func(other wordCount) bool { return other.word == w.word }); i >= 0 {
		top = slices.Delete(top, i, i+1)
	} else {
		w.word = strings.Clone(w.word)
	}
	i, _ := slices.BinarySearchFunc(top, w, moreFrequent)
	top = slices.Insert(top, i, w)
	t.mu.top = top[:min(len(top), topWords)]
}

// A standing is a table at a moment.
type standing struct {
	words, different int64
	top              []wordCount
}

func (t *table) standing() standing {
	t.mu.Lock()
	defer t.mu.Unlock()
	return standing{words: t.mu.words, different: int64(len(t.mu.counts)), top: slices.Clone(t.mu.top)}
}

// sorted returns all counts, the most frequent first.
func (t *table) sorted() []wordCount {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]wordCount, 0, len(t.mu.counts))
	for word, count := range t.mu.counts {
		all = append(all, wordCount{word, count})
	}
	slices.SortFunc(all, moreFrequent)
	return all
}

// largestMessage is the log's own limit. What is counted may be as long as a
// line, and in lower case up to three times as long.
const largestMessage = 1 << 30

// makeCounts makes the topic of counts, with as many partitions as the lines
// have.
func makeCounts(broker *log.Broker, partitions int32) error {
	_, err := broker.CreateTopic(Counts.Name(), log.TopicConfig{Partitions: partitions, MaxMessageBytes: largestMessage})
	if errors.Is(err, log.ErrTopicExists) {
		return nil
	}
	return err
}
