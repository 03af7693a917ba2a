package main

import "testing"

func TestFileSystemOfFindsTheInnermostMount(t *testing.T) {
	const mounts = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:20 / /tmp rw - tmpfs tmpfs rw
24 22 0:21 / /tmporary rw master:2 - xfs /dev/vdb rw
nonsense
25 23 0:22 / /tmp rw - btrfs /dev/vdc rw
`
	for dir, want := range map[string]string{
		"/": "ext4", "/home": "ext4", "/tmp": "btrfs", "/tmp/x": "btrfs", "/tmporary/x": "xfs", "/tmpo": "ext4",
	} {
		if got := fileSystemOf(dir, mounts); got != want {
			t.Errorf("%s: want %q, got %q", dir, want, got)
		}
	}
	if got := fileSystemOf("/", ""); got != "" {
		t.Errorf("want nothing, got %q", got)
	}
}
