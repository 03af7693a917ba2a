package kafkatest

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/freshet/freshet/log"
)

// classpath lets Maven fetch Kafka and returns where it is.
func classpath(t *testing.T) string {
	t.Helper()
	if os.Getenv("FRESHET_KAFKA") == "" {
		t.Skip("FRESHET_KAFKA is not set: needs Java, Maven and a network")
	}
	for _, program := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s here", program)
		}
	}
	out := filepath.Join(t.TempDir(), "classpath")
	said, err := exec.Command("mvn", "-B", "-q", "-f", "testdata/pom.xml", "dependency:build-classpath", "-Dmdep.outputFile="+out).CombinedOutput()
	if err != nil {
		t.Skipf("Maven does not get Kafka: %v\n%s", err, said)
	}
	list, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(list)
}

// write makes a log with batches of every codec, of transactions, compacted and
// plain, and returns its directory and how many records each topic has.
func write(t *testing.T) (dir string, records map[string]int) {
	t.Helper()
	dir, records = t.TempDir(), map[string]int{}
	b, err := log.Open(dir, log.Config{SegmentBytes: 16 << 10, Durability: log.OS})
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	record := func(i int) log.Record {
		return log.Record{
			Key: fmt.Append(nil, i), Value: []byte(strings.Repeat("value ", i%50)),
			TimestampMillis: 1_700_000_000_000 + int64(i*7919%1000), Headers: []log.Header{{Key: "h", Value: []byte{1}}},
		}
	}
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		_, err := b.CreateTopic(codec, log.TopicConfig{Retention: log.NoLimit})
		must(err)
		p, err := b.NewProducerWith(log.ProducerConfig{Compression: codec, Idempotent: true})
		must(err)
		for i := range 300 {
			must(p.Produce(t.Context(), codec, record(i), record(i+1)))
		}
		must(p.Close())
		records[codec] = 600
	}
	_, err = b.CreateTopic("transactions", log.TopicConfig{Retention: log.NoLimit})
	must(err)
	p, err := b.NewTransactionalProducer(t.Context(), log.TransactionalConfig{ID: "id"})
	must(err)
	for i := range 60 {
		must(p.Begin())
		must(p.Produce(t.Context(), "transactions", record(i)))
		if i%3 == 0 {
			must(p.Abort(t.Context()))
		} else {
			must(p.Commit(t.Context()))
		}
	}
	records["transactions"] = 120 // markers are records to Kafka
	must(b.Close())
	return dir, records
}

var (
	badBatch  = regexp.MustCompile(`(?i)isvalid: false|mismatch|found \d+ invalid|exception|error`)
	oneRecord = regexp.MustCompile(`(?m)^\| offset: \d+ `)
)

// TestKafkaDumpsSegments has kafka.tools.DumpLogSegments read every segment,
// with the records inside, and its offset index.
func TestKafkaDumpsSegments(t *testing.T) {
	jars := classpath(t)
	dir, records := write(t)
	var files []string
	err := filepath.WalkDir(filepath.Join(dir, "topics"), func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".log") || strings.HasSuffix(path, ".index") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	out, err := exec.Command("java", "-cp", jars, "kafka.tools.DumpLogSegments", "--deep-iteration", "--files", strings.Join(files, ",")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if bad := badBatch.FindIndex(out); bad != nil {
		t.Errorf("Kafka finds: %s", out[bad[0]:min(len(out), bad[0]+500)])
	}
	want := 0
	for _, n := range records {
		want += n
	}
	if got := len(oneRecord.FindAll(out, -1)); got != want {
		t.Errorf("Kafka finds %d records, want %d\n%.2000s", got, want, out)
	}
	t.Logf("%d files, %d records", len(files), want)
}
