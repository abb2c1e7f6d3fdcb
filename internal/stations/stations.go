// Package stations is a Windows computer as a msg.Host: window stations are its
// sessions, and message boxes are what it shows. It decides what is the same
// however the calls get there: package host makes those of this system, package
// tsts remote ones of its own.
//
// It promises that no call is waited for longer than it should take, that each
// session has its last receipt whatever a call does, and that an error of the
// system has its cause and cure. Start with Services and New.
package stations

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"msg"
	"msg/internal/text"
	"msg/internal/wts"
)

// Services is what a Windows computer can be asked and told. Calls can take any
// time; the end of ctx ends those that can be ended. Errors of the system are
// *wts.Error.
type Services interface {
	Sessions(ctx context.Context) ([]wts.Session, error)
	Query(ctx context.Context, id uint32, class wts.Class) (string, error)
	Times(ctx context.Context, id uint32) (wts.Times, error)
	Send(ctx context.Context, id uint32, b wts.Box, wait bool) (wts.Response, error)

	// MaxUnits is the longest text, and the longest title, in UTF-16 units; 0
	// is any length. It is asked after Sessions, from which it may come.
	MaxUnits() int

	Close()
}

// Options is what differs between computers.
type Options struct {
	Name     string // of the computer
	Services Services
	Remote   bool   // the calls go to another computer
	Own      uint32 // the session of this process, unless Remote
	Locale   func(name string) text.Locale

	// Show puts a box into the session of this process without Terminal
	// Services, calls shown, and returns when it is closed, which the end of
	// ctx does as well; nil where that cannot be.
	Show func(ctx context.Context, b wts.Box, shown func()) (wts.Response, error)

	// Slots has room for each box that may be open; computers may share them.
	Slots chan struct{}

	// Cures replace those that Windows' own commands would need, by error.
	// A %s in one is the name of the computer.
	Cures map[uint32]string
}

// Computer is a Windows computer, this one or another: a msg.Host whose
// sessions are window stations and whose surface is the message box that the
// system itself shows.
type Computer struct {
	Options
	waits waits
	calls callCount
}

// New is a computer. Nothing is asked of it yet; Close closes its Services.
func New(o Options) *Computer { return &Computer{Options: o} }

// How long calls may take. One that is over is left behind, because nothing
// can end it; a computer that is switched off is noticed by Windows after
// about 20 seconds.
const (
	stationsTimeout = 50 * time.Second
	boxTimeLimit    = 30 * time.Second
)

// within calls f and returns what it does, unless that takes too long or ctx
// ends.
func within[T any](ctx context.Context, s *Computer, limit time.Duration, f func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	late := time.NewTimer(limit)
	defer late.Stop()
	s.calls.begin()
	called, cancel := context.WithCancel(ctx)
	defer cancel() // for calls that can be ended
	go func() {
		v, err := f(called)
		s.calls.end() // before the result, or Close would come first and be left to this goroutine
		done <- result{v, err}
	}()
	var none T
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	case <-late.C:
		return none, fmt.Errorf("%q does not answer: nothing came for %v", s.Name, limit)
	}
}

// callCount lets a computer be closed when the last call has returned: Windows
// does not like to have a handle closed that is in use.
type callCount struct {
	mu     sync.Mutex
	n      int
	closed func()
}

func (c *callCount) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func (c *callCount) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n--
	if c.n == 0 && c.closed != nil {
		c.closed()
	}
}

// close calls closed now or when the last call ends.
func (c *callCount) close(closed func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == 0 {
		closed()
		return
	}
	c.closed = closed
}

// Close lets go of the computer. Boxes stay on the screens.
func (s *Computer) Close() error {
	s.calls.close(s.Services.Close)
	return nil
}

// Sessions lists all there is, as "query session" of Windows does: also the
// session of the services, listeners, and a console where nobody is signed in.
// No message goes there, see takesBoxes.
func (s *Computer) Sessions(ctx context.Context) ([]msg.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	list, err := within(ctx, s, stationsTimeout, s.list)
	var failed *wts.Error
	if errors.As(err, &failed) {
		return nil, s.listError(failed)
	}
	return list, err
}

// maxQueries is how many sessions are asked about at the same time: over a
// network each takes three round trips.
const maxQueries = 16

func (s *Computer) list(ctx context.Context) ([]msg.Session, error) {
	raw, err := s.Services.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	found := make([]*msg.Session, len(raw))
	limit := make(chan struct{}, maxQueries)
	var wg sync.WaitGroup
	for i, r := range raw {
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			found[i] = s.session(ctx, r)
		})
	}
	wg.Wait()
	list := make([]msg.Session, 0, len(found))
	for _, x := range found {
		if x != nil {
			list = append(list, *x)
		}
	}
	return list, nil
}

// services is the session in which no person is.
const servicesSession = 0

// session asks for what belongs to a session; nil if it has ended meanwhile.
func (s *Computer) session(ctx context.Context, raw wts.Session) *msg.Session {
	x := &msg.Session{
		Host: s.Name, ID: strconv.FormatUint(uint64(raw.ID), 10), Name: raw.Name, Kind: msg.KindDesktop,
		State: stationState(raw.State), Idle: msg.IdleUnknown, Source: msg.SourceWTS,
		Console: strings.EqualFold(raw.Name, "console"), Own: !s.Remote && raw.ID == s.Own,
	}
	if raw.ID == servicesSession || raw.State == wts.Listen {
		return x
	}
	user, err := s.Services.Query(ctx, raw.ID, wts.UserName)
	switch {
	case hasEnded(err):
		return nil
	case err != nil && (raw.State == wts.Active || raw.State == wts.Disconnected):
		x.User = unknownUser
		return x
	case err != nil || user == "":
		return x
	}
	x.User = user
	if domain, err := s.Services.Query(ctx, raw.ID, wts.DomainName); err == nil && domain != "" {
		x.User = domain + `\` + user
	}
	x.Account = strings.ToLower(x.User)
	s.times(ctx, raw.ID, x)
	return x
}

// unknownUser is somebody whose name Windows does not tell this account.
// Whoever it is gets what goes to everybody.
const unknownUser = "?"

// times fills in idle time and sign-in. Windows has no idle time of a console.
func (s *Computer) times(ctx context.Context, id uint32, x *msg.Session) {
	t, err := s.Services.Times(ctx, id)
	if err != nil {
		return
	}
	x.Since = t.Logon
	if !t.LastInput.IsZero() && !t.Current.IsZero() {
		x.Idle = max(0, t.Current.Sub(t.LastInput))
	}
}

// stationState names a state.
func stationState(s wts.State) msg.State {
	switch s {
	case wts.Active:
		return msg.StateActive
	case wts.Connected:
		return msg.StateConnected
	case wts.Disconnected:
		return msg.StateDisconnected
	case wts.Listen:
		return msg.StateListen
	case wts.ConnectQuery:
		return msg.StateConnectQuery
	case wts.Shadow:
		return msg.StateShadow
	case wts.Idle:
		return msg.StateIdle
	case wts.Reset:
		return msg.StateReset
	case wts.Down:
		return msg.StateDown
	case wts.Init:
		return msg.StateInit
	}
	return msg.State("state " + strconv.FormatUint(uint64(s), 10))
}

// takesBoxes reports whether a person is in the session.
func takesBoxes(x msg.Session) bool {
	return x.User != "" && x.ID != strconv.Itoa(servicesSession)
}

// withPeople are the sessions that a message can go to.
func withPeople(all []msg.Session) []msg.Session {
	var people []msg.Session
	for _, x := range all {
		if takesBoxes(x) {
			people = append(people, x)
		}
	}
	return people
}
