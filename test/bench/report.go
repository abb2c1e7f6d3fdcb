package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// A report is everything the program prints on stdout.
type report struct {
	Env      environment `json:"environment"`
	Timings  []timing    `json:"timings,omitempty"`  // in milliseconds
	Verdicts []verdict   `json:"verdicts,omitempty"` // never a reason to exit non-zero
}

// An environment is what the timings depend on besides the programs.
type environment struct {
	Kernel    string     `json:"kernel"`
	Arch      string     `json:"arch"`
	Cores     int        `json:"cores"`
	Load      [3]float64 `json:"load"`
	Busy      float64    `json:"busy"` // share of the cores in use before the start
	Wall      string     `json:"wall"`
	Logind    string     `json:"logind"`
	Processes int        `json:"processes"`
	Utmp      string     `json:"utmp"`
}

// A timing describes the counted runs of one program on one farm.
type timing struct {
	Series     string   `json:"series"`
	N          int      `json:"n"` // terminals, stuck ones included
	Peer       string   `json:"peer"`
	Runs       int      `json:"runs"`
	Incomplete int      `json:"incomplete"` // runs in which a healthy terminal got nothing
	Failed     int      `json:"failed"`     // runs that did not exit 0
	Last       *summary `json:"last,omitempty"`
	Exit       *summary `json:"exit,omitempty"`
	Note       string   `json:"note,omitempty"` // what the first failed run had to say
}

// A verdict compares a value with the bound it should keep.
type verdict struct {
	Series string  `json:"series"`
	N      int     `json:"n"`
	What   string  `json:"what"`
	Value  float64 `json:"value"`
	Low    float64 `json:"low,omitempty"`   // of the interval that holds 90 %
	High   float64 `json:"high,omitempty"`  // of repetitions
	Bound  float64 `json:"bound,omitempty"` // 0: none is set
	Word   string  `json:"verdict,omitempty"`
}

// The words of a verdict.
const (
	within = "within"
	over   = "over"
)

// atMost returns the verdict on a value that should not be above the bound.
func atMost(v verdict, bound float64) verdict {
	v.Bound, v.Word = bound, within
	if v.Value > bound {
		v.Word = over
	}
	if bound == 0 {
		v.Word = ""
	}
	return v
}

// incomplete returns the number of runs that did not reach everybody.
func (r *report) incomplete() int {
	n := 0
	for _, t := range r.Timings {
		n += t.Incomplete
	}
	return n
}

// write prints the report, as JSON or as tables for people.
func (r *report) write(w io.Writer, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	r.Env.write(tw)
	if len(r.Timings) > 0 {
		fmt.Fprintln(tw, "\nmilliseconds: median, 5 % to 95 % of the runs, interquartile range")
		fmt.Fprintln(tw, "series\tn\tprogram\truns\tincomplete\texit>0\tlast\tp5 - p95\tiqr\texit\tp5 - p95\tiqr")
		for _, t := range r.Timings {
			t.write(tw)
		}
	}
	if len(r.Verdicts) > 0 {
		fmt.Fprintln(tw, "\nbounds: value, where 90 % of repetitions would fall")
		fmt.Fprintln(tw, "series\tn\twhat\tvalue\t90 %\tbound")
		for _, v := range r.Verdicts {
			v.write(tw)
		}
	}
	return tw.Flush()
}

func (e environment) write(w io.Writer) {
	fmt.Fprintf(w, "kernel\t%s %s\n", e.Kernel, e.Arch)
	fmt.Fprintf(w, "cores\t%d\n", e.Cores)
	fmt.Fprintf(w, "load\t%.2f %.2f %.2f\n", e.Load[0], e.Load[1], e.Load[2])
	fmt.Fprintf(w, "in use\t%.0f %%", 100*e.Busy)
	if e.Busy > 0.1 {
		fmt.Fprint(w, "  BUSY: timings will be off")
	}
	fmt.Fprintf(w, "\nprocesses\t%d\n", e.Processes)
	fmt.Fprintf(w, "wall\t%s\n", e.Wall)
	fmt.Fprintf(w, "logind\t%s\n", e.Logind)
	fmt.Fprintf(w, "utmp\t%s\n", e.Utmp)
}

func (t timing) write(w io.Writer) {
	incomplete := fmt.Sprint(t.Incomplete)
	if t.Incomplete > 0 {
		incomplete += " INCOMPLETE"
	}
	fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%s\t%d\t%s\t%s", t.Series, t.N, t.Peer, t.Runs,
		incomplete, t.Failed, t.Last, t.Exit)
	if t.Note != "" {
		fmt.Fprintf(w, "\t%q", t.Note)
	}
	fmt.Fprintln(w)
}

// String returns the three cells of a table that a summary takes.
func (s *summary) String() string {
	if s == nil {
		return "-\t-\t-"
	}
	return fmt.Sprintf("%.2f\t%.2f - %.2f\t%.2f", s.Median, s.P5, s.P95, s.IQR)
}

func (v verdict) write(w io.Writer) {
	interval, bound := "-", "-"
	if v.High != 0 {
		interval = fmt.Sprintf("%.2f - %.2f", v.Low, v.High)
	}
	if v.Bound != 0 {
		bound = fmt.Sprintf("%.2f", v.Bound)
	}
	fmt.Fprintf(w, "%s\t%d\t%s\t%.2f\t%s\t%s\t%s\n", v.Series, v.N, v.What, v.Value, interval, bound, v.Word)
}
