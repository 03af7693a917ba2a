package log

import (
	"fmt"

	"github.com/freshet/freshet/internal/coord"
)

// A CodeError is an answer of a coordinator, or of the rules for idempotent
// producers, under Kafka's name and number.
type CodeError struct {
	Code int16  // Kafka's error code
	Name string // such as OUT_OF_ORDER_SEQUENCE_NUMBER
}

func (e *CodeError) Error() string { return fmt.Sprintf("%s (Kafka's error %d)", e.Name, e.Code) }

// Is reports that e is ErrFenced where somebody newer has taken over, and
// ErrRebalancing where a group is about to have a new generation.
func (e *CodeError) Is(target error) bool {
	if target == ErrRebalancing {
		return coord.Code(e.Code) == coord.RebalanceInProgress
	}
	if target != ErrFenced {
		return false
	}
	switch coord.Code(e.Code) {
	case coord.ProducerFenced, coord.InvalidProducerEpoch, coord.FencedInstanceID, coord.IllegalGeneration, coord.UnknownMemberID:
		return true
	}
	return false
}

// codeError returns nil for OK.
func codeError(c coord.Code) error {
	if c == coord.OK {
		return nil
	}
	return &CodeError{int16(c), c.String()}
}
