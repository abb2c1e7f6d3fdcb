package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

const (
	warmUps     = 2   // uncounted runs of each program: caches, and the kernel's own
	startupRuns = 200 // a start is short and noisy
	stuckHealth = 50  // terminals in the stuck series,
	stuckCount  = 10  // of which stuck
)

// lastBounds is how many times as long as wall msg may take to reach the last terminal.
// With few terminals it is the start that counts, where a Go program cannot win.
var lastBounds = map[int]float64{1: 2.0, 50: 1.5, 200: 1.0, 500: 0.8}

// daemonBounds are those of a msg that has msgd do it.
var daemonBounds = map[int]float64{1: 1.1, 50: 1.1, 200: 0.8, 500: 0.8}

// settled is how long after a change msgd lists the sessions anew for each message.
const settled = 6 * time.Second

const (
	startupBound   = 3.0 // times wall
	stuckLastBound = 1.3 // times without stuck terminals
	stuckExitBound = 500 // milliseconds
)

// A bencher runs the series and fills the report.
type bencher struct {
	opt       options
	msg, wall string
	owner     account
	launch    *launcher
	rep       *report
	serial    int // of the latest token
	salt      uint32
}

func newBencher(opt options, msg, wall string, rep *report) (*bencher, error) {
	launch, err := newLauncher()
	if err != nil {
		return nil, err
	}
	owner := findAccount(opt.user)
	if owner.name != opt.user {
		fmt.Fprintf(os.Stderr, "bench: the terminals belong to %s\n", owner.name)
	}
	if scope := sessionScope(); scope != "" {
		fmt.Fprintf(os.Stderr, "bench: this runs inside %s, and a sender that asks logind takes the farm's terminals "+
			"for windows of that session and leaves them out; use systemd-run -P\n", scope)
	}
	return &bencher{opt: opt, msg: msg, wall: wall, owner: owner, launch: launch, rep: rep, salt: rand.Uint32()}, nil
}

func (b *bencher) close() { b.launch.close() }

// all runs the series that were asked for.
func (b *bencher) all(ctx context.Context) error {
	if b.opt.wants("startup") {
		if err := b.startup(ctx); err != nil {
			return fmt.Errorf("series startup: %w", err)
		}
	}
	if b.opt.wants("last") {
		for _, n := range b.opt.sizes {
			if err := b.last(ctx, n); err != nil {
				return fmt.Errorf("series last, %d terminals: %w", n, err)
			}
		}
	}
	if b.opt.wants("stuck") && b.msg != "" && !b.opt.daemon { // it changes who is listed all the time
		if err := b.stuck(ctx); err != nil {
			return fmt.Errorf("series stuck: %w", err)
		}
	}
	return nil
}

// startup compares how long the programs take to do nothing.
func (b *bencher) startup(ctx context.Context) error {
	arms := b.arms("startup", nil,
		peer{"msg", func(string) []string { return []string{b.msg, "/?"} }},
		peer{"wall", func(string) []string { return []string{b.wall, "--version"} }})
	err := interleave(ctx, startupRuns, arms, func(a *arm) error {
		e, err := b.launch.run(ctx, a.argv(""))
		if err != nil {
			return err
		}
		a.exited(e)
		return nil
	})
	b.rep.add(arms)
	b.judge(arms, "msg/wall, exit", exits, startupBound)
	return err
}

// last compares when the last of n terminals has the message.
func (b *bencher) last(ctx context.Context, n int) (err error) {
	f, err := newFarm(n, 0, 0, b.owner)
	if err != nil {
		return err
	}
	defer f.closeInto(&err)
	floor, err := b.prove(f)
	if err != nil {
		return err
	}
	if err := f.list(f.ptys); err != nil {
		return err
	}
	if b.opt.daemon {
		time.Sleep(settled)
	}
	arms := b.arms("last", f.ptys,
		peer{"msg", b.msgAll},
		peer{"wall", func(token string) []string { return []string{b.wall, token} }})
	err = interleave(ctx, b.opt.runs, arms, func(a *arm) error { return b.deliver(ctx, f, a) })
	b.rep.add(append(arms, floor))
	bounds := lastBounds
	if b.opt.daemon {
		bounds = daemonBounds
	}
	b.judge(arms, "msg/wall, last", lasts, bounds[n])
	return err
}

// stuck compares msg with itself where some terminals take nothing.
func (b *bencher) stuck(ctx context.Context) (err error) {
	f, err := newFarm(stuckHealth, stuckCount, stuckCount, b.owner)
	if err != nil {
		return err
	}
	defer f.closeInto(&err)
	if _, err := b.prove(f); err != nil {
		return err
	}
	fine := f.of(healthy)
	var arms []*arm
	for _, p := range []struct {
		name  string
		stuck []*pty
	}{{"msg, none stuck", nil}, {"msg, 10 full", f.of(stuckFull)}, {"msg, 10 stopped", f.of(stuckStopped)}} {
		ps := mix(p.stuck, fine[:stuckHealth-len(p.stuck)])
		arms = append(arms, newArm("stuck", ps, peer{p.name, b.msgAll}))
	}
	err = interleave(ctx, b.opt.runs, arms, func(a *arm) error {
		if err := b.deliver(ctx, f, a); err != nil {
			return err
		}
		return f.checkStuck()
	})
	b.rep.add(arms)
	for _, a := range arms[1:] {
		b.judgeStuck(a, arms[0])
	}
	return err
}

// mix spreads the stuck ptys over the list, the first at the front, where a program
// that waits for each in turn is hurt most.
func mix(stuck, fine []*pty) []*pty {
	var ps []*pty
	per := 1
	if len(stuck) > 0 {
		per = len(fine) / len(stuck)
	}
	for _, p := range stuck {
		ps = append(append(ps, p), fine[:per]...)
		fine = fine[per:]
	}
	return append(ps, fine...)
}

// deliver runs a program once on the arm's terminals and notes when they had the token.
func (b *bencher) deliver(ctx context.Context, f *farm, a *arm) error {
	if err := f.list(a.ptys); err != nil {
		return err
	}
	f.detect.settle()
	token := b.token()
	w := f.detect.expect(token, a.ptys)
	e, err := b.launch.run(ctx, a.argv(token))
	if err != nil {
		return err
	}
	select { // what is under way when the program exits still counts
	case <-w.done:
	case <-time.After(1500 * time.Millisecond):
	case <-ctx.Done():
	}
	missed := f.detect.unwatch(w)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	a.exited(e)
	a.delivered(w, e, missed)
	return nil
}

// prove writes to the terminals itself, and returns an error unless the detector sees
// exactly that. The times are the floor: one thread, no program to start.
func (b *bencher) prove(f *farm) (*arm, error) {
	const rounds = 9
	ps := f.of(healthy)
	floor := newArm("last", ps, peer{"(floor)", nil})
	for range rounds {
		w := f.detect.expect(b.token(), ps)
		if err := writeAll(ps, b.token()); err != nil {
			return nil, err
		}
		f.detect.settle()
		if missed := f.detect.unwatch(w); missed != len(ps) {
			return nil, fmt.Errorf("the detector saw a token that was not written on %d terminals", len(ps)-missed)
		}
		token := b.token()
		w = f.detect.expect(token, ps)
		e := exit{started: time.Now()}
		if err := writeAll(ps, token); err != nil {
			return nil, err
		}
		e.took = time.Since(e.started)
		select {
		case <-w.done:
		case <-time.After(1500 * time.Millisecond):
		}
		if missed := f.detect.unwatch(w); missed > 0 {
			return nil, fmt.Errorf("the detector missed a token on %d of %d terminals", missed, len(ps))
		}
		floor.counting = true
		floor.exited(e)
		floor.delivered(w, e, 0)
		f.detect.settle()
	}
	return floor, nil
}

// token returns a word that no other run has used, without a place to break a line.
func (b *bencher) token() string {
	b.serial++
	return fmt.Sprintf("bench%08x%05d", b.salt, b.serial)
}

func (b *bencher) msgAll(token string) []string { return []string{b.msg, "*", token} }
