package processor

// UserTopics returns the topics that the topology reads and writes and does
// not make for itself, by name, each with the number of partitions that it
// asks for, or 0.
func (t *Topology) UserTopics() map[string]int32 {
	topics := make(map[string]int32)
	for _, n := range t.nodes {
		if n.topic != nil && !n.topic.repartition {
			topics[n.topic.name] = max(topics[n.topic.name], n.topic.partitions)
		}
	}
	return topics
}
