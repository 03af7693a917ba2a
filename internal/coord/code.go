package coord

import "fmt"

// A Code is an answer in Kafka's numbers.
type Code int16

// The codes that this package answers.
const (
	OK                        Code = 0
	IllegalGeneration         Code = 22 // not the group's present generation
	InconsistentGroupProtocol Code = 23 // no assignor that every member knows
	InvalidGroupID            Code = 24
	UnknownMemberID           Code = 25
	InvalidSessionTimeout     Code = 26
	RebalanceInProgress       Code = 27
	InvalidRequest            Code = 42
	OutOfOrderSequence        Code = 45 // a batch is missing, or one came too late to be known
	InvalidProducerEpoch      Code = 47 // a newer incarnation has begun
	InvalidTxnState           Code = 48
	InvalidProducerIDMapping  Code = 49 // the transactional id has another producer id, or none
	InvalidTransactionTimeout Code = 50
	NonEmptyGroup             Code = 68
	GroupIDNotFound           Code = 69
	MemberIDRequired          Code = 79 // join again with the id in the answer
	GroupMaxSizeReached       Code = 81
	FencedInstanceID          Code = 82 // another member has this group.instance.id
	InvalidRecord             Code = 87
	ThrottlingQuotaExceeded   Code = 89 // no room; may be tried again
	ProducerFenced            Code = 90 // a newer incarnation has begun, for good
	TransactionalIDNotFound   Code = 105
)

var codeNames = map[Code]string{
	OK:                        "NONE",
	IllegalGeneration:         "ILLEGAL_GENERATION",
	InconsistentGroupProtocol: "INCONSISTENT_GROUP_PROTOCOL",
	InvalidGroupID:            "INVALID_GROUP_ID",
	UnknownMemberID:           "UNKNOWN_MEMBER_ID",
	InvalidSessionTimeout:     "INVALID_SESSION_TIMEOUT",
	RebalanceInProgress:       "REBALANCE_IN_PROGRESS",
	InvalidRequest:            "INVALID_REQUEST",
	OutOfOrderSequence:        "OUT_OF_ORDER_SEQUENCE_NUMBER",
	InvalidProducerEpoch:      "INVALID_PRODUCER_EPOCH",
	InvalidTxnState:           "INVALID_TXN_STATE",
	InvalidProducerIDMapping:  "INVALID_PRODUCER_ID_MAPPING",
	InvalidTransactionTimeout: "INVALID_TRANSACTION_TIMEOUT",
	NonEmptyGroup:             "NON_EMPTY_GROUP",
	GroupIDNotFound:           "GROUP_ID_NOT_FOUND",
	MemberIDRequired:          "MEMBER_ID_REQUIRED",
	GroupMaxSizeReached:       "GROUP_MAX_SIZE_REACHED",
	FencedInstanceID:          "FENCED_INSTANCE_ID",
	InvalidRecord:             "INVALID_RECORD",
	ThrottlingQuotaExceeded:   "THROTTLING_QUOTA_EXCEEDED",
	ProducerFenced:            "PRODUCER_FENCED",
	TransactionalIDNotFound:   "TRANSACTIONAL_ID_NOT_FOUND",
}

// String returns Kafka's name of the code.
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return fmt.Sprintf("code %d", int16(c))
}
