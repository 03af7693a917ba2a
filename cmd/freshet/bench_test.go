package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestBenchWordcountPrintsJSONOnly(t *testing.T) {
	dir := t.TempDir()
	profile := filepath.Join(dir, "cpu.pprof")
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"bench", "wordcount", "--words", "1000", "--rounds", "1", "--durability", "os",
		"--dir", dir, "--cpuprofile", profile, "--output", "json"}, streams{strings.NewReader(""), &out, &errs})
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	var report struct {
		Benchmark string
		Result    struct{ Words int }
		Rows      []struct {
			Durability string
			Ratio      struct{ Median float64 }
		}
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v in %s", err, &out)
	}
	if report.Benchmark != "wordcount" || report.Result.Words != 1000 || len(report.Rows) != 1 ||
		report.Rows[0].Durability != "os" || report.Rows[0].Ratio.Median <= 0 {
		t.Errorf("got %+v", report)
	}
	if !strings.Contains(errs.String(), "round 1 of 1") {
		t.Errorf("no progress on stderr: %q", &errs)
	}
	if info, err := os.Stat(profile); err != nil || info.Size() == 0 {
		t.Errorf("no profile: %v", err)
	}
}

func TestBenchLogMeasuresTheSectionsThatAreNamed(t *testing.T) {
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"bench", "log", "latency", "open", "--short", "--durability", "os,interval", "--rate", "500",
		"--latency-time", "20ms", "--open-partitions", "3", "--dir", t.TempDir(), "--output", "json"}, streams{strings.NewReader(""), &out, &errs})
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	var report map[string]json.RawMessage
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v in %s", err, &out)
	}
	if len(report) != 6 || report["latency"] == nil || report["open"] == nil || string(report["short"]) != "true" {
		t.Errorf("want benchmark, machine, rounds, short, latency and open, got %s", &out)
	}
	if !strings.Contains(errs.String(), "latency os, 500 commits/s: round 1 of 1") {
		t.Errorf("no progress on stderr: %q", &errs)
	}
}

func TestBenchHelpNamesEveryField(t *testing.T) {
	for file, help := range map[string]string{
		"log.json": benchLogHelp, "sections.json": benchLogHelp, "wordcount.json": newBenchWordcountCommand(streams{}).Long,
	} {
		report, err := os.ReadFile(filepath.Join("..", "..", "internal", "bench", "testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		fields := regexp.MustCompile(`"(\w+)":`).FindAllSubmatch(report, -1)
		if len(fields) == 0 {
			t.Errorf("%s has no fields", file)
		}
		for _, field := range fields {
			if !regexp.MustCompile(`\b` + string(field[1]) + `\b`).MatchString(help) {
				t.Errorf("the help does not say what %s is, of %s", field[1], file)
			}
		}
	}
}

func TestBenchRefusesWrongUsage(t *testing.T) {
	for _, args := range []string{
		"log --rounds 0", "log --durability never", "log --value-bytes 0", "log --batch 0", "log extra",
		"log keys --durability interval", "log --goroutines 0", "log --rate -1", "log --held-mib 0", "log --overload 0s",
		"wordcount --durability interval", "wordcount --words 0",
	} {
		var errs bytes.Buffer
		code := run(t.Context(), append([]string{"bench"}, strings.Fields(args)...), streams{strings.NewReader(""), io.Discard, &errs})
		if code != exitUsage || errs.Len() == 0 {
			t.Errorf("bench %s: want exit code %d and a message, got %d, %q", args, exitUsage, code, &errs)
		}
	}
}

func TestBenchStopsWhenInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var errs bytes.Buffer
	code := run(ctx, []string{"bench", "log", "--rounds", "1", "--durability", "os", "--batch", "1", "--dir", t.TempDir()}, streams{strings.NewReader(""), io.Discard, &errs})
	if code != exitInterrupt || !strings.HasSuffix(errs.String(), "interrupted\n") || strings.Contains(errs.String(), "canceled") {
		t.Errorf("want exit code %d and \"interrupted\", got %d, %q", exitInterrupt, code, &errs)
	}
}
