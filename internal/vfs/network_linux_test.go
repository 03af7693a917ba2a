package vfs

import "testing"

func TestNetworkFileSystemsAreTold(t *testing.T) {
	const table = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw\n" +
		"77 35 0:52 / /far rw,nosuid shared:3 - fuse.sshfs host:/ rw\n78 35 0:53 / /usb rw - fuse.ntfs-3g /dev/sdb1 rw\nnonsense\n"
	for _, c := range []struct {
		magic  int64
		device string
		want   string
	}{
		{0x6969, "", "nfs"}, {0xff534d42, "", "cifs"}, {0xfe534d42, "", "smb2"}, {0xef53, "98:0", ""},
		{fuseMagic, "0:52", "fuse.sshfs"}, {fuseMagic, "0:53", ""}, {fuseMagic, "9:9", ""},
	} {
		got, err := networkOf(c.magic, func() (string, error) { return typeOfMount([]byte(table), c.device), nil })
		if err != nil || got != c.want {
			t.Errorf("magic %x, device %s: %q, %v, want %q", c.magic, c.device, got, err, c.want)
		}
	}
	if got, err := Network(t.TempDir()); err != nil || got != "" {
		t.Errorf("the directory of this test: %q, %v", got, err)
	}
	if got, err := mountType("/proc"); err != nil || got != "proc" {
		t.Errorf("/proc is %q, %v", got, err)
	}
}
