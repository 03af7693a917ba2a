package batch

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kafkaBatches are bytes that Kafka brokers (0.11 and 1.1) stored for their own
// clients.
var kafkaBatches = []struct {
	name    string
	bytes   string
	header  Header
	records []Record
	headers []RecordHeader // of every record
}{
	{
		name: "one value",
		bytes: "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00;\x00\x00\x00\x01\x02\x03\x18\xa2p\x00\x00\x00\x00\x00\x00" +
			"\x00\x00\x01]\xff{\x06<\x00\x00\x01]\xff{\x06<\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
			"\x00\x00\x00\x01\x12\x00\x00\x00\x01\x06123\x00",
		header: Header{
			LengthBytes: 59, LeaderEpoch: 1, CRC: 0x0318a270,
			BaseTimestampMillis: 1503229838908, MaxTimestampMillis: 1503229838908,
			ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Count: 1,
		},
		records: []Record{{TimestampMillis: 1503229838908, Value: []byte("123")}},
	},
	{
		name: "two empty values",
		bytes: "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00@\x00\x00\x00\x02\x02\xc8\\\xbd#\x00\x00\x00\x00\x00\x01" +
			"\x00\x00\x01]\xff|\xddl\x00\x00\x01]\xff|\xde\x14\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
			"\x00\x00\x00\x02\x0c\x00\x00\x00\x01\x00\x00\x0e\x00\xd0\x02\x02\x01\x00\x00",
		header: Header{
			BaseOffset: 1, LengthBytes: 64, LeaderEpoch: 2, CRC: 0xc85cbd23, LastOffsetDelta: 1,
			BaseTimestampMillis: 1503229959532, MaxTimestampMillis: 1503229959700,
			ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Count: 2,
		},
		records: []Record{
			{Offset: 1, TimestampMillis: 1503229959532, Value: []byte{}},
			{Offset: 2, TimestampMillis: 1503229959700, Value: []byte{}},
		},
	},
	{
		name: "a header",
		bytes: "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00E\x00\x00\x00\x00\x02\\\xd8\xefR\x00\x00\x00\x00\x00\x00" +
			"\x00\x00\x01e\x85\xb6\xf3\xc1\x00\x00\x01e\x85\xb6\xf3\xc1\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
			"\x00\x00\x00\x01&\x00\x00\x00\x01\x06hdr\x02\x08hkey\x08hval",
		header: Header{
			LengthBytes: 69, CRC: 0x5cd8ef52,
			BaseTimestampMillis: 1535546684353, MaxTimestampMillis: 1535546684353,
			ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Count: 1,
		},
		records: []Record{{
			TimestampMillis: 1535546684353, Value: []byte("hdr"),
			HeaderCount: 1, RawHeaders: []byte("\x08hkey\x08hval"),
		}},
		headers: []RecordHeader{{Key: "hkey", Value: []byte("hval")}},
	},
}

// TestReadKafkaBytes shows that batches of a real broker are read as what they
// mean.
func TestReadKafkaBytes(t *testing.T) {
	for _, k := range kafkaBatches {
		t.Run(k.name, func(t *testing.T) {
			b := []byte(k.bytes)
			if err := Verify(b); err != nil {
				t.Fatal(err)
			}
			h, err := ParseHeader(b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(k.header, h); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			got, err := readAll(b)
			if err != nil {
				t.Fatal(err)
			}
			for i := range k.records {
				if k.records[i].RawHeaders == nil {
					k.records[i].RawHeaders = []byte{}
				}
			}
			if diff := cmp.Diff(k.records, got); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
}

// TestBuildKafkaBytes shows that the Builder writes what a real broker stored,
// to the last bit of the checksum.
func TestBuildKafkaBytes(t *testing.T) {
	for _, k := range kafkaBatches {
		t.Run(k.name, func(t *testing.T) {
			var b Builder
			for _, r := range k.records {
				b.Append(r.TimestampMillis, r.Key, r.Value, k.headers)
			}
			got := b.Finish()
			Stamp(got, k.header.BaseOffset, k.header.LeaderEpoch)
			if diff := cmp.Diff([]byte(k.bytes), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func readAll(b []byte) ([]Record, error) {
	var r Reader
	if err := r.Reset(b); err != nil {
		return nil, err
	}
	var all []Record
	for rec := (Record{}); r.Next(&rec); {
		all = append(all, rec)
	}
	return all, r.Err()
}
