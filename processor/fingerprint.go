package processor

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Fingerprint returns a hash of what must not change between two runs on the
// same data: the lines of [Topology.Contract].
func (t *Topology) Fingerprint() string {
	sum := sha256.Sum256([]byte(strings.Join(t.Contract(), "\n")))
	return hex.EncodeToString(sum[:fingerprintBytes])
}

// fingerprintBytes is enough of a hash to tell the versions of one topology
// apart.
const fingerprintBytes = 8

// Contract lists, a line each and sorted, what a run leaves behind for the
// next one and how it is written: source topics, repartition topics, and
// changelogs of stores, with their serdes. Processors and their names may
// change freely. Partitions are listed where the topology fixes them; the App
// compares those of existing topics by itself.
func (t *Topology) Contract() []string {
	return slices.Sorted(maps.Values(t.contract()))
}

// contract returns the lines by the topics that they are about.
func (t *Topology) contract() map[string]string {
	lines := make(map[string]string)
	for _, n := range t.nodes {
		if n.kind == sourceNode {
			lines[n.topic.name] = n.topic.contract()
		}
	}
	for _, s := range t.stores {
		if s.changelog != "" {
			lines[s.changelog] = fmt.Sprintf("changelog %s of store %s key=%s value=%s", s.changelog, s.name, s.keyName, s.valueName)
		}
	}
	return lines
}

func (t *topicSpec) contract() string {
	line := "source"
	if t.repartition {
		line = "repartition"
	}
	line += fmt.Sprintf(" %s key=%s value=%s", t.name, t.keyName, t.valueName)
	if t.partitions > 0 {
		line += fmt.Sprintf(" partitions=%d", t.partitions)
	}
	return line
}
