package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"msg"
	"msg/internal/account"
	"msg/internal/hosttest"
)

// fakeWindow is a window on which the test does what a person would do.
func fakeWindow(events <-chan event, closed func()) *window { return &window{events, closed} }

// windowWorld is a computer with desktops, all of them called d, in the time
// of a bubble.
type windowWorld struct {
	*Local
	events  chan event // of the windows
	mu      sync.Mutex
	closed  int
	holders []holder
}

func newWindowWorld(t *testing.T) *windowWorld {
	w := &windowWorld{events: make(chan event, 2)}
	w.Local = (&Local{dev: devFS{root: "/dev"}, proc: procFS{root: t.TempDir()}, users: account.New()}).ready()
	w.show = func(context.Context, place, msg.Message) *window {
		return fakeWindow(w.events, sync.OnceFunc(func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.closed++
		}))
	}
	return w
}

func (w *windowWorld) closings() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

// desktop is the place of the session with that ID.
func (w *windowWorld) desktop(id string) place {
	return place{holders: w.holders, Session: msg.Session{ID: id, Name: ":0", Account: "1000", Kind: msg.KindDesktop}}
}

// deliver delivers m to one desktop, and writes the receipts in short, with
// the times that they came at.
func (w *windowWorld) deliver(ctx context.Context, m msg.Message) []string {
	var got []string
	begun := time.Now()
	w.newRun(ctx, m).deliver([]place{w.desktop("d")}, func(r msg.Receipt) {
		line := fmt.Sprintf("%v %s", time.Since(begun), r.Outcome)
		for _, s := range []string{r.Answer, r.Detail} {
			if s != "" {
				line += " " + s
			}
		}
		if r.Final {
			line += "."
		}
		got = append(got, line)
	})
	return got
}

func asking(timeout time.Duration) msg.Message {
	m := hosttest.Message("do you agree?")
	m.Wait, m.Timeout = true, timeout
	return m
}

func TestWaitForAWindow(t *testing.T) {
	shown := event{Outcome: msg.OutcomeAccepted, Surface: "desktop"}
	for _, c := range []struct {
		name    string
		timeout time.Duration // of the message
		act     func(w *windowWorld, stop func())
		want    []string
	}{
		{"answered", time.Minute, func(w *windowWorld, _ func()) {
			w.events <- shown
			time.Sleep(5 * time.Second)
			w.events <- event{Outcome: msg.OutcomeAnswered, Answer: "OK"}
		}, []string{"0s accepted", "5s answered OK."}},
		{"dismissed", time.Minute, func(w *windowWorld, _ func()) {
			w.events <- shown
			time.Sleep(time.Second)
			w.events <- event{Outcome: msg.OutcomeDismissed}
		}, []string{"0s accepted", "1s dismissed."}},
		{"its own time-out", 3 * time.Second, func(w *windowWorld, _ func()) {
			w.events <- shown
			time.Sleep(3 * time.Second)
			w.events <- event{Outcome: msg.OutcomeExpired}
		}, []string{"0s accepted", "3s expired."}},
		{"a helper that hangs", 3 * time.Second, func(w *windowWorld, _ func()) {
			w.events <- shown
		}, []string{"0s accepted", "3.5s expired."}},
		{"a helper that ends", time.Minute, func(w *windowWorld, _ func()) {
			w.events <- shown
			time.Sleep(time.Second)
			close(w.events)
		}, []string{"0s accepted", "1s failed the window has gone: its helper has ended."}},
		{"no way to answer", time.Minute, func(w *windowWorld, _ func()) {
			w.events <- event{Outcome: msg.OutcomeAccepted, NoAnswer: true, Detail: "no buttons"}
		}, []string{"0s accepted no buttons."}},
		{"not shown", time.Minute, func(w *windowWorld, _ func()) {
			w.events <- event{Outcome: msg.OutcomeFailed, Detail: "no display"}
		}, []string{"0s failed no display."}},
		{"shown late", 3 * time.Second, func(w *windowWorld, _ func()) {
			time.Sleep(2 * time.Second)
			w.events <- shown
			time.Sleep(3 * time.Second) // all of its time on the screen
			w.events <- event{Outcome: msg.OutcomeExpired}
		}, []string{"2s accepted", "5s expired."}},
		{"never shown", time.Minute, func(*windowWorld, func()) {}, []string{"10s failed it was not shown in time."}},
		{"a helper that ends before", time.Minute, func(w *windowWorld, _ func()) {
			close(w.events)
		}, []string{"0s failed its helper has ended."}},
		{"interrupted", 0, func(w *windowWorld, stop func()) {
			w.events <- shown
			time.Sleep(time.Second)
			stop()
		}, []string{"0s accepted", "1s failed interrupted."}},
		{"interrupted before", 0, func(w *windowWorld, stop func()) {
			time.Sleep(time.Second)
			stop()
		}, []string{"1s failed interrupted."}},
		{"answered elsewhere", 0, func(w *windowWorld, _ func()) {
			w.events <- shown
			time.Sleep(time.Second)
			_, _ = w.Answer(context.Background(), msg.Principal{Account: "1000"}, msg.Answer{Message: w.waits.all()[0].message.ID})
		}, []string{"0s accepted", "1s answered OK."}},
		{"answered elsewhere before it is shown", 0, func(w *windowWorld, _ func()) {
			time.Sleep(time.Second)
			_, _ = w.Answer(context.Background(), msg.Principal{Account: "1000"}, msg.Answer{Message: w.waits.all()[0].message.ID})
		}, []string{"1s accepted", "1s answered OK."}},
		{"stays for ever", 0, func(w *windowWorld, _ func()) {
			w.events <- shown
			time.Sleep(time.Hour)
			w.events <- event{Outcome: msg.OutcomeAnswered, Answer: "OK"}
		}, []string{"0s accepted", "1h0m0s answered OK."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWindowWorld(t)
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				go c.act(w, stop)
				if got := w.deliver(ctx, asking(c.timeout)); !slices.Equal(got, c.want) {
					t.Errorf("receipts %q, want %q", got, c.want)
				}
				synctest.Wait()
				shownNowhere := c.want[0] == "0s failed no display." || strings.HasSuffix(c.want[0], "no buttons.")
				if n := w.closings(); !shownNowhere && n != 1 {
					t.Errorf("the window was closed %d times", n)
				}
				if n := len(w.waits.all()); n != 0 {
					t.Errorf("%d messages wait", n)
				}
			})
		})
	}
}

// A terminal that is written to late, because tmux did not show a popup, is not
// waited for longer than the others: it has nothing that stays on the screen.
func TestWaitForALateTerminal(t *testing.T) {
	pty := hosttest.OpenPTY(t, 80, 24)
	synctest.Test(t, func(t *testing.T) {
		w := newWindowWorld(t)
		device, err := w.dev.stat(pty.Name)
		if err != nil {
			t.Fatal(err)
		}
		p := place{tty: pty.Name, rdev: device.rdev, uid: uint32(os.Getuid()), client: &tmuxClient{},
			Session: msg.Session{ID: "t", Name: pty.Name, Kind: msg.KindTerminal}}
		go func() {
			time.Sleep(2 * time.Second)
			w.events <- event{Outcome: msg.OutcomeFailed, Surface: surfaceTmux, Detail: errSlowTmux.Error()}
		}()
		begun := time.Now()
		var got []string
		w.newRun(t.Context(), asking(3*time.Second)).deliver([]place{p}, func(r msg.Receipt) {
			got = append(got, fmt.Sprintf("%v %s %s", time.Since(begun), r.Outcome, r.Surface))
		})
		if want := []string{"2s accepted terminal", "3s expired terminal"}; !slices.Equal(got, want) {
			t.Errorf("receipts %q, want %q", got, want)
		}
	})
}

// A window for a message that does not wait is let be once it is shown.
func TestWindowThatNobodyWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWindowWorld(t)
		w.events <- event{Outcome: msg.OutcomeAccepted, Surface: "desktop"}
		if got := w.deliver(t.Context(), hosttest.Message("hello")); !slices.Equal(got, []string{"0s accepted."}) {
			t.Errorf("receipts %q", got)
		}
		if w.closings() != 0 {
			t.Error("the window was closed")
		}
	})
}

// TestSessionThatEnds takes the processes of a session away while it is waited
// for, with the table kept and not.
func TestSessionThatEnds(t *testing.T) {
	for _, kept := range []bool{false, true} {
		for at, want := range map[time.Duration]time.Duration{3500 * time.Millisecond: 4 * time.Second, 59500 * time.Millisecond: time.Minute} {
			synctest.Test(t, func(t *testing.T) {
				w := newWindowWorld(t)
				if kept {
					if err := w.table.start(); err != nil {
						t.Fatal(err)
					}
					defer w.table.stop()
					want = at // there is an event
				}
				dir := w.proc.path(42, "")
				write(t, dir+"stat", []byte(statLine(process{pid: 42, comm: "x", session: 42, start: 7})))
				w.holders = []holder{{41, 1}, {42, 7}}
				w.events <- event{Outcome: msg.OutcomeAccepted}
				go func() {
					<-time.After(at)
					_ = os.RemoveAll(dir)
					if kept {
						ready(w.waits.look)
					}
				}()
				want := []string{"0s accepted", want.String() + " gone the session has ended."}
				if got := w.deliver(t.Context(), asking(time.Minute)); !slices.Equal(got, want) {
					t.Errorf("kept %v: receipts %q, want %q", kept, got, want)
				}
			})
		}
	}
}

func TestGone(t *testing.T) {
	w := newWorld(t)
	p := w.login(hosttest.OpenPTY(t, 80, 24))
	places, err := w.places(t.Context(), nil)
	if err != nil || len(places) != 1 {
		t.Fatalf("%+v, %v", places, err)
	}
	here := places[0]
	if len(here.holders) != 1 || here.holders[0].pid != os.Getpid() {
		t.Errorf("the session lasts as long as %v", here.holders)
	}
	for name, c := range map[string]struct {
		change func(*place)
		want   error
	}{
		"as it was":        {func(*place) {}, nil},
		"one of two is":    {func(p *place) { p.holders = append([]holder{{999999, 0}}, p.holders...) }, nil},
		"nobody is known":  {func(p *place) { p.holders = nil }, nil},
		"other process":    {func(p *place) { p.holders = []holder{{os.Getpid(), 5}} }, errEnded},
		"no process":       {func(p *place) { p.holders = []holder{{999999, 0}} }, errEnded},
		"other owner":      {func(p *place) { p.uid++ }, errChanged},
		"other device":     {func(p *place) { p.rdev++ }, errChanged},
		"no such terminal": {func(p *place) { p.tty = "pts/99999" }, errGone},
	} {
		changed := here
		c.change(&changed)
		if err := w.gone(changed); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	_ = p
}

// person is somebody at a terminal of a test with many.
type person struct {
	*hosttest.PTY
	does msg.Outcome
}

// people are as many of each kind: who answers, does not, leaves, and who has
// stopped the terminal.
func (w *world) people(each int) []person {
	w.t.Helper()
	var all []person
	for i := range 4 * each {
		p := person{does: []msg.Outcome{msg.OutcomeAnswered, msg.OutcomeExpired, msg.OutcomeGone, msg.OutcomeFailed}[i%4]}
		open := func(t testing.TB) *hosttest.PTY { return hosttest.OpenPTY(t, 80, 24) }
		if p.does == msg.OutcomeFailed {
			open = hosttest.OpenStoppedPTY
		}
		p.PTY = w.shell(open(w.t))
		all = append(all, p)
	}
	return all
}

// act does what the person does when the message is on the screen.
func (w *world) act(p person, text string) {
	if p.does == msg.OutcomeFailed || !p.Screen.Wait(w.t.Context(), text) {
		return
	}
	switch p.does {
	case msg.OutcomeGone:
		w.leave(p.PTY)
	case msg.OutcomeAnswered:
		who := msg.Principal{Account: fmt.Sprint(os.Getuid()), Terminal: p.Name}
		if r, err := w.Answer(w.t.Context(), who, msg.Answer{}); err != nil || r.Session.Name != p.Name {
			w.t.Errorf("%s answers: %+v, %v", p.Name, r, err)
		}
	}
}

// TestManyWait has 200 people at terminals, who do different things.
func TestManyWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := asking(3 * time.Second)
	want := map[string]msg.Outcome{}
	var acting sync.WaitGroup
	for _, p := range w.people(50) {
		want[p.Name] = p.does
		acting.Go(func() { w.act(p, m.Text) })
	}
	shown, last := map[string]time.Time{}, map[string]msg.Receipt{}
	to, err := msg.ParseTarget("*")
	if err != nil {
		t.Fatal(err)
	}
	err = w.Send(t.Context(), to, m, func(r msg.Receipt) {
		name, now := r.Session.Name, time.Now()
		last[name] = r
		if !r.Final {
			shown[name] = now
			return
		}
		if at, ok := shown[name]; ok && now.Sub(at) > m.Timeout+time.Second {
			t.Errorf("%s: %s was reported %v after it was shown", name, r.Outcome, now.Sub(at))
		}
	})
	acting.Wait()
	if err != nil || len(last) != len(want) || len(shown) != 150 {
		t.Errorf("%d receipts, %d shown, %v", len(last), len(shown), err)
	}
	for name, r := range last {
		if r.Outcome != want[name] || !r.Final {
			t.Errorf("%s: %+v, want %s", name, r, want[name])
		}
	}
}

// TestManyWaitInTime holds the promise of a second beyond the time-out, by the
// clock of a bubble and with windows whose helpers hang.
func TestManyWaitInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWindowWorld(t)
		var places []place
		for i := range 500 {
			places = append(places, w.desktop(fmt.Sprint(i)))
		}
		w.show = func(_ context.Context, p place, _ msg.Message) *window {
			events := make(chan event, 1)
			if p.ID > "2" {
				events <- event{Outcome: msg.OutcomeAccepted}
			}
			return fakeWindow(events, func() {})
		}
		begun, outcomes := time.Now(), map[msg.Outcome]int{}
		w.newRun(t.Context(), asking(20*time.Second)).deliver(places, func(r msg.Receipt) {
			if r.Final {
				outcomes[r.Outcome]++
			}
		})
		if took := time.Since(begun); took > 21*time.Second {
			t.Errorf("it took %v", took)
		}
		if outcomes[msg.OutcomeExpired] != 387 || outcomes[msg.OutcomeFailed] != 113 {
			t.Errorf("outcomes %v", outcomes)
		}
	})
}
