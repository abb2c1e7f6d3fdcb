package stations

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"msg"
	"msg/internal/hosttest"
	"msg/internal/text"
	"msg/internal/wts"
)

// fakeServices is Terminal Services of a computer with sessions of its own, as
// the documentation describes them. Every call is on record.
type fakeServices struct {
	over chan struct{} // ends what never would

	mu       sync.Mutex
	stations []fakeStation
	screens  map[uint32]*hosttest.Screen
	boxes    []sentBox
	listErr  error
	listing  time.Duration // how long it takes; negative is for ever
	closed   int
	maxUnits int
}

type fakeStation struct {
	wts.Session
	user, domain string
	queryErr     error
	times        wts.Times

	// does is what becomes of a box that is waited for, after so long; without
	// a response it is closed by its time-out, if it has one.
	response wts.Response
	after    time.Duration
	sendErr  error // of any box
}

type sentBox struct {
	id   uint32
	box  wts.Box
	wait bool
}

func newFakeServices(t *testing.T, stations ...fakeStation) *fakeServices {
	f := &fakeServices{over: make(chan struct{}), stations: stations, screens: map[uint32]*hosttest.Screen{}}
	t.Cleanup(f.end)
	return f
}

// end lets go of what hangs; inside a synctest bubble it has to be called there.
func (f *fakeServices) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.over:
	default:
		close(f.over)
	}
}

func (f *fakeServices) wait(d time.Duration) {
	if d == 0 {
		return
	}
	var after <-chan time.Time
	if d > 0 {
		after = time.After(d)
	}
	select {
	case <-after:
	case <-f.over:
	}
}

// Sessions lists all stations.
func (f *fakeServices) Sessions(context.Context) ([]wts.Session, error) {
	f.mu.Lock()
	d := f.listing
	f.mu.Unlock()
	f.wait(d)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listErr != nil {
		return nil, f.listErr
	}
	list := make([]wts.Session, len(f.stations))
	for i, s := range f.stations {
		list[i] = s.Session
	}
	return list, nil
}

func (f *fakeServices) find(call string, id uint32) (fakeStation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.stations {
		if s.ID == id {
			return s, s.queryErr
		}
	}
	return fakeStation{}, &wts.Error{Call: call, Code: wts.ErrorNoWinStation, Text: "not found"}
}

// Query knows names.
func (f *fakeServices) Query(_ context.Context, id uint32, class wts.Class) (string, error) {
	s, err := f.find("WTSQuerySessionInformationW", id)
	if class == wts.DomainName {
		return s.domain, err
	}
	return s.user, err
}

// Times knows times.
func (f *fakeServices) Times(_ context.Context, id uint32) (wts.Times, error) {
	s, err := f.find("WTSQuerySessionInformationW", id)
	return s.times, err
}

// Send shows a box on the screen of the session.
func (f *fakeServices) Send(_ context.Context, id uint32, b wts.Box, wait bool) (wts.Response, error) {
	s, err := f.find("WTSSendMessageW", id)
	if err != nil && s.queryErr == nil {
		return 0, err
	}
	f.mu.Lock()
	f.boxes = append(f.boxes, sentBox{id, b, wait})
	f.mu.Unlock()
	if s.sendErr != nil {
		return 0, s.sendErr
	}
	_, _ = f.screen(id).Write([]byte(b.Title + "\n" + b.Text + "\n"))
	switch {
	case !wait && s.after < 0:
		f.wait(s.after)
	case !wait:
		return wts.ResponseAsync, nil
	case s.response != 0:
		f.wait(s.after)
		return s.response, nil
	case b.Timeout > 0 && s.after == 0:
		f.wait(b.Timeout)
		return wts.ResponseTimeout, nil
	}
	<-f.over
	return 0, &wts.Error{Call: "WTSSendMessageW"}
}

// Close counts.
func (f *fakeServices) MaxUnits() int { return f.maxUnits }

func (f *fakeServices) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
}

func (f *fakeServices) isClosed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

func (f *fakeServices) screen(id uint32) *hosttest.Screen {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.screens[id] == nil {
		f.screens[id] = &hosttest.Screen{}
	}
	return f.screens[id]
}

// sent are the boxes, in the order of the sessions.
func (f *fakeServices) sent() []sentBox {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.SortFunc(f.boxes, func(a, b sentBox) int { return int(a.id) - int(b.id) })
	return f.boxes
}

// leave ends a session.
func (f *fakeServices) leave(id uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stations = slices.DeleteFunc(f.stations, func(s fakeStation) bool { return s.ID == id })
}

// computer is the fake as this computer, seen from session 1.
func (f *fakeServices) computer() *Computer {
	f.maxUnits = 0
	return New(Options{Name: "PC42", Services: f, Own: 1, Locale: text.LocaleFor, Slots: make(chan struct{}, MaxOpenBoxes)})
}

// other is the fake as another computer.
func (f *fakeServices) other() *Computer {
	s := f.computer()
	s.Remote, s.Own, f.maxUnits = true, 0, RemoteUnits
	return s
}

func seated(id uint32, name, user string) fakeStation {
	return fakeStation{Session: wts.Session{ID: id, Name: name, State: wts.Active}, user: user, domain: "CORP"}
}

// office has everything that a Windows computer lists.
func stationOffice() []fakeStation {
	return []fakeStation{
		{Session: wts.Session{ID: 0, Name: "Services", State: wts.Disconnected}, user: "SYSTEM"},
		seated(1, "Console", "alice"),
		seated(2, "RDP-Tcp#3", "bob"),
		{Session: wts.Session{ID: 3, State: wts.Disconnected}, user: "carol"},
		{Session: wts.Session{ID: 65536, Name: "31C5CE94259D4006A9E4#0", State: wts.Listen}},
		{Session: wts.Session{ID: 65537, Name: "RDP-Tcp", State: wts.Listen}},
	}
}

// contractFixture has people only, because the contract sends to everything
// that is listed.
func contractFixture(t *testing.T, answers bool) hosttest.Fixture {
	f := newFakeServices(t, seated(1, "Console", "alice"), seated(2, "RDP-Tcp#1", "alice"), seated(3, "RDP-Tcp#2", "bob"))
	s := f.computer()
	fixture := hosttest.Fixture{Host: s, Waits: true, Screen: func(x msg.Session) *hosttest.Screen {
		id, err := strconv.ParseUint(x.ID, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		return f.screen(uint32(id))
	}}
	if answers {
		fixture.Answer = s.Answer
	}
	return fixture
}
