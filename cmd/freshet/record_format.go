package main

import (
	"bufio"
	"encoding/json"
	"fmt"

	"github.com/freshet/freshet/log"
)

// Forms of a record, --format.
const (
	formatText  = "text"  // key, tab, value; without a key the value alone
	formatValue = "value" // the value alone
	formatJSONL = "jsonl" // an object a line, with everything that a record has
)

// A recordPrinter writes records to a buffered stream.
type recordPrinter struct {
	w          *bufio.Writer
	format     string
	key, value string // serdes
	line       []byte
}

func (p *recordPrinter) print(tp log.TopicPartition, r *log.Record) error {
	if p.format == formatJSONL {
		return p.printJSON(tp, r)
	}
	var err error
	p.line = p.line[:0]
	if p.format == formatText && r.Key != nil {
		if p.line, err = appendText(p.line, p.key, r.Key); err != nil {
			return p.unreadable(tp, r, "key", err)
		}
		p.line = append(p.line, '\t')
	}
	if p.line, err = appendText(p.line, p.value, r.Value); err != nil {
		return p.unreadable(tp, r, "value", err)
	}
	_, err = p.w.Write(append(p.line, '\n'))
	return err
}

func (p *recordPrinter) unreadable(tp log.TopicPartition, r *log.Record, what string, err error) error {
	return fmt.Errorf("record %d of %s: the %s %w (try --%s-serde %s)", r.Offset, tp, what, err, what, serdeHex)
}

// A recordJSON is a line of the form jsonl. Fields are added, never renamed.
type recordJSON struct {
	Topic         string       `json:"topic"`
	Partition     int32        `json:"partition"`
	Offset        int64        `json:"offset"`
	Timestamp     int64        `json:"timestamp"` // epoch milliseconds
	Headers       []headerJSON `json:"headers,omitempty"`
	Key           any          `json:"key"`
	KeyEncoding   string       `json:"keyEncoding,omitempty"`
	Value         any          `json:"value"`
	ValueEncoding string       `json:"valueEncoding,omitempty"`
}

type headerJSON struct {
	Key           string `json:"key"`
	Value         any    `json:"value"`
	ValueEncoding string `json:"valueEncoding,omitempty"`
}

func (p *recordPrinter) printJSON(tp log.TopicPartition, r *log.Record) (err error) {
	out := recordJSON{Topic: tp.Topic, Partition: tp.Partition, Offset: int64(r.Offset), Timestamp: r.TimestampMillis}
	if out.Key, out.KeyEncoding, err = jsonValue(p.key, r.Key); err != nil {
		return p.unreadable(tp, r, "key", err)
	}
	if out.Value, out.ValueEncoding, err = jsonValue(p.value, r.Value); err != nil {
		return p.unreadable(tp, r, "value", err)
	}
	for _, h := range r.Headers {
		j := headerJSON{Key: h.Key}
		if j.Value, j.ValueEncoding, err = jsonValue(serdeAuto, h.Value); err != nil {
			return p.unreadable(tp, r, "header", err)
		}
		out.Headers = append(out.Headers, j)
	}
	e := json.NewEncoder(p.w)
	e.SetEscapeHTML(false)
	return e.Encode(out)
}
