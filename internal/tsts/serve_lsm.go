package tsts

import (
	"context"
	"slices"

	"msg/internal/wts"
)

// enumeration is TermSrvEnumeration.
var enumeration = table{
	OpOpenEnum: on(func(_ context.Context, c *calls, _ *Nothing) Body {
		h := c.open(&filter{})
		if h.IsZero() {
			return &HandleResult{Status: errorNoResources}
		}
		return &HandleResult{Handle: h}
	}),
	OpCloseEnum:           on(closeHandle),
	OpFilterByState:       on(filterByState),
	OpFilterByCallersName: on(filterByName),
	OpGetEnumResult:       on(enumResult),
	OpGetEnumResultEx:     on(enumResult),
	OpGetAllSessions:      on(allSessions),
}

// session is TermSrvSession.
var session = table{
	OpOpenSession:             on(openSession),
	OpCloseSession:            on(closeHandle),
	OpGetUserName:             on(userName),
	OpGetTerminalName:         on(terminalName),
	OpGetState:                on(sessionState),
	OpIsSessionDesktopLocked:  on(isLocked),
	OpShowMessageBox:          on(showBox),
	OpGetTimes:                on(sessionTimes),
	OpGetSessionInformation:   on(sessionInfo),
	OpGetLoggedOnCount:        on(loggedOn),
	OpGetSessionType:          on(sessionType),
	OpGetSessionInformationEx: on(sessionInfoEx),
}

// rcm is RCMPublic. It tells where somebody sits who is here by Remote Desktop:
// nobody is.
var rcm = table{
	OpGetClientData: on(func(ctx context.Context, c *calls, a *SessionArgs) Body {
		return &DataResult{Status: nowhere(ctx, c, a.ID)}
	}),
	OpGetRemoteAddress: on(func(ctx context.Context, c *calls, a *SessionArgs) Body {
		return &AddressResult{Status: nowhere(ctx, c, a.ID)}
	}),
}

func nowhere(ctx context.Context, c *calls, number int32) uint32 {
	if _, status := c.byID(ctx, number); status != StatusOK {
		return StatusNoWinStation
	}
	return StatusInvalidState
}

// filter is what an open list leaves out.
type filter struct {
	states []struct {
		state  wts.State
		invert bool
	}
	name string
}

func (f *filter) fits(p place) bool {
	for _, s := range f.states {
		if (p.state == s.state) == s.invert {
			return false
		}
	}
	return f.name == "" || p.user == f.name
}

func (c *calls) filter(h Handle) (*filter, bool) {
	f, ok := c.handles[h].(*filter)
	return f, ok
}

func closeHandle(_ context.Context, c *calls, a *HandleArgs) Body {
	if !c.close(a.Handle) {
		return &HandleResult{Status: StatusInvalidHandle}
	}
	return &HandleResult{}
}

// maxFilters is more than the kinds of states there are.
const maxFilters = 16

func filterByState(_ context.Context, c *calls, a *FilterArgs) Body {
	f, ok := c.filter(a.Handle)
	switch {
	case !ok:
		return &StatusResult{StatusInvalidHandle}
	case len(f.states) >= maxFilters:
		return &StatusResult{StatusInvalidParam}
	}
	f.states = append(f.states, struct {
		state  wts.State
		invert bool
	}{a.State, a.Invert})
	return &StatusResult{}
}

func filterByName(_ context.Context, c *calls, a *HandleArgs) Body {
	f, ok := c.filter(a.Handle)
	if !ok {
		return &StatusResult{StatusInvalidHandle}
	}
	_, f.name = splitUser(c.who.User)
	return &StatusResult{}
}

func enumResult(ctx context.Context, c *calls, a *EnumArgs) Body {
	f, ok := c.filter(a.Handle)
	switch {
	case !ok:
		return &EnumResult{Status: StatusInvalidHandle}
	case a.Level < levelNames || a.Level > levelData:
		return &EnumResult{Status: StatusInvalidParam}
	}
	list, err := c.places(ctx)
	if err != nil {
		return &EnumResult{Status: errorFailed}
	}
	r := &EnumResult{Level: a.Level, Entries: []Entry{}}
	for _, p := range list {
		if f.fits(p) {
			r.Entries = append(r.Entries, p.entry())
		}
	}
	return r
}

func allSessions(ctx context.Context, c *calls, a *AllArgs) Body {
	r := &AllResult{Level: a.Level, Entries: []Environment{}}
	if a.Level != levelPlaces && a.Level != levelPeople {
		return &AllResult{Level: levelPlaces, Status: StatusInvalidParam}
	}
	list, err := c.places(ctx)
	if err != nil {
		return &AllResult{Level: a.Level, Status: errorFailed}
	}
	for _, p := range list {
		r.Entries = append(r.Entries, Environment{ID: p.number, SessionID: p.number, State: p.state, Name: p.name,
			Host: c.server.Names.Computer, User: p.user, Domain: p.domain})
	}
	return r
}

// byID is the session of a number, or the HRESULT that says why not.
func (c *calls) byID(ctx context.Context, number int32) (place, uint32) {
	p, ok, err := c.find(ctx, number)
	switch {
	case err != nil:
		return p, errorFailed
	case !ok:
		return p, StatusFileNotFound
	}
	return p, StatusOK
}

// byHandle is the session of an open handle.
func (c *calls) byHandle(ctx context.Context, h Handle) (place, uint32) {
	number, ok := c.handles[h].(int32)
	if !ok {
		return place{}, StatusInvalidHandle
	}
	return c.byID(ctx, number)
}

func openSession(ctx context.Context, c *calls, a *SessionArgs) Body {
	if _, status := c.byID(ctx, a.ID); status != StatusOK {
		return &HandleResult{Status: status}
	}
	h := c.open(a.ID)
	if h.IsZero() {
		return &HandleResult{Status: errorNoResources}
	}
	return &HandleResult{Handle: h}
}

func userName(ctx context.Context, c *calls, a *HandleArgs) Body {
	p, status := c.byHandle(ctx, a.Handle)
	return &UserResult{User: p.user, Domain: p.domain, Status: status}
}

func terminalName(ctx context.Context, c *calls, a *HandleArgs) Body {
	p, status := c.byHandle(ctx, a.Handle)
	return &NameResult{Name: p.name, Status: status}
}

func sessionState(ctx context.Context, c *calls, a *HandleArgs) Body {
	p, status := c.byHandle(ctx, a.Handle)
	return &StateResult{State: p.state, Status: status}
}

// isLocked says no, which is S_FALSE: locks of screens are not known here.
func isLocked(ctx context.Context, c *calls, a *HandleArgs) Body {
	if _, status := c.byHandle(ctx, a.Handle); status != StatusOK {
		return &StatusResult{status}
	}
	return &StatusResult{1}
}

func showBox(ctx context.Context, c *calls, a *BoxArgs) Body {
	number, ok := c.handles[a.Handle].(int32)
	if !ok {
		return &BoxResult{Status: StatusInvalidHandle}
	}
	code, err := c.show(ctx, number, box{a.Title, a.Text, a.Style, a.Timeout, !a.DoNotWait})
	return &BoxResult{Response: code, Status: hresult(err)}
}

func sessionTimes(ctx context.Context, c *calls, a *HandleArgs) Body {
	p, status := c.byHandle(ctx, a.Handle)
	return &TimesResult{Connect: p.Since, Logon: p.Since, Status: status}
}

func sessionInfo(ctx context.Context, c *calls, a *SessionArgs) Body {
	p, status := c.byID(ctx, a.ID)
	return &InfoResult{User: p.user, Domain: p.domain, Name: p.name, State: p.state, Connect: p.Since, Logon: p.Since, Status: status}
}

func loggedOn(ctx context.Context, c *calls, _ *Nothing) Body {
	list, err := c.places(ctx)
	if err != nil {
		return &CountResult{Status: errorFailed}
	}
	list = slices.DeleteFunc(list, func(p place) bool { return p.user == "" })
	return &CountResult{Users: uint32(len(list))}
}

func sessionType(ctx context.Context, c *calls, a *SessionArgs) Body {
	if _, status := c.byID(ctx, a.ID); status != StatusOK {
		return &TypeResult{Status: status}
	}
	return &TypeResult{Type: TypeDesktop}
}

func sessionInfoEx(ctx context.Context, c *calls, a *InfoExArgs) Body {
	if a.Level != infoLevel {
		return &InfoExResult{Flags: FlagsUnknown, Status: StatusInvalidParam}
	}
	p, status := c.byID(ctx, a.ID)
	if status != StatusOK {
		return &InfoExResult{Flags: FlagsUnknown, Status: status}
	}
	return &InfoExResult{State: p.state, Flags: FlagsUnknown, Name: p.name, Domain: p.domain, User: p.user,
		Connect: p.Since, Logon: p.Since, LastInput: p.lastInput()}
}
