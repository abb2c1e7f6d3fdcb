package main

import (
	"math"
	"testing"
	"time"
)

func ms(values ...float64) []time.Duration {
	ds := make([]time.Duration, len(values))
	for i, v := range values {
		ds[i] = time.Duration(v * float64(time.Millisecond))
	}
	return ds
}

func TestSummarize(t *testing.T) {
	tests := []struct {
		name string
		in   []time.Duration
		want summary
	}{
		{"one", ms(3), summary{Median: 3, P5: 3, P95: 3}},
		{"even number", ms(4, 1, 2, 3), summary{Median: 2.5, P5: 1.15, P95: 3.85, IQR: 1.5}},
		{"an outlier moves the median and IQR little", ms(1, 2, 3, 4, 1000), summary{Median: 3, P5: 1.2, P95: 800.8, IQR: 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := summarize(tt.in)
			if !ok {
				t.Fatal("nothing to describe")
			}
			for _, pair := range [][2]float64{
				{got.Median, tt.want.Median}, {got.P5, tt.want.P5}, {got.P95, tt.want.P95}, {got.IQR, tt.want.IQR},
			} {
				if math.Abs(pair[0]-pair[1]) > 1e-9 {
					t.Fatalf("got %+v, want %+v", got, tt.want)
				}
			}
		})
	}
	if _, ok := summarize(nil); ok {
		t.Error("described nothing")
	}
}

func TestSummarizeKeepsOrder(t *testing.T) {
	in := ms(3, 1, 2)
	summarize(in)
	if in[0] != 3*time.Millisecond {
		t.Error("the timings were sorted in place")
	}
}

func TestCompare(t *testing.T) {
	a, b := ms(2, 4, 6, 4, 4), ms(1, 2, 3, 2, 2)
	got, ok := compare(a, b)
	if !ok || got.Value != 2 {
		t.Fatalf("got %+v, %v, want 2", got, ok)
	}
	if got.Low > got.Value || got.High < got.Value || got.Low == got.High {
		t.Errorf("interval %v - %v around %v", got.Low, got.High, got.Value)
	}
	if again, _ := compare(a, b); again != got {
		t.Errorf("the same timings gave %+v, then %+v", got, again)
	}
	if _, ok := compare(a, nil); ok {
		t.Error("compared with nothing")
	}
}
