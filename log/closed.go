package log

// A closedError is an ErrClosed that says what was closed, where that is not the
// log.
type closedError string

const (
	errConsumerClosed closedError = "consumer is closed"
	errProducerClosed closedError = "producer is closed"
)

func (e closedError) Error() string { return string(e) }

func (e closedError) Is(target error) bool { return target == ErrClosed }
