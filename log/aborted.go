package log

// An AbortedTxn is a transaction of one partition that was aborted: what its
// producer wrote transactionally from First to Last is not for readers of
// committed records. Last is the offset of the marker.
type AbortedTxn struct {
	ProducerID  int64
	First, Last Offset
	StableEnd   Offset // the last stable offset once it had ended
}
