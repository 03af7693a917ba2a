package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/freshet/freshet/log"
	"github.com/spf13/cobra"
)

func newTxnCommand(s streams, at *location) *cobra.Command {
	cmd := newGroup("txn", "List, describe and abort transactions")
	cmd.Aliases = []string{"transaction", "transactions"}
	cmd.AddCommand(newTxnListCommand(s, at), newTxnDescribeCommand(s, at), newTxnAbortCommand(s, at))
	return cmd
}

func newTxnListCommand(s streams, at *location) *cobra.Command {
	var output outputFlag
	var open bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the transactional ids",
		Args:  arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			return at.reading(func(b *log.Broker) error {
				all, err := b.ListTransactions()
				if err != nil {
					return err
				}
				ds := all[:0]
				for _, d := range all {
					if !open || d.State == stateOngoing {
						ds = append(ds, d)
					}
				}
				if output.json() {
					return printTxnsJSON(s, ds)
				}
				if len(ds) == 0 {
					_, err := fmt.Fprintf(s.err, "no transactions in %s\n", at.dir)
					return err
				}
				return printTxns(s, ds)
			})
		},
	}
	output.add(cmd)
	cmd.Flags().BoolVar(&open, "open", false, "only open transactions")
	return cmd
}

// stateOngoing is that of a transaction that is open.
const stateOngoing = "Ongoing"

func started(d log.TransactionDescription) string {
	if d.Started.IsZero() {
		return "-"
	}
	return d.Started.UTC().Format(time.RFC3339)
}

func printTxns(s streams, ds []log.TransactionDescription) error {
	t := newTable(s.out)
	fmt.Fprintln(t, "TRANSACTIONAL-ID\tSTATE\tPRODUCER\tEPOCH\tSTARTED\tTIMEOUT\tPARTITIONS\tGROUPS")
	for _, d := range ds {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\t%d\t%d\n", d.TransactionalID, d.State, d.Producer.ID, d.Producer.Epoch,
			started(d), d.Timeout, len(d.Partitions), len(d.Groups))
	}
	return t.Flush()
}

func newTxnDescribeCommand(s streams, at *location) *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "describe ID",
		Short: "Describe a transactional id, with the partitions of its open transaction",
		Args:  arguments(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			return at.reading(func(b *log.Broker) error {
				d, err := b.DescribeTransaction(args[0])
				if err != nil {
					return fmt.Errorf("%w: %w", errNotFound, err)
				}
				if output.json() {
					return printTxnsJSON(s, []log.TransactionDescription{d})
				}
				if err := printTxns(s, []log.TransactionDescription{d}); err != nil {
					return err
				}
				return printTxnParts(s, b, d)
			})
		},
		ValidArgsFunction: at.completeTxns,
	}
	output.add(cmd)
	return cmd
}

func printTxnParts(s streams, b *log.Broker, d log.TransactionDescription) error {
	if len(d.Partitions) > 0 {
		t := newTable(s.out)
		fmt.Fprintln(t, "\nTOPIC\tPARTITION\tFIRST\tEND")
		for _, tp := range d.Partitions {
			producers, err := b.DescribeProducers(tp)
			if err != nil {
				return err
			}
			first := "-"
			for _, p := range producers {
				if p.Producer.ID == d.Producer.ID && p.TxnStart >= 0 {
					first = fmt.Sprint(p.TxnStart)
				}
			}
			_, end, err := b.Offsets(tp)
			if err != nil {
				return err
			}
			fmt.Fprintf(t, "%s\t%d\t%s\t%d\n", tp.Topic, tp.Partition, first, end)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if len(d.Groups) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(s.out, "\ncommits offsets of %s\n", strings.Join(d.Groups, ", "))
	return err
}

func newTxnAbortCommand(s streams, at *location) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "abort ID",
		Short: "Abort the open transaction of a transactional id, and fence its producer",
		Args:  arguments(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			return at.writing(func(b *log.Broker) error {
				d, err := b.DescribeTransaction(args[0])
				if err != nil {
					return fmt.Errorf("%w: %w", errNotFound, err)
				}
				if d.State != stateOngoing {
					return fmt.Errorf("%s has no open transaction, its state is %s", args[0], d.State)
				}
				if err := b.AbortTransaction(args[0]); err != nil {
					return err
				}
				_, err = fmt.Fprintf(s.err, "%s: aborted in %s\n", args[0], count(len(d.Partitions), "partition"))
				return err
			})
		},
		ValidArgsFunction: at.completeTxns,
	}
	return cmd
}

// completeTxns offers the transactional ids to a shell.
func (at *location) completeTxns(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	var ids []string
	err := at.reading(func(b *log.Broker) error {
		ds, err := b.ListTransactions()
		for _, d := range ds {
			if strings.HasPrefix(d.TransactionalID, prefix) {
				ids = append(ids, d.TransactionalID)
			}
		}
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

type txnJSON struct {
	TransactionalID string             `json:"transactionalId"`
	State           string             `json:"state"`
	ProducerID      int64              `json:"producerId"`
	ProducerEpoch   int16              `json:"producerEpoch"`
	Started         int64              `json:"startedAt"` // epoch milliseconds, 0 if there was none
	TimeoutMillis   int64              `json:"timeoutMs"`
	Partitions      []topicPartitionID `json:"partitions"`
	Groups          []string           `json:"groups"`
}

type topicPartitionID struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
}

func printTxnsJSON(s streams, ds []log.TransactionDescription) error {
	items := []txnJSON{}
	for _, d := range ds {
		j := txnJSON{TransactionalID: d.TransactionalID, State: d.State, ProducerID: d.Producer.ID, ProducerEpoch: d.Producer.Epoch,
			TimeoutMillis: d.Timeout.Milliseconds(), Partitions: []topicPartitionID{}, Groups: append([]string{}, d.Groups...)}
		if !d.Started.IsZero() {
			j.Started = d.Started.UnixMilli()
		}
		for _, tp := range d.Partitions {
			j.Partitions = append(j.Partitions, topicPartitionID{tp.Topic, tp.Partition})
		}
		items = append(items, j)
	}
	return printJSON(s.out, listJSON{"TransactionList", 1, items})
}
