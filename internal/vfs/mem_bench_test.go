package vfs

import (
	"fmt"
	"os"
	"testing"
)

const (
	benchFiles     = 20
	benchFileBytes = 5 << 10 // 100 KiB in all
)

// A crash of 100 KiB in 20 files, two of which have writes that were not
// synced, as a log has after some commits.
func BenchmarkMemCrash(b *testing.B) {
	m := NewMem()
	for i := range benchFiles {
		f := create(b, m, fmt.Sprint("f", i))
		write(b, f, 0, fill('a', benchFileBytes))
		check(b, f.Sync())
	}
	check(b, m.SyncDir("."))
	write(b, open(b, m, "f0", os.O_WRONLY), benchFileBytes, fill('b', 3_000))
	write(b, create(b, m, "new"), 0, fill('b', 3_000))
	rng := seeded(1)
	b.ReportAllocs()
	for b.Loop() {
		m.Crash(rng)
	}
}

// A whole history, from nothing to reading back what a crash left of 100 KiB.
func BenchmarkMemHistory(b *testing.B) {
	rng := seeded(1)
	block := []byte(fill('a', 1<<10))
	b.ReportAllocs()
	for b.Loop() {
		m := NewMem()
		for i := range benchFiles {
			f, err := m.OpenFile(fmt.Sprint("f", i), os.O_RDWR|os.O_CREATE, FilePerm)
			check(b, err)
			for off := int64(0); off < benchFileBytes; off += int64(len(block)) {
				_, err := f.WriteAt(block, off)
				check(b, err)
				check(b, f.Sync())
			}
			check(b, f.Close())
		}
		crashed := m.Crash(rng)
		entries, err := crashed.ReadDir(".")
		check(b, err)
		for _, e := range entries {
			_, err := ReadFile(crashed, e.Name())
			check(b, err)
		}
	}
}

// An append of a small record and its sync, into a file that was preallocated.
func BenchmarkMemAppendSync(b *testing.B) {
	const fileBytes, record = 64 << 20, 128
	m := NewMem()
	f := create(b, m, "f")
	check(b, f.Preallocate(fileBytes))
	check(b, f.Sync())
	data := make([]byte, record)
	var off int64
	b.SetBytes(record)
	b.ReportAllocs()
	for b.Loop() {
		_, err := f.WriteAt(data, off)
		check(b, err)
		check(b, f.Sync())
		off = (off + record) % fileBytes
	}
}
