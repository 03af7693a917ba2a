package processor

import "fmt"

// Repartition sends records through a topic of the application's own,
// <application>-<name>-repartition, so that those of one key meet in one task.
// What comes after it is another subtopology.
//
// The topic has as many partitions as the topics that are read together with
// it, or else as the subtopology that writes it has tasks.
func Repartition[K, V any](b *Builder, name string, parent Node[K, V], serdes Serdes[K, V]) Node[K, V] {
	b.check(CheckName("repartition", name), Location())
	serdes, err := serdes.withDefaults()
	if err != nil {
		b.check(fmt.Errorf("repartition %q: %w", name, err), Location())
	}
	topic := specOf(fmt.Sprintf("%s-%s-repartition", b.name, name), 0, serdes)
	topic.repartition = true
	b.checkLength(topic.name)
	addSink(b, name+"-repartition-sink", parent, topic, serdes)
	return addSource(b, name+"-repartition-source", topic, serdes)
}

// checkLength notes that a topic's name, made of good ones, is too long.
func (b *Builder) checkLength(topic string) {
	if len(topic) > maxNameBytes {
		b.check(CheckName("topic", topic), Location())
	}
}
