package vfs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// networkMagics are the types of file systems that Linux keeps elsewhere, by
// the number that statfs gives.
var networkMagics = map[int64]string{
	0x6969: "nfs", 0x517b: "smb", 0xfe534d42: "smb2", 0xff534d42: "cifs", 0x5346414f: "afs", 0x73757245: "coda",
	0x564c: "ncp", 0x00c36400: "ceph", 0x0bd00bd0: "lustre", 0x19830326: "beegfs", 0x47504653: "gpfs",
}

// fuseMagic is the number of all that programs serve, here or from elsewhere.
const fuseMagic = 0x65735546

var networkFUSE = []string{"fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.davfs"}

func network(path string) (string, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return "", fmt.Errorf("statfs %s: %w", path, err)
	}
	return networkOf(int64(uint32(s.Type)), func() (string, error) { return mountType(path) })
}

// networkOf tells by the number, and where that does not say by the name.
func networkOf(magic int64, name func() (string, error)) (string, error) {
	if magic != fuseMagic {
		return networkMagics[magic], nil
	}
	n, err := name()
	if err != nil || !slices.Contains(networkFUSE, n) {
		return "", err
	}
	return n, nil
}

// mountType returns the name of the type that path's file system was mounted as.
func mountType(path string) (string, error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return "", fmt.Errorf("stat %s: %w", filepath.Clean(path), err)
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	return typeOfMount(table, fmt.Sprintf("%d:%d", unix.Major(uint64(s.Dev)), unix.Minor(uint64(s.Dev)))), nil
}

// typeOfMount looks a device up in a mountinfo table (proc(5)): its third field
// is the device, the one after the separator the type.
func typeOfMount(table []byte, device string) string {
	for line := range bytes.Lines(table) {
		before, after, ok := bytes.Cut(line, []byte(" - "))
		fields := bytes.Fields(before)
		if ok && len(fields) > 2 && string(fields[2]) == device {
			name, _, _ := bytes.Cut(after, []byte(" "))
			return string(name)
		}
	}
	return ""
}
