package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsSystem is NATS JetStream: a server in this process, its client connected
// through a pipe in memory, one stream of one replica in files. A batch is
// published asynchronously and then waited for; its records are acknowledged
// one by one, and in sync mode synced one by one.
func natsSystem() system {
	return natsBy("nats", (*natsStore).publishAsync, map[mode]durability{
		modeSync: {"fsync per record", true},
		modeOS:   {"page cache, sync_interval 2m", true},
	})
}

// natsBy is NATS with one of its ways to publish several records.
func natsBy(name string, publish natsPublish, durable map[mode]durability) system {
	return system{
		name: name, module: "github.com/nats-io/nats-server/v2",
		durability: durable,
		checks:     "HighwayHash-64 per record",
		open: func(ctx context.Context, dir string, m mode) (store, error) {
			return openNATS(ctx, dir, m, publish)
		},
	}
}

// natsPublish publishes the values and waits for the acknowledgements.
type natsPublish func(s *natsStore, ctx context.Context, values [][]byte) error

type natsStore struct {
	server  *server.Server
	conn    *nats.Conn
	js      jetstream.JetStream
	publish natsPublish
	refused atomic.Pointer[error] // of a record that was published asynchronously
	batches int64
}

const (
	natsSyncInterval = 2 * time.Minute // the default, named because it is reported
	natsStart        = 30 * time.Second
	natsPending      = 1 << 16 // more than any batch
)

func openNATS(ctx context.Context, dir string, m mode, publish natsPublish) (store, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName: "peers", DontListen: true, NoLog: true, NoSigs: true,
		JetStream: true, StoreDir: dir, DisableJetStreamBanner: true,
		SyncAlways: m == modeSync, SyncInterval: natsSyncInterval,
	})
	if err != nil {
		return nil, err
	}
	s := &natsStore{server: srv, publish: publish}
	srv.Start()
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *natsStore) connect(ctx context.Context) (err error) {
	if !s.server.ReadyForConnections(natsStart) {
		return fmt.Errorf("the server was not ready within %v", natsStart)
	}
	if s.conn, err = nats.Connect("", nats.InProcessServer(s.server)); err != nil {
		return err
	}
	s.js, err = jetstream.New(s.conn, jetstream.WithPublishAsyncMaxPending(natsPending),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, _ *nats.Msg, err error) { s.refused.Store(&err) }))
	if err != nil {
		return err
	}
	_, err = s.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: streamName, Subjects: []string{streamName}, Storage: jetstream.FileStorage,
		AllowAtomicPublish: true,
	})
	return err
}

func (s *natsStore) appendBatch(ctx context.Context, values [][]byte) error {
	return s.publish(s, ctx, values)
}

func (s *natsStore) publishAsync(ctx context.Context, values [][]byte) error {
	for _, v := range values {
		if _, err := s.js.PublishAsync(streamName, v); err != nil {
			return err
		}
	}
	select {
	case <-s.js.PublishAsyncComplete():
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := s.refused.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *natsStore) readAll(ctx context.Context, want int64, sum *tally) error {
	stream, err := s.js.Stream(ctx, streamName)
	if err != nil {
		return err
	}
	if has := int64(stream.CachedInfo().State.Msgs); has != want {
		return fmt.Errorf("%d records in the stream, want %d", has, want)
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	const pull = 10_000 // records asked for at once; the default is 500
	done := make(chan error, 1)
	tell := func(err error) {
		select {
		case done <- err:
		default: // the first decides
		}
	}
	reading, err := consumer.Consume(func(msg jetstream.Msg) {
		sum.add(msg.Data())
		if sum.records == want {
			tell(nil)
		}
	}, jetstream.PullMaxMessages(pull), jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { tell(err) }))
	if err != nil {
		return err
	}
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	reading.Stop()
	<-reading.Closed()
	return err
}

// close ends the server, which tells nobody whether what it still wrote
// succeeded; reading everything afterwards does.
func (s *natsStore) close() error {
	if s.conn != nil {
		s.conn.Close()
	}
	s.server.Shutdown()
	s.server.WaitForShutdown()
	return nil
}
