package bench

import "slices"

// median returns the middle of xs, or the mean of the two in the middle; 0 of
// none.
func median(xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(xs))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// medianOf is the median of what f says of each round.
func medianOf[R any](rounds []R, f func(R) float64) float64 {
	return median(each(rounds, f))
}

func each[R any](rounds []R, f func(R) float64) []float64 {
	xs := make([]float64, len(rounds))
	for i, r := range rounds {
		xs[i] = f(r)
	}
	return xs
}

// A Spread is the median of the rounds and how far they lie apart.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf[R any](rounds []R, f func(R) float64) Spread {
	xs := each(rounds, f)
	return Spread{Median: median(xs), Min: slices.Min(xs), Max: slices.Max(xs)}
}
