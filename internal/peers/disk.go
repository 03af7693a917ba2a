package main

import "io/fs"

// diskBytes is what the file system has allocated for everything in a tree.
func diskBytes(tree fs.FS) (sum int64, err error) {
	err = fs.WalkDir(tree, ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		sum += allocatedBytes(info)
		return nil
	})
	return sum, err
}
