package host

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

// terminalServices is what a Windows computer can be asked and told. Calls can
// take any time, and nothing can end one.
type terminalServices interface {
	Sessions() ([]wts.Session, error)
	Query(id uint32, class wts.Class) (string, error)
	Times(id uint32) (wts.Times, error)
	Send(id uint32, b wts.Box, wait bool) (wts.Response, error)
	Close()
}

// stations is a Windows computer, this one or another: a msg.Host whose
// sessions are window stations and whose surface is the message box that the
// system itself shows.
type stations struct {
	name     string // of the computer
	services terminalServices
	remote   bool // the calls go to another computer
	own      uint32
	locale   func(name string) text.Locale

	// show puts a box into the session of this process without Terminal
	// Services, calls shown, and returns when it is closed, which the end of
	// ctx does as well; nil where that cannot be.
	show func(ctx context.Context, b wts.Box, shown func()) (wts.Response, error)

	slots chan struct{} // one for each box that is open, see maxOpenBoxes
	waits stationWaits
	calls callCount
}

// How long calls may take. One that is over is left behind, because nothing
// can end it; a computer that is switched off is noticed by Windows after
// about 20 seconds.
const (
	stationsTimeout = 50 * time.Second
	boxTimeLimit    = 30 * time.Second
)

// within calls f and returns what it does, unless that takes too long or ctx
// ends.
func within[T any](ctx context.Context, s *stations, limit time.Duration, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	late := time.NewTimer(limit)
	defer late.Stop()
	s.calls.begin()
	go func() {
		v, err := f()
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
		return none, fmt.Errorf("%q does not answer: nothing came for %v", s.name, limit)
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
func (s *stations) Close() error {
	s.calls.close(s.services.Close)
	return nil
}

// Sessions lists all there is, as "query session" of Windows does: also the
// session of the services, listeners, and a console where nobody is signed in.
// No message goes there, see takesBoxes.
func (s *stations) Sessions(ctx context.Context) ([]msg.Session, error) {
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

func (s *stations) list() ([]msg.Session, error) {
	raw, err := s.services.Sessions()
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
			found[i] = s.session(r)
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
func (s *stations) session(raw wts.Session) *msg.Session {
	x := &msg.Session{
		Host: s.name, ID: strconv.FormatUint(uint64(raw.ID), 10), Name: raw.Name, Kind: msg.KindDesktop,
		State: stationState(raw.State), Idle: msg.IdleUnknown, Source: msg.SourceWTS,
		Console: strings.EqualFold(raw.Name, "console"), Own: !s.remote && raw.ID == s.own,
	}
	if raw.ID == servicesSession || raw.State == wts.Listen {
		return x
	}
	user, err := s.services.Query(raw.ID, wts.UserName)
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
	if domain, err := s.services.Query(raw.ID, wts.DomainName); err == nil && domain != "" {
		x.User = domain + `\` + user
	}
	x.Account = strings.ToLower(x.User)
	s.times(raw.ID, x)
	return x
}

// unknownUser is somebody whose name Windows does not tell this account.
// Whoever it is gets what goes to everybody.
const unknownUser = "?"

// times fills in idle time and sign-in. Windows has no idle time of a console.
func (s *stations) times(id uint32, x *msg.Session) {
	t, err := s.services.Times(id)
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
