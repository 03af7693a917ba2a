package log

import (
	"errors"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// TestParsedConfigMayBeZero: what a literal cannot say a map of Kafka's names
// can, and it is there after the next opening.
func TestParsedConfigMayBeZero(t *testing.T) {
	cfg, err := ParseTopicConfig(map[string]string{"delete.retention.ms": "0", "min.cleanable.dirty.ratio": "0", "cleanup.policy": "delete,compact"})
	if err != nil {
		t.Fatal(err)
	}
	fsys := vfs.NewMem()
	b := open(t, fsys, Config{})
	want, err := b.CreateTopic("t", cfg)
	if err != nil {
		t.Fatal(err)
	}
	d, err := open(t, fsys.KillProcess(), Config{}).Topic("t")
	if err != nil || d.Config != want.Config {
		t.Fatalf("config is %+v, %v; want %+v", d.Config, err, want.Config)
	}
	if c := d.Config; c.DeleteRetention != 0 || c.MinCleanableRatio != 0 || c.CleanupPolicy != CleanupCompactDelete || c.MaxMessageBytes != DefaultMaxMessageBytes {
		t.Errorf("config is %+v", c)
	}
	for name, value := range map[string]string{"retention.ms": "soon", "no.such.config": "1", "segment.bytes": "1"} {
		if _, err := ParseTopicConfig(map[string]string{name: value}); !errors.Is(err, ErrInvalidConfig) {
			t.Errorf("%s=%s: %v, want ErrInvalidConfig", name, value, err)
		}
	}
}
