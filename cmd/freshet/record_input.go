package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/freshet/freshet/log"
)

// Forms of the input, --input.
const inputLines = "lines" // a line is a value, or key, separator and value

// A recordInput is a line of the form jsonl, as consume prints it. Topic and
// offset are not used: where a record goes is said on the command line.
type recordInput struct {
	Partition     *int32            `json:"partition"`
	Timestamp     *int64            `json:"timestamp"` // epoch milliseconds
	Headers       []headerInputJSON `json:"headers"`
	Key           json.RawMessage   `json:"key"`
	KeyEncoding   string            `json:"keyEncoding"`
	Value         json.RawMessage   `json:"value"`
	ValueEncoding string            `json:"valueEncoding"`

	Topic  string `json:"topic"`
	Offset int64  `json:"offset"`
}

type headerInputJSON struct {
	Key           string          `json:"key"`
	Value         json.RawMessage `json:"value"`
	ValueEncoding string          `json:"valueEncoding"`
}

// parseRecord makes a record of a line of JSON. Where that chooses the partition,
// which is one of n, it is noted in the record's Offset, which appending ignores:
// see chosenPartition.
func parseRecord(line []byte, n int32) (r log.Record, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	var in recordInput
	if err := d.Decode(&in); err != nil {
		return r, fmt.Errorf("want an object as consume --format jsonl prints it: %w", err)
	}
	if d.More() {
		return r, errors.New("want one object on a line, there is more behind it")
	}
	if r.Key, err = decodeJSONValue(in.Key, in.KeyEncoding); err != nil {
		return r, fmt.Errorf("key: %w", err)
	}
	if r.Value, err = decodeJSONValue(in.Value, in.ValueEncoding); err != nil {
		return r, fmt.Errorf("value: %w", err)
	}
	for _, h := range in.Headers {
		value, err := decodeJSONValue(h.Value, h.ValueEncoding)
		if err != nil {
			return r, fmt.Errorf("header %q: %w", h.Key, err)
		}
		r.Headers = append(r.Headers, log.Header{Key: h.Key, Value: value})
	}
	if in.Timestamp != nil {
		r.TimestampMillis = *in.Timestamp
	}
	if in.Partition != nil {
		if *in.Partition < 0 || *in.Partition >= n {
			return r, fmt.Errorf("partition %d, there are 0 to %d (leave it out to have it chosen by the key)", *in.Partition, n-1)
		}
		r.Offset = log.Offset(*in.Partition) + 1
	}
	return r, nil
}

// chosenPartition is the partition that the input has chosen, if it has.
func chosenPartition(_ string, r *log.Record, _ int32) int32 { return int32(r.Offset) - 1 }

// decodeJSONValue is the reverse of jsonValue. Without an encoding a string is
// text, and anything else the JSON that it is.
func decodeJSONValue(raw json.RawMessage, encoding string) ([]byte, error) {
	if len(raw) == 0 || string(raw) == "null" && encoding == "" {
		return nil, nil
	}
	switch encoding {
	case "utf8", serdeHex, "":
		var s string
		err := json.Unmarshal(raw, &s)
		switch {
		case err != nil && encoding == "":
			return compactJSON(raw)
		case err != nil:
			return nil, fmt.Errorf("encoding %s: want a string", encoding)
		case encoding == serdeHex:
			return hex.DecodeString(s)
		}
		return []byte(s), nil
	case serdeInt64:
		var n int64
		if err := json.Unmarshal(raw, &n); err != nil {
			return nil, fmt.Errorf("encoding int64: want a number from %d to %d", int64(math.MinInt64), int64(math.MaxInt64))
		}
		return binary.BigEndian.AppendUint64(nil, uint64(n)), nil
	case serdeJSON:
		return compactJSON(raw)
	}
	return nil, fmt.Errorf("encoding %q: want utf8, json, int64 or hex", encoding)
}
