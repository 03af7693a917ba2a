package processor

// Location returns the file:line of the user's code that is calling, as faults
// name it. A language above uses it to say where an earlier call was.
func Location() string { return userLocation() }

// CheckName returns what is wrong with the name of a topic, a store or an
// operator, or nil. kind says which of them.
func CheckName(kind, name string) error { return checkName(kind, name) }
