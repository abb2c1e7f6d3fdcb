package host

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"msg"
	"msg/internal/console"
	"msg/internal/stations"
	"msg/internal/text"
	"msg/internal/wts"
)

// Local is this computer, a msg.Host.
type Local struct {
	*stations.Computer
	changes chan struct{}
}

// openBoxes are the slots of all computers, because threads are of the process.
var openBoxes = make(chan struct{}, stations.MaxOpenBoxes)

// Open returns this computer. It needs no set-up and no special right; what
// the caller may not do turns up in receipts.
func Open() (*Local, error) {
	name, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name of this computer: %w", err)
	}
	own, err := wts.Own()
	if err != nil {
		return nil, fmt.Errorf("session of this process: %w", err)
	}
	s := stations.New(stations.Options{
		Name: name, Services: services{server: wts.Local()}, Own: own, Locale: localeFor, Slots: openBoxes, Show: showByHelper,
	})
	return &Local{s, make(chan struct{}, 1)}, nil
}

// OpenServer returns another computer, by Windows' own remote calls and with
// the account of this process. Nothing is asked of it yet.
func OpenServer(name string) (msg.Host, error) {
	server, err := wts.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening %q: %w", name, err)
	}
	return stations.New(stations.Options{
		Name: name, Services: services{server, stations.RemoteUnits}, Remote: true, Locale: localeFor, Slots: openBoxes,
	}), nil
}

// services are Windows' own calls, which nothing can end.
type services struct {
	server   wts.Server
	maxUnits int
}

func (s services) Sessions(context.Context) ([]wts.Session, error) { return s.server.Sessions() }

func (s services) Query(_ context.Context, id uint32, class wts.Class) (string, error) {
	return s.server.Query(id, class)
}

func (s services) Times(_ context.Context, id uint32) (wts.Times, error) { return s.server.Times(id) }

func (s services) Send(_ context.Context, id uint32, b wts.Box, wait bool) (wts.Response, error) {
	return s.server.Send(id, b, wait)
}

func (s services) MaxUnits() int { return s.maxUnits }

func (s services) Close() { s.server.Close() }

// localeFor is how dates are written in a locale: in that of this user as this
// user has set it.
func localeFor(name string) text.Locale {
	own, loc := console.Locale(name)
	if name == "" || name == own {
		return loc
	}
	return text.LocaleFor(name)
}

// keepInterval is how often Keep looks who is signed in: a call within this
// computer that takes a fraction of a millisecond for each session.
const keepInterval = 2 * time.Second

// Keep tells through Changes that somebody has signed in or out, until ctx
// ends.
func (l *Local) Keep(ctx context.Context) error {
	clock := time.NewTicker(keepInterval)
	defer clock.Stop()
	var before []msg.Session
	for {
		now, err := l.Sessions(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if !slices.EqualFunc(now, before, samePlace) {
			before = now
			select {
			case l.changes <- struct{}{}:
			default: // it is ready already
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-clock.C:
		}
	}
}

// samePlace compares what does not change by itself.
func samePlace(a, b msg.Session) bool {
	a.Idle, b.Idle = 0, 0
	return a.Since.Equal(b.Since) && a.ID == b.ID && a.Account == b.Account && a.State == b.State
}

// Changes is ready when somebody may have signed in or out. There is one
// channel for one reader.
func (l *Local) Changes() <-chan struct{} { return l.changes }
