package tsts

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"msg/internal/hosttest"
	"msg/internal/wts"
)

// windows is a Windows computer behind the calls, without anything below them:
// it answers the data of a call with data.
type windows struct {
	t    *testing.T
	over chan struct{} // ends what never would

	mu        sync.Mutex
	sessions  []*windowsSession
	opened    map[Handle]int32
	open      int // connections
	most      int // of them at the same time
	made      int
	shown     []shownBox
	noLSM     bool
	apart     bool // each interface takes a connection of its own
	noLegacy  bool
	listed    uint32 // status of every list
	broken    error  // of every call
	callTakes time.Duration
}

type windowsSession struct {
	InfoExResult
	id      int32
	screen  hosttest.Screen
	answers wts.Response  // to a box that waits; 0 is nobody
	after   time.Duration // how long that takes
	refuses uint32        // status of every box
}

type shownBox struct {
	id      int32
	title   string
	text    string
	style   uint32
	seconds uint32
	wait    bool
	legacy  bool
}

func newWindows(t *testing.T, sessions ...*windowsSession) *windows {
	w := &windows{t: t, over: make(chan struct{}), sessions: sessions, opened: map[Handle]int32{}}
	t.Cleanup(func() { close(w.over) })
	return w
}

func seat(id int32, name, user string) *windowsSession {
	return &windowsSession{id: id, InfoExResult: InfoExResult{Name: name, User: user, Domain: "CORP", Flags: FlagsUnlocked, Logon: when, LastInput: when.Add(time.Hour)}}
}

// remote is the computer as the client has it.
func (w *windows) remote() *remote {
	return &remote{dial: w.dial, hang: func() {}, now: func() time.Time { return when.Add(2 * time.Hour) }}
}

// dial connects as openPipe and bind do.
func (w *windows) dial(ctx context.Context, pipe string, uuids ...string) ([]caller, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case pipe == PipeLSM && w.noLSM || pipe == PipeWSta && w.noLegacy:
		return nil, ErrNotThere
	}
	for _, uuid := range uuids {
		if pipe == PipeLSM && uuid != UUIDSession && uuid != UUIDEnumeration || pipe == PipeWSta && uuid != UUIDIca {
			return nil, errors.New("that interface is not on that pipe")
		}
	}
	w.open++
	w.made++
	w.most = max(w.most, w.open)
	callers, closed := make([]caller, len(uuids)), new(bool)
	for i, uuid := range uuids {
		if i == 0 || !w.apart {
			callers[i] = &windowsConn{windows: w, uuid: uuid, closed: closed}
		}
	}
	return callers, nil
}

// windowsConn is an interface on a connection.
type windowsConn struct {
	*windows
	uuid   string
	closed *bool
}

// Close closes it once.
func (c *windowsConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !*c.closed {
		*c.closed = true
		c.open--
	}
	return nil
}

// Call answers, unless ctx ends first.
func (c *windowsConn) Call(ctx context.Context, opnum uint16, stub []byte) ([]byte, error) {
	type result struct {
		stub []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		if c.callTakes > 0 {
			c.rest(c.callTakes)
		}
		out, err := c.answer(opnum, stub)
		done <- result{out, err}
	}()
	select {
	case r := <-done:
		return r.stub, r.err
	case <-ctx.Done():
		c.Close()
		return nil, context.Cause(ctx)
	}
}

// rest takes time, or all of it if that is negative.
func (w *windows) rest(d time.Duration) {
	var after <-chan time.Time
	if d >= 0 {
		after = time.After(d)
	}
	select {
	case <-after:
	case <-w.over:
	}
}

func (c *windowsConn) answer(opnum uint16, stub []byte) ([]byte, error) {
	if c.broken != nil {
		return nil, c.broken
	}
	var out Body
	switch c.uuid {
	case UUIDEnumeration:
		out = c.enumeration(opnum, stub)
	case UUIDSession:
		out = c.session(opnum, stub)
	case UUIDIca:
		out = c.ica(opnum, stub)
	}
	if out == nil {
		return nil, numbered("call", errorProcedure)
	}
	return Marshal(out), nil
}

// read decodes parameters, which have to be right.
func (w *windows) read(stub []byte, in Body) {
	if err := Unmarshal(stub, in); err != nil {
		w.t.Error(err)
	}
}

// newHandle opens something.
func (w *windows) newHandle(id int32) Handle {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := Handle{19: byte(len(w.opened) + 1), 18: byte((len(w.opened) + 1) >> 8)}
	w.opened[h] = id
	return h
}

// close lets go of a handle, and reports whether it was open.
func (w *windows) close(h Handle) uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id, ok := w.opened[h]; !ok || id == gone {
		return StatusInvalidHandle
	}
	w.opened[h] = gone
	return StatusOK
}

const (
	gone    = -99
	aServer = -1
	aList   = -2
)

func (w *windows) find(id int32) *windowsSession {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sessions {
		if s.id == id {
			return s
		}
	}
	return nil
}

func (c *windowsConn) enumeration(opnum uint16, stub []byte) Body {
	switch opnum {
	case OpOpenEnum:
		return &HandleResult{Handle: c.newHandle(aList)}
	case OpCloseEnum:
		var in HandleArgs
		c.read(stub, &in)
		return &HandleResult{Status: c.close(in.Handle)}
	case OpGetEnumResult:
		var in EnumArgs
		c.read(stub, &in)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.opened[in.Handle] != aList {
			c.t.Error("a list without a handle")
		}
		if c.listed != 0 {
			return &EnumResult{Status: c.listed}
		}
		return &EnumResult{Level: in.Level, Entries: c.entriesLocked()}
	}
	return nil
}

func (w *windows) entriesLocked() []Entry {
	entries := []Entry{}
	for _, s := range w.sessions {
		entries = append(entries, Entry{ID: s.id, State: s.State, Name: s.Name})
	}
	return entries
}

func (c *windowsConn) session(opnum uint16, stub []byte) Body {
	switch opnum {
	case OpOpenSession:
		var in SessionArgs
		c.read(stub, &in)
		if c.find(in.ID) == nil {
			return &HandleResult{Status: StatusFileNotFound}
		}
		return &HandleResult{Handle: c.newHandle(in.ID)}
	case OpCloseSession:
		var in HandleArgs
		c.read(stub, &in)
		return &HandleResult{Status: c.close(in.Handle)}
	case OpShowMessageBox:
		var in BoxArgs
		c.read(stub, &in)
		c.mu.Lock()
		id := c.opened[in.Handle]
		c.mu.Unlock()
		r, status := c.box(shownBox{id, in.Title, in.Text, in.Style, in.Timeout, !in.DoNotWait, false})
		return &BoxResult{Response: r, Status: status}
	case OpGetSessionInformationEx:
		var in InfoExArgs
		c.read(stub, &in)
		s := c.find(in.ID)
		if s == nil || in.Level != infoLevel {
			return &InfoExResult{Status: StatusFileNotFound}
		}
		x := s.InfoExResult
		return &x
	}
	return nil
}

// box shows a box and waits as Windows does.
func (w *windows) box(b shownBox) (wts.Response, uint32) {
	s := w.find(b.id)
	if s == nil {
		return 0, StatusFileNotFound
	}
	if s.refuses != 0 {
		return 0, s.refuses
	}
	w.mu.Lock()
	w.shown = append(w.shown, b)
	w.mu.Unlock()
	_, _ = s.screen.Write([]byte(b.title + "\n" + b.text + "\n"))
	switch {
	case !b.wait:
		return wts.ResponseAsync, 0
	case s.answers != 0:
		w.rest(s.after)
		return s.answers, 0
	case b.seconds > 0:
		w.rest(time.Duration(b.seconds) * time.Second)
		return wts.ResponseTimeout, 0
	}
	w.rest(-1)
	return 0, StatusInvalidState
}

func (c *windowsConn) ica(opnum uint16, stub []byte) Body {
	switch opnum {
	case OpOpenServer:
		return &IcaOpenResult{Handle: c.newHandle(aServer), OK: true}
	case OpEnumerate:
		var in IcaEnumArgs
		c.read(stub, &in)
		return c.icaList(in)
	case OpQueryInformation:
		var in IcaQueryArgs
		c.read(stub, &in)
		s := c.find(in.ID)
		if s == nil || in.Class != ClassInformation || in.Room != InformationSize {
			return &IcaQueryResult{Result: NTNoWinStation}
		}
		i := Information{State: s.State, Name: s.Name, ID: s.id, Logon: s.Logon, LastInput: s.LastInput, User: s.User, Domain: s.Domain, Current: when.Add(2 * time.Hour)}
		return &IcaQueryResult{Data: i.Bytes(), Length: InformationSize, OK: true}
	case OpSendMessage:
		var in IcaSendArgs
		c.read(stub, &in)
		r, status := c.box(shownBox{in.ID, in.Title, in.Text, in.Style, in.Timeout, !in.DoNotWait, true})
		if status == StatusFileNotFound {
			status = NTNoWinStation
		}
		return &IcaSendResult{Result: status, Response: r, OK: status == 0}
	}
	return nil
}

// icaList gives two sessions at a time, so that the list has several parts.
func (w *windows) icaList(in IcaEnumArgs) Body {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.entriesLocked()
	from := min(int(in.Index), len(all))
	part := all[from:min(from+2, len(all))]
	if len(part) == 0 {
		return &IcaEnumResult{Result: NTNoMoreEntries, Index: in.Index}
	}
	return &IcaEnumResult{Entries: part, Index: in.Index + uint32(len(part)), OK: true}
}

func (w *windows) boxes() []shownBox {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shown
}
