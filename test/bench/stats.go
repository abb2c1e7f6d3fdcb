package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// A summary describes one set of timings, in milliseconds.
type summary struct {
	Median float64 `json:"median"`
	P5     float64 `json:"p5"`
	P95    float64 `json:"p95"`
	IQR    float64 `json:"iqr"` // p75 - p25: the spread that a few outliers do not move
}

// summarize describes ds; ok is false if there is nothing to describe.
func summarize(ds []time.Duration) (s summary, ok bool) {
	if len(ds) == 0 {
		return summary{}, false
	}
	ms := millis(ds)
	slices.Sort(ms)
	return summary{
		Median: quantile(ms, 0.5),
		P5:     quantile(ms, 0.05),
		P95:    quantile(ms, 0.95),
		IQR:    quantile(ms, 0.75) - quantile(ms, 0.25),
	}, true
}

func millis(ds []time.Duration) []float64 {
	ms := make([]float64, len(ds))
	for i, d := range ds {
		ms[i] = float64(d) / float64(time.Millisecond)
	}
	return ms
}

// quantile interpolates between the two nearest of the sorted values.
func quantile(sorted []float64, q float64) float64 {
	pos := q * float64(len(sorted)-1)
	lo := int(math.Floor(pos))
	hi := int(math.Ceil(pos))
	return sorted[lo] + (sorted[hi]-sorted[lo])*(pos-float64(lo))
}

// A ratio is the quotient of two medians, with the interval that holds 90 % of the
// quotients found by drawing the same runs again with replacement. The interval says
// how much the quotient would move if the program were run once more.
type ratio struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// compare returns median(a)/median(b); ok is false if either is empty.
func compare(a, b []time.Duration) (r ratio, ok bool) {
	if len(a) == 0 || len(b) == 0 {
		return ratio{}, false
	}
	const draws = 2000
	ma, mb := millis(a), millis(b)
	// A fixed seed: the same timings always give the same report.
	rng := rand.New(rand.NewPCG(1, 2))
	qs := make([]float64, draws)
	for i := range qs {
		qs[i] = redraw(rng, ma) / redraw(rng, mb)
	}
	slices.Sort(qs)
	return ratio{
		Value: median(ma) / median(mb),
		Low:   quantile(qs, 0.05),
		High:  quantile(qs, 0.95),
	}, true
}

// redraw returns the median of len(ms) values drawn from ms with replacement.
func redraw(rng *rand.Rand, ms []float64) float64 {
	drawn := make([]float64, len(ms))
	for i := range drawn {
		drawn[i] = ms[rng.IntN(len(ms))]
	}
	slices.Sort(drawn)
	return quantile(drawn, 0.5)
}

func median(ms []float64) float64 {
	sorted := slices.Clone(ms)
	slices.Sort(sorted)
	return quantile(sorted, 0.5)
}
