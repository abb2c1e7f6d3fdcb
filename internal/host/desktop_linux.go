package host

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"msg"
	"msg/internal/dialog"
)

// desktops shows notices on the graphical sessions of the user of this process.
type desktops struct {
	mu        sync.Mutex
	services  map[string]*service // by the name of the bus
	positions map[int]bool        // of the dialogs that are open
}

func newDesktops() *desktops {
	return &desktops{services: map[string]*service{}, positions: map[int]bool{}}
}

// How the time until a notice is on the screen is divided: to find out about
// the notification service, and for the dialog.
const (
	notifyTimeout = 3 * time.Second
	dialogTimeout = 5 * time.Second
)

// surface shows notices on one desktop.
func (d *desktops) surface(r desktopRequest, within time.Duration) surface {
	return func(ctx context.Context, n notice, up func(string, bool)) ending {
		a := &attempt{desktops: d, finder: newFinder(r), n: n, within: within}
		a.up = func(detail string, noAnswer bool) {
			if !a.shown {
				a.shown = true
				up(detail, noAnswer)
			}
		}
		return a.show(ctx)
	}
}

// attempt is one notice on its way to one desktop.
type attempt struct {
	*desktops
	finder
	n      notice
	within time.Duration // to be on the screen
	ends   time.Time     // zero: never
	shown  bool
	up     func(detail string, noAnswer bool)
}

// show shows the notice, and once more if the service that shows it dies: then
// nobody has it on the screen any more.
func (a *attempt) show(ctx context.Context) ending {
	if a.n.Timeout > 0 {
		a.ends = time.Now().Add(a.n.Timeout)
	}
	e, err := a.once(ctx, true)
	if errors.Is(err, errLost) && (a.n.Wait || !a.shown) {
		e, err = a.once(ctx, false)
	}
	switch {
	case err == nil:
		return e
	case a.shown && ctx.Err() == nil: // it was on a screen that is not there any more
		return ending{outcome: msg.OutcomeGone, detail: err.Error()}
	}
	return failed(err)
}

// once tries one way after the other. The error is that of a notice that is
// not on the screen. A service that dies ends the first time at once.
func (a *attempt) once(ctx context.Context, first bool) (ending, error) {
	showing, cancel := context.WithTimeout(ctx, a.within)
	defer cancel()
	var problems []string
	s, owner, about, err := a.find(showing)
	known := &about
	if err != nil {
		known, problems = nil, []string{err.Error()}
	}
	for _, way := range ways(known, a.n) {
		var e ending
		if way == byDialog {
			e, err = a.dialog(ctx, showing)
		} else {
			e, err = a.notify(ctx, showing, s, owner, about.callout(a.n))
		}
		if err == nil || ctx.Err() != nil || first && errors.Is(err, errLost) {
			return e, err
		}
		problems = append(problems, err.Error())
	}
	return ending{}, errors.New(strings.Join(problems, "; "))
}

// find finds the notification service: on the bus of the user, else on the one
// that the programs of the session use, see dbus-launch(1).
func (a *attempt) find(ctx context.Context) (*service, string, notifier, error) {
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	usual := filepath.Join(a.Runtime, "bus")
	s, owner, about, err := a.ask(ctx, usual)
	if err == nil {
		return s, owner, about, nil
	}
	if name, ok := unixAddress(a.environment(ctx).bus); ok && name != usual {
		if s, owner, about, err := a.ask(ctx, name); err == nil {
			return s, owner, about, nil
		}
	}
	return nil, "", about, err
}

// ask asks for the notification service on one bus.
func (d *desktops) ask(ctx context.Context, bus string) (*service, string, notifier, error) {
	s, err := d.service(ctx, bus)
	if err != nil {
		return nil, "", notifier{}, fmt.Errorf("%w: %w", errNoService, err)
	}
	owner, about, err := s.current(ctx)
	return s, owner, about, err
}

// service connects to a bus, once.
func (d *desktops) service(ctx context.Context, bus string) (*service, error) {
	d.mu.Lock()
	s := d.services[bus]
	d.mu.Unlock()
	if s != nil && s.alive() {
		return s, nil
	}
	if bus[0] == '/' {
		if err := ownSocket(bus); err != nil {
			return nil, err
		}
	}
	s, err := dialService(ctx, bus)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if other := d.services[bus]; other != nil && other.alive() {
		s.conn.Close()
		return other, nil
	}
	d.services[bus] = s
	return s, nil
}

// notify shows the notice as a notification, while showing lasts, and waits
// until it ends.
func (a *attempt) notify(ctx, showing context.Context, s *service, owner string, c callout) (ending, error) {
	x, err := s.show(showing, owner, a.n.Message, c)
	if err != nil {
		return ending{}, err
	}
	defer s.close(x)
	a.up(c.detail, c.noAnswer)
	over := time.NewTimer(a.left())
	defer over.Stop()
	select {
	case <-x.done:
	case <-over.C:
		return ending{outcome: msg.OutcomeExpired}, nil
	case <-ctx.Done():
		return failed(errTaken), nil
	}
	if !x.how.lost {
		return a.n.ended(x.how), nil
	}
	s.pause(ctx)
	return ending{}, errLost
}

// left is how long the notice stays on the screen.
func (a *attempt) left() time.Duration {
	if a.ends.IsZero() {
		return math.MaxInt64
	}
	return time.Until(a.ends)
}

// ended says what it means how a notification ended.
func (n notice) ended(o outcome) ending {
	label, pressed := n.button(o.action)
	switch {
	case pressed:
		return ending{outcome: msg.OutcomeAnswered, answer: label}
	case o.action != "":
		return ending{outcome: msg.OutcomeFailed, detail: "the notification service invoked an action that was not offered"}
	case o.reason == reasonExpired:
		return ending{outcome: msg.OutcomeExpired, detail: "the desktop took it off the screen"}
	case o.reason == reasonClosed:
		return ending{outcome: msg.OutcomeDismissed, detail: "another program closed it"}
	}
	return ending{outcome: msg.OutcomeDismissed}
}

// dialog shows the notice in a window of our own, while showing lasts, and
// waits until it ends.
func (a *attempt) dialog(ctx, showing context.Context) (ending, error) {
	env := a.environment(showing)
	if env.display == "" {
		return ending{}, errNoDisplay
	}
	position, leave := a.position()
	defer leave()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	showing, stop := context.WithTimeout(showing, dialogTimeout)
	defer stop()
	inTime := context.AfterFunc(showing, func() { cancel(errSlowDisplay) })
	defer inTime()
	request := dialog.Request{Title: a.n.Title, By: a.n.By, Text: a.n.Text, Buttons: a.n.Buttons, Timeout: a.dialogTime(), Position: position}
	where := dialog.Env{Display: env.display, Xauthority: env.xauthority, Home: a.Home}
	up := false
	r, err := dialog.Show(ctx, where, request, func(missing []rune) {
		if inTime() {
			up = true
			a.up(missingDetail(missing), false)
		}
	})
	switch {
	case up && ctx.Err() != nil:
		return failed(errTaken), nil
	case up && err == nil && r.Outcome == dialog.Gone:
		return ending{outcome: msg.OutcomeGone, detail: "the X server has ended"}, nil
	case up && err == nil:
		return ending{outcome: msg.Outcome(r.Outcome), answer: r.Button}, nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case err == nil:
		err = errors.New("it ended before it showed anything")
	}
	return ending{}, fmt.Errorf("dialog on display %q: %w", env.display, err)
}

// Why there is no dialog.
var (
	errNoDisplay   = errors.New("no X server")
	errSlowDisplay = errors.New("the X server does not answer")
)

// dialogTime is how long the dialog stays; nothing is never.
func (a *attempt) dialogTime() time.Duration {
	if a.ends.IsZero() {
		return 0
	}
	return max(a.left(), 1)
}

// position takes the first that no other dialog has.
func (d *desktops) position() (p int, leave func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.positions[p] {
		p++
	}
	d.positions[p] = true
	return p, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.positions, p)
	}
}

// maxMissing is how many characters are named that no font has.
const maxMissing = 10

// missingDetail says which characters the desktop has no font for.
func missingDetail(missing []rune) string {
	if len(missing) == 0 {
		return ""
	}
	names := ""
	for _, r := range missing[:min(len(missing), maxMissing)] {
		names += fmt.Sprintf(" %c (U+%04X)", r, r)
	}
	if len(missing) > maxMissing {
		names += " and more"
	}
	return "this desktop has no font for" + names
}
