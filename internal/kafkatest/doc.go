// Package kafkatest lets Kafka's own tools read what the log writes. It has tests
// only, and nobody imports it.
//
// They need Java, Maven and, once, a network, so they run when they are asked
// for:
//
//	FRESHET_KAFKA=1 go test ./internal/kafkatest
//
// Maven fetches the release of Kafka that testdata/pom.xml names.
package kafkatest
