package main

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"testing"
)

func int64Of(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func TestAppendText(t *testing.T) {
	for _, c := range []struct {
		serde string
		b     []byte
		want  string
	}{
		{serdeAuto, nil, "null"},
		{serdeAuto, []byte{}, ""},
		{serdeAuto, []byte("häuser\tund"), "häuser\tund"},
		{serdeAuto, []byte("two\nlines\x1b[2J"), `two\nlines\x1b[2J`},
		{serdeAuto, int64Of(0), "0"},
		{serdeAuto, int64Of(184201), "184201"},
		{serdeAuto, int64Of(-1), "-1"},
		{serdeAuto, int64Of(math.MinInt64), "-9223372036854775808"},
		{serdeAuto, []byte("eight by"), "eight by"},
		{serdeAuto, []byte{0xff, 0x00, 'a'}, "0xff0061"},
		{serdeString, []byte("\xff\n"), "\xff\n"},
		{serdeString, int64Of(1), "\x00\x00\x00\x00\x00\x00\x00\x01"},
		{serdeInt64, []byte("eight by"), "7307485568707879545"},
		{serdeHex, []byte("ab"), "0x6162"},
		{serdeJSON, []byte("{ \"a\": [1,\n2] }"), `{"a":[1,2]}`},
	} {
		got, err := appendText([]byte("x"), c.serde, c.b)
		if err != nil {
			t.Errorf("%s %q: %v", c.serde, c.b, err)
		}
		if string(got) != "x"+c.want {
			t.Errorf("%s %q: got %q, want %q", c.serde, c.b, got, "x"+c.want)
		}
	}
}

func TestJSONValue(t *testing.T) {
	for _, c := range []struct {
		serde          string
		b              []byte
		want, encoding string
	}{
		{serdeAuto, nil, `null`, ""},
		{serdeAuto, []byte("<a>\n"), `"\u003ca\u003e\n"`, "utf8"},
		{serdeAuto, int64Of(math.MaxInt64), `9223372036854775807`, "int64"},
		{serdeAuto, []byte{0xff}, `"ff"`, "hex"},
		{serdeString, []byte{0xff}, `"ff"`, "hex"},
		{serdeJSON, []byte(`{"a": 1}`), `{"a":1}`, "json"},
		{serdeHex, []byte("a"), `"61"`, "hex"},
	} {
		v, encoding, err := jsonValue(c.serde, c.b)
		if err != nil {
			t.Errorf("%s %q: %v", c.serde, c.b, err)
		}
		got, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != c.want || encoding != c.encoding {
			t.Errorf("%s %q: got %s as %q, want %s as %q", c.serde, c.b, got, encoding, c.want, c.encoding)
		}
	}
}

func TestWrongSerdeIsAnError(t *testing.T) {
	for serde, b := range map[string][]byte{serdeInt64: []byte("seven b"), serdeJSON: []byte("{")} {
		if _, err := appendText(nil, serde, b); err == nil {
			t.Errorf("text: %q passes for %s", b, serde)
		}
		if _, _, err := jsonValue(serde, b); err == nil {
			t.Errorf("json: %q passes for %s", b, serde)
		}
	}
}
