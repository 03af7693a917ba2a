package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// How keys and values are shown, --key-serde and --value-serde.
const (
	serdeAuto   = "auto" // see guess
	serdeString = "string"
	serdeInt64  = "int64" // 8 bytes, big-endian
	serdeJSON   = "json"
	serdeHex    = "hex"
)

func newSerdeChoice() *choice {
	return newChoice(serdeAuto, serdeString, serdeInt64, serdeJSON, serdeHex)
}

const int64Bytes = 8

// guess returns the serde that auto stands for. Eight bytes that are no
// printable text are an integer: the text that an integer could be taken for
// begins at 2,314,885,530,818,453,536 (eight spaces). Other UTF-8 is text, the
// rest hex.
func guess(b []byte) string {
	switch {
	case len(b) == int64Bytes && !printable(b):
		return serdeInt64
	case utf8.Valid(b):
		return serdeString
	}
	return serdeHex
}

func printable(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	for _, r := range string(b) {
		if !unicode.IsPrint(r) && r != '\t' && r != '\n' && r != '\r' {
			return false
		}
	}
	return true
}

// appendText appends b for people. With auto, control characters but the tab
// are escaped, so that a record is one line and cannot steer a terminal.
func appendText(dst []byte, serde string, b []byte) ([]byte, error) {
	if b == nil {
		return append(dst, "null"...), nil
	}
	escape := serde == serdeAuto
	if escape {
		serde = guess(b)
	}
	switch serde {
	case serdeInt64:
		n, err := decodeInt64(b)
		return strconv.AppendInt(dst, n, 10), err
	case serdeJSON:
		line, err := compactJSON(b)
		return append(dst, line...), err
	case serdeHex:
		return hex.AppendEncode(append(dst, "0x"...), b), nil
	}
	if !escape {
		return append(dst, b...), nil
	}
	for _, r := range string(b) {
		if unicode.IsControl(r) && r != '\t' {
			quoted := strconv.QuoteRune(r)
			dst = append(dst, quoted[1:len(quoted)-1]...)
			continue
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst, nil
}

// jsonValue returns what encodes b in JSON, and the name of the encoding, ""
// for null. Text that JSON cannot hold becomes hex.
func jsonValue(serde string, b []byte) (value any, encoding string, err error) {
	if b == nil {
		return nil, "", nil
	}
	if serde == serdeAuto {
		serde = guess(b)
	}
	switch {
	case serde == serdeInt64:
		n, err := decodeInt64(b)
		return n, serdeInt64, err
	case serde == serdeJSON:
		line, err := compactJSON(b)
		return json.RawMessage(line), serdeJSON, err
	case serde == serdeString && utf8.Valid(b):
		return string(b), "utf8", nil
	}
	return hex.EncodeToString(b), serdeHex, nil
}

func decodeInt64(b []byte) (int64, error) {
	if len(b) != int64Bytes {
		return 0, fmt.Errorf("is %d bytes, an int64 has %d", len(b), int64Bytes)
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

func compactJSON(b []byte) ([]byte, error) {
	var line bytes.Buffer
	if err := json.Compact(&line, b); err != nil {
		return nil, fmt.Errorf("is no JSON: %w", err)
	}
	return line.Bytes(), nil
}
