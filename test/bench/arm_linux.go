package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// An arm is one side of a comparison: a program, its terminals, and its timings.
type arm struct {
	peer
	ptys     []*pty
	counting bool // false during the warm-up
	timing   timing
	last     []time.Duration // fork until the last healthy terminal has the token
	exit     []time.Duration // fork until exit
	named    int             // runs whose stderr named every stuck terminal
}

func newArm(series string, ps []*pty, p peer) *arm {
	return &arm{peer: p, ptys: ps, timing: timing{Series: series, N: len(ps), Peer: p.name}}
}

// arms returns an arm for each program that is to be measured.
func (b *bencher) arms(series string, ps []*pty, peers ...peer) []*arm {
	there := map[string]bool{"msg": b.msg != "", "wall": b.wall != ""}
	var arms []*arm
	for _, p := range peers {
		if there[p.name] {
			arms = append(arms, newArm(series, ps, p))
		}
	}
	return arms
}

// interleave gives each arm its runs, in turn and with the order changing each time, so
// that whatever else the machine does falls on all alike.
func interleave(ctx context.Context, runs int, arms []*arm, run func(*arm) error) error {
	for i := range warmUps + runs {
		for k := range arms {
			a := arms[(i+k)%len(arms)]
			a.counting = i >= warmUps
			if err := run(a); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}

// exited notes that the program has run.
func (a *arm) exited(e exit) {
	if !a.counting {
		return
	}
	a.timing.Runs++
	a.exit = append(a.exit, e.took)
	if e.code != 0 {
		a.timing.Failed++
		if a.timing.Note == "" {
			a.timing.Note = fmt.Sprintf("exit %d: %s", e.code, firstLine(e.stderr))
		}
	}
	if stuck := a.stuck(); len(stuck) > 0 && namesAll(e.stderr, stuck) {
		a.named++
	}
}

// delivered notes what became of the token. The time of a run in which a terminal got
// nothing is not a time to reach the last one, and is left out.
func (a *arm) delivered(w *watch, e exit, missed int) {
	if missed > 0 {
		fmt.Fprintf(os.Stderr, "bench: INCOMPLETE: %s left out %d of %d healthy terminals; exit %d %q\n",
			a.name, missed, len(a.ptys)-len(a.stuck()), e.code, firstLine(e.stderr))
	}
	switch {
	case missed > 0: // in a warm-up too: there is no excuse for it
		a.timing.Incomplete++
	case a.counting:
		a.last = append(a.last, w.at.Sub(e.started))
	}
}

func (a *arm) stuck() []*pty {
	var ps []*pty
	for _, p := range a.ptys {
		if p.state != healthy {
			ps = append(ps, p)
		}
	}
	return ps
}

func lasts(a *arm) []time.Duration { return a.last }
func exits(a *arm) []time.Duration { return a.exit }

// add puts the timings of the arms in the report.
func (r *report) add(arms []*arm) {
	for _, a := range arms {
		t := a.timing
		if s, ok := summarize(a.last); ok {
			t.Last = &s
		}
		if s, ok := summarize(a.exit); ok {
			t.Exit = &s
		}
		r.Timings = append(r.Timings, t)
	}
}

// judge compares the first arm with the second, if there are two.
func (b *bencher) judge(arms []*arm, what string, of func(*arm) []time.Duration, bound float64) {
	if len(arms) < 2 {
		return
	}
	q, ok := compare(of(arms[0]), of(arms[1]))
	if !ok {
		return
	}
	t := arms[0].timing
	b.rep.Verdicts = append(b.rep.Verdicts, atMost(verdict{
		Series: t.Series, N: t.N, What: what,
		Value: q.Value, Low: q.Low, High: q.High,
	}, bound))
}

// judgeStuck compares an arm with stuck terminals with the arm without.
func (b *bencher) judgeStuck(a, without *arm) {
	b.judge([]*arm{a, without}, a.name+" / none, healthy last", lasts, stuckLastBound)
	s, ok := summarize(a.exit)
	if !ok {
		return
	}
	v := verdict{Series: "stuck", N: a.timing.N, What: a.name + ": exit in ms, 95 % of runs", Value: s.P95}
	b.rep.Verdicts = append(b.rep.Verdicts, atMost(v, stuckExitBound))
	v.What = a.name + ": runs that do not name all on stderr"
	v.Value = float64(a.timing.Runs - a.named)
	v.Word = within
	if v.Value > 0 {
		v.Word = over
	}
	b.rep.Verdicts = append(b.rep.Verdicts, v)
}
