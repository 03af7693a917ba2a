// Package statetest says what a [state.Engine] must do, as tests to run on one,
// and what an [state.Overlay] on it must do, whatever crashes:
//
//	TestEngine   the databases by themselves
//	TestStore    random histories of a store, its changelog and its crashes,
//	             compared with maps
//
// Each test prints the seed that it was made from. Nothing here outlives a test.
//
// Source: the stores' tests of Kafka Streams, which run one suite for each kind.
package statetest
