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

// codeSubscribedToTopic is Kafka's GROUP_SUBSCRIBED_TO_TOPIC, which no
// coordinator gives.
const codeSubscribedToTopic = 86

var codeReasons = map[coord.Code]string{
	codeMetadataTooLarge:            "the metadata of the offset is too large",
	coord.IllegalGeneration:         "the group has gone on to another generation",
	coord.InconsistentGroupProtocol: "the member knows no assignor that all others know",
	coord.InvalidGroupID:            "the id of the group is not valid",
	coord.UnknownMemberID:           "the group does not have the member, or no more",
	coord.InvalidSessionTimeout:     "the session timeout is too short or too long",
	coord.RebalanceInProgress:       "the group is rebalancing",
	coord.InvalidRequest:            "the request is not valid",
	coord.OutOfOrderSequence:        "a batch is missing before it, or it comes too late",
	coord.InvalidProducerEpoch:      "a newer producer has taken over",
	coord.InvalidTxnState:           "the transaction is not in a state for that",
	coord.InvalidProducerIDMapping:  "the transactional id has another producer, or none",
	coord.InvalidTransactionTimeout: "the timeout is not above 0, or past MaxTransactionTimeout of the log",
	coord.NonEmptyGroup:             "the group has members, or is claimed",
	coord.GroupIDNotFound:           "there is no such group",
	coord.MemberIDRequired:          "the member has to join again with the id that it was given",
	coord.GroupMaxSizeReached:       "the group is full",
	coord.FencedInstanceID:          "another member has the same instance id",
	codeSubscribedToTopic:           "members of the group read the topic",
	coord.InvalidRecord:             "a record is not valid",
	coord.ThrottlingQuotaExceeded:   "there is no room, a later try may work",
	coord.ProducerFenced:            "a newer producer has taken over",
	coord.TransactionalIDNotFound:   "there is no such transactional id",
}

// Error says in words what the code means, with its name and number.
func (e *CodeError) Error() string {
	if reason, ok := codeReasons[coord.Code(e.Code)]; ok {
		return fmt.Sprintf("%s (%s, Kafka's error %d)", reason, e.Name, e.Code)
	}
	return fmt.Sprintf("%s (Kafka's error %d)", e.Name, e.Code)
}

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
