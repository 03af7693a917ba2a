package vfs

// Network returns the name of the file system of a directory if that is kept on
// another machine, as nfs and cifs are, and "" if it is here or nobody knows.
// Only Linux tells. On such a file system a lock may be held twice, a name that
// was made durable be lost, and a file grow under its reader.
func Network(path string) (name string, err error) { return network(path) }
