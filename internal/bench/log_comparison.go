package bench

// A Comparison is what both sides of a row reached in the same time.
type Comparison struct {
	Freshet LogSide  `json:"freshet"`
	ByHand  *LogSide `json:"by_hand,omitempty"`

	// Ratio is Freshet's speed over that by hand, of the rounds each.
	Ratio *Spread `json:"ratio,omitempty"`

	// AcknowledgedRatio leaves out what Freshet still does after the last
	// acknowledgement.
	AcknowledgedRatio *Spread `json:"acknowledged_ratio,omitempty"`
}

// comparison compares the rounds; without a side by hand there is nothing to
// compare with.
func comparison(rounds []passRound) Comparison {
	c := Comparison{Freshet: passSide(rounds, freshetOf)}
	if rounds[0].byHand.sum.records == 0 {
		return c
	}
	byHand := passSide(rounds, byHandOf)
	ratio := spreadOf(rounds, func(r passRound) float64 { return quotient(r.freshet.rate(), r.byHand.rate()) })
	acknowledged := spreadOf(rounds, func(r passRound) float64 {
		return quotient(r.freshet.acknowledgedRate(), r.byHand.acknowledgedRate())
	})
	c.ByHand, c.Ratio, c.AcknowledgedRatio = &byHand, &ratio, &acknowledged
	return c
}

func freshetOf(r passRound) pass { return r.freshet }
func byHandOf(r passRound) pass  { return r.byHand }

// rate is in records a second.
func (p pass) rate() float64 { return quotient(float64(p.sum.records), p.wall.Seconds()) }
func (p pass) acknowledgedRate() float64 {
	return quotient(float64(p.sum.records), p.acknowledged.Seconds())
}

func passSide(rounds []passRound, of func(passRound) pass) LogSide {
	perRecord := func(f func(pass) float64) float64 {
		return medianOf(rounds, func(r passRound) float64 { return quotient(f(of(r)), float64(of(r).sum.records)) })
	}
	return LogSide{
		RecordsPerSecond: medianOf(rounds, func(r passRound) float64 { return of(r).rate() }),
		MegabytesPerSecond: medianOf(rounds, func(r passRound) float64 {
			return quotient(float64(of(r).sum.bytes)/1e6, of(r).wall.Seconds())
		}),
		AcknowledgedRecordsPerSecond: medianOf(rounds, func(r passRound) float64 { return of(r).acknowledgedRate() }),
		CPUSecondsPerMillion:         perRecord(func(p pass) float64 { return p.cpu.Seconds() * 1e6 }),
		AllocsPerRecord:              perRecord(func(p pass) float64 { return float64(p.allocs) }),
		AllocBytesPerRecord:          perRecord(func(p pass) float64 { return float64(p.allocBytes) }),
	}
}

// quotient is 0 where there is none.
func quotient(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// comparisonColumns are the names of what text gives.
const comparisonColumns = "freshet\tby hand\tratio\tmin–max\tacknowledged\tMB/s\tCPU s/M\tby hand\t"

// text gives the columns that every comparison has.
func (c Comparison) text() []any {
	cells := []any{rate(c.Freshet.RecordsPerSecond), "", "", "", "", rounded(c.Freshet.MegabytesPerSecond), seconds(c.Freshet.CPUSecondsPerMillion), ""}
	if c.ByHand != nil {
		cells[1], cells[2] = rate(c.ByHand.RecordsPerSecond), fixed(c.Ratio.Median)
		cells[3] = fixed(c.Ratio.Min) + "–" + fixed(c.Ratio.Max)
		cells[4] = fixed(c.AcknowledgedRatio.Median)
		cells[7] = seconds(c.ByHand.CPUSecondsPerMillion)
	}
	return cells
}
