package tsts

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/dcerpc"
	"msg/internal/hosttest"
	"msg/internal/ndr"
	"msg/internal/wts"
)

// offered is a fake computer as a Service that lets everybody do everything
// but mallory.
type offered struct{ *hosttest.Fake }

func (o offered) Sessions(ctx context.Context, _ msg.Principal) ([]msg.Session, error) {
	return o.Fake.Sessions(ctx)
}

func (o offered) Send(ctx context.Context, p msg.Principal, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
	if strings.HasSuffix(p.User, `\mallory`) {
		return msg.ErrRefused
	}
	return o.Fake.Send(ctx, t, m, report)
}

func linuxSeat(id, name, user string, does msg.Outcome, answer string) hosttest.Person {
	return hosttest.Person{Does: does, Answer: answer, Session: msg.Session{Host: "linuxbox", ID: id, Name: name, User: user, Account: user,
		Kind: msg.KindTerminal, State: msg.StateActive, Idle: time.Minute, Since: time.Unix(1e9, 0)}}
}

// caller makes calls of one interface, without a connection.
func callerOf(t *testing.T, pipe, uuid, user string, people ...hosttest.Person) func(opnum uint16, in, out Body) error {
	t.Helper()
	s := &Server{Service: offered{hosttest.NewFake(people...)}, Names: computer(t), Accounts: computer(t).Accounts}
	s.init()
	c := &visitor{server: s, pipe: pipe}
	h := c.handler(t.Context(), dcerpc.Caller{User: user, Domain: "LINUXBOX"}, interfacesOf(pipe)[uuid])
	return func(opnum uint16, in, out Body) error {
		stub, err := h(t.Context(), opnum, append(Marshal(in), "stray"...))
		if err != nil {
			return err
		}
		return Unmarshal(stub, out)
	}
}

// TestEveryCall makes each call once, with a sound handle and with none.
func TestEveryCall(t *testing.T) {
	people := []hosttest.Person{linuxSeat("7", "pts/3", "alice", "", ""), linuxSeat("c1", "tty2", `CORP\bob`, "", "")}
	lsm := callerOf(t, PipeLSM, UUIDSession, "alice", people...)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	var h HandleResult
	must(lsm(OpOpenSession, &SessionArgs{ownIDs}, &h))
	var user UserResult
	must(lsm(OpGetUserName, &HandleArgs{h.Handle}, &user))
	var name NameResult
	must(lsm(OpGetTerminalName, &HandleArgs{h.Handle}, &name))
	var state StateResult
	must(lsm(OpGetState, &HandleArgs{h.Handle}, &state))
	var locked StatusResult
	must(lsm(OpIsSessionDesktopLocked, &HandleArgs{h.Handle}, &locked))
	var times TimesResult
	must(lsm(OpGetTimes, &HandleArgs{h.Handle}, &times))
	var info InfoResult
	must(lsm(OpGetSessionInformation, &SessionArgs{7}, &info))
	var count CountResult
	must(lsm(OpGetLoggedOnCount, &Nothing{}, &count))
	var kind TypeResult
	must(lsm(OpGetSessionType, &SessionArgs{7}, &kind))
	var ex InfoExResult
	must(lsm(OpGetSessionInformationEx, &InfoExArgs{7, 1}, &ex))
	if user.User != "bob" || user.Domain != "CORP" || name.Name != "tty2" || state.State != wts.Active || locked.Status != 1 ||
		!times.Logon.Equal(time.Unix(1e9, 0)) || info.User != "alice" || info.Domain != "LINUXBOX" || count.Users != 2 || kind.Type != TypeDesktop ||
		ex.User != "alice" || ex.Name != "pts/3" || time.Since(ex.LastInput) < time.Minute {
		t.Errorf("%+v\n%+v\n%+v\n%+v\n%+v\n%+v\n%+v\n%+v\n%+v", user, name, state, locked, times, info, count, kind, ex)
	}
	var closed HandleResult
	must(lsm(OpCloseSession, &HandleArgs{h.Handle}, &closed))
	if !closed.Handle.IsZero() || closed.Status != StatusOK {
		t.Errorf("%+v", closed)
	}
	for op, want := range map[uint16]uint32{OpGetUserName: StatusInvalidHandle, OpGetTerminalName: StatusInvalidHandle} {
		var u UserResult
		if op == OpGetUserName {
			must(lsm(op, &HandleArgs{h.Handle}, &u))
		} else {
			var n NameResult
			must(lsm(op, &HandleArgs{h.Handle}, &n))
			u.Status = n.Status
		}
		if u.Status != want {
			t.Errorf("opnum %d with a closed handle: %#x", op, u.Status)
		}
	}
	must(lsm(OpOpenSession, &SessionArgs{99}, &h))
	must(lsm(OpGetSessionInformationEx, &InfoExArgs{99, 1}, &ex))
	if h.Status != StatusFileNotFound || ex.Status != StatusFileNotFound {
		t.Errorf("no such session: %#x, %#x", h.Status, ex.Status)
	}
	if err := lsm(4, &Nothing{}, &Nothing{}); !errors.Is(err, dcerpc.ErrOpnum) {
		t.Errorf("an unknown call: %v", err)
	}
	rcm := callerOf(t, PipeRCM, UUIDRCM, "alice", people...)
	var data DataResult
	must(rcm(OpGetClientData, &SessionArgs{7}, &data))
	var address AddressResult
	must(rcm(OpGetRemoteAddress, &SessionArgs{9}, &address))
	if data.Status != StatusInvalidState || address.Status != StatusNoWinStation {
		t.Errorf("%+v, %+v", data, address)
	}
}

func TestEnumerationFilters(t *testing.T) {
	people := []hosttest.Person{linuxSeat("7", "pts/3", "alice", "", ""), linuxSeat("8", "pts/4", "bob", "", "")}
	people[1].Session.State = msg.StateDisconnected
	do := callerOf(t, PipeLSM, UUIDEnumeration, "alice", people...)
	list := func(h Handle, op uint16, level uint32) []int32 {
		t.Helper()
		var r EnumResult
		if err := do(op, &EnumArgs{h, level}, &r); err != nil || r.Status != StatusOK {
			t.Fatal(r, err)
		}
		var found []int32
		for _, e := range r.Entries {
			found = append(found, e.ID)
		}
		return found
	}
	open := func() Handle {
		var h HandleResult
		if err := do(OpOpenEnum, &Nothing{}, &h); err != nil || h.Status != StatusOK {
			t.Fatal(h, err)
		}
		return h.Handle
	}
	all, active, others, own := open(), open(), open(), open()
	var status StatusResult
	for _, a := range []FilterArgs{{active, wts.Active, false}, {others, wts.Active, true}} {
		if err := do(OpFilterByState, &a, &status); err != nil || status.Status != StatusOK {
			t.Fatal(status, err)
		}
	}
	if err := do(OpFilterByCallersName, &HandleArgs{own}, &status); err != nil || status.Status != StatusOK {
		t.Fatal(status, err)
	}
	for _, c := range []struct {
		h     Handle
		op    uint16
		level uint32
		want  []int32
	}{
		{all, OpGetEnumResult, 1, []int32{7, 8}}, {all, OpGetEnumResultEx, 3, []int32{7, 8}}, {active, OpGetEnumResult, 2, []int32{7}},
		{others, OpGetEnumResult, 1, []int32{8}}, {own, OpGetEnumResult, 1, []int32{7}},
	} {
		if got := list(c.h, c.op, c.level); !slices.Equal(got, c.want) {
			t.Errorf("%v, want %v", got, c.want)
		}
	}
	var r AllResult
	if err := do(OpGetAllSessions, &AllArgs{2}, &r); err != nil || len(r.Entries) != 2 || r.Entries[1].User != "bob" {
		t.Errorf("%+v, %v", r, err)
	}
	if err := do(OpGetEnumResult, &EnumArgs{Handle{1}, 1}, &EnumResult{}); err != nil {
		t.Error(err)
	}
	for range maxHandles - 4 {
		open()
	}
	var h HandleResult
	if err := do(OpOpenEnum, &Nothing{}, &h); err != nil || h.Status != errorNoResources {
		t.Errorf("one handle too many: %+v, %v", h, err)
	}
}

func TestLegacy(t *testing.T) {
	people := []hosttest.Person{linuxSeat("7", "pts/3", "alice", msg.OutcomeAnswered, msg.LabelYes), linuxSeat("8", "pts/4", "bob", "", "")}
	do := callerOf(t, PipeWSta, UUIDIca, "alice", people...)
	var open IcaOpenResult
	if err := do(OpOpenServer, &Nothing{}, &open); err != nil || !open.OK {
		t.Fatal(open, err)
	}
	h := open.Handle
	var found []Entry
	for index := uint32(0); ; {
		var r IcaEnumResult
		if err := do(OpEnumerate, &IcaEnumArgs{h, 0xffffffff, IcaEntrySize + 5, index}, &r); err != nil {
			t.Fatal(err)
		}
		if r.Result == NTNoMoreEntries && !r.OK {
			break
		}
		found, index = append(found, r.Entries...), r.Index
		if len(found) > 5 {
			t.Fatal("there is no end")
		}
	}
	if len(found) != 2 || found[1].Name != "pts/4" {
		t.Errorf("%+v", found)
	}
	var query IcaQueryResult
	if err := do(OpQueryInformation, &IcaQueryArgs{h, 8, ClassInformation, InformationSize}, &query); err != nil || !query.OK {
		t.Fatal(query, err)
	}
	if i, err := ParseInformation(query.Data); err != nil || i.User != "bob" || i.ID != 8 {
		t.Errorf("%+v, %v", i, err)
	}
	if err := do(OpQueryInformation, &IcaQueryArgs{h, 8, 3, 100}, &query); err != nil || query.Result != NTInvalidInfoClass {
		t.Errorf("%+v, %v", query, err)
	}
	var id IcaIDResult
	if err := do(OpIDFromName, &IcaNameArgs{h, "PTS/4"}, &id); err != nil || id.ID != 8 || !id.OK {
		t.Errorf("%+v, %v", id, err)
	}
	var name IcaNameResult
	if err := do(OpNameFromID, &IcaIDArgs{h, 7, 33}, &name); err != nil || name.Name != "pts/3" || !name.OK {
		t.Errorf("%+v, %v", name, err)
	}
	var sent IcaSendResult
	if err := do(OpSendMessage, &IcaSendArgs{h, 7, "t", "text", wts.StyleYesNo, 5, false}, &sent); err != nil || sent.Response != wts.ResponseYes || !sent.OK {
		t.Errorf("%+v, %v", sent, err)
	}
	if err := do(OpSendMessage, &IcaSendArgs{h, 99, "t", "text", 0, 5, true}, &sent); err != nil || sent.Result != NTNoWinStation || sent.OK {
		t.Errorf("%+v, %v", sent, err)
	}
	var closed IcaCloseResult
	if err := do(OpCloseServerEx, &HandleArgs{h}, &closed); err != nil || !closed.OK {
		t.Errorf("%+v, %v", closed, err)
	}
	var again IcaResult
	if err := do(OpCloseServer, &HandleArgs{h}, &again); err != nil || again.OK || again.Result != NTInvalidHandle {
		t.Errorf("%+v, %v", again, err)
	}
	mallory := callerOf(t, PipeWSta, UUIDIca, "mallory", people...)
	if err := mallory(OpOpenServer, &Nothing{}, &open); err != nil {
		t.Fatal(err)
	}
	if err := mallory(OpSendMessage, &IcaSendArgs{open.Handle, 7, "t", "text", 0, 5, true}, &sent); err != nil || sent.Result != NTAccessDenied {
		t.Errorf("%+v, %v", sent, err)
	}
}

func TestResponses(t *testing.T) {
	for _, c := range []struct {
		style   uint32
		buttons msg.Buttons
		r       msg.Receipt
		want    wts.Response
	}{
		{0, msg.ButtonsOK, msg.Receipt{Outcome: msg.OutcomeAnswered, Answer: msg.LabelOK}, 1},
		{0x40, msg.ButtonsOK, msg.Receipt{Outcome: msg.OutcomeDismissed}, 1},
		{0, msg.ButtonsOK, msg.Receipt{Outcome: msg.OutcomeAccepted}, 32001},
		{0, msg.ButtonsOK, msg.Receipt{Outcome: msg.OutcomeExpired}, 32000},
		{1, msg.ButtonsOKCancel, msg.Receipt{Outcome: msg.OutcomeDismissed}, 2},
		{2, msg.ButtonsRetryCancel, msg.Receipt{Outcome: msg.OutcomeAnswered, Answer: msg.LabelCancel}, 3},
		{2, msg.ButtonsRetryCancel, msg.Receipt{Outcome: msg.OutcomeAnswered, Answer: msg.LabelRetry}, 4},
		{0x33, msg.ButtonsYesNoCancel, msg.Receipt{Outcome: msg.OutcomeAnswered, Answer: msg.LabelYes}, 6},
		{4, msg.ButtonsYesNo, msg.Receipt{Outcome: msg.OutcomeDismissed}, 7},
		{5, msg.ButtonsRetryCancel, msg.Receipt{Outcome: msg.OutcomeAnswered, Answer: msg.LabelCancel}, 2},
		{6, msg.ButtonsRetryCancel, msg.Receipt{Outcome: msg.OutcomeAnswered, Answer: msg.LabelRetry}, 10},
		{0xf, msg.ButtonsOK, msg.Receipt{Outcome: msg.OutcomeAnswered, Answer: msg.LabelOK}, 1},
	} {
		s := setOf(c.style)
		if got, err := response(c.r, s); s.buttons != c.buttons || got != c.want || err != nil {
			t.Errorf("style %#x, %+v: %q %d, %v", c.style, c.r, s.buttons, got, err)
		}
	}
	for o, want := range map[msg.Outcome][2]uint32{
		msg.OutcomeRefused: {StatusAccessDenied, NTAccessDenied}, msg.OutcomeGone: {StatusFileNotFound, NTNoWinStation}, msg.OutcomeFailed: {errorFailed, ntUnsuccessful},
	} {
		_, err := response(msg.Receipt{Outcome: o}, setOf(0))
		if hresult(err) != want[0] || ntstatus(err) != want[1] {
			t.Errorf("%s: %#x, %#x", o, hresult(err), ntstatus(err))
		}
	}
}

func TestTitle(t *testing.T) {
	for title, want := range map[string]string{
		"": "", " ": "", "Message from bob 11/24/2026 7:18 PM": "",
		"Nachricht von root 24.11.": `Nachricht von root 24.11. (LINUXBOX\bob)`,
		"two\r\nlines":              `two lines (LINUXBOX\bob)`,
	} {
		if got := titleOf(title, `LINUXBOX\bob`); got != want {
			t.Errorf("%q: %q, want %q", title, got, want)
		}
	}
	long := titleOf(strings.Repeat("ä", 1000), `LINUXBOX\bob`)
	if !strings.HasSuffix(long, ` (LINUXBOX\bob)`) || (msg.Message{Text: "x", Title: long}).Check() != nil {
		t.Errorf("a long title: %q", long)
	}
	if m := (box{text: "a\r\nb\rc\r\n"}).message("x"); m.Text != "a\nb\nc" {
		t.Errorf("text %q", m.Text)
	}
}

func TestNumbers(t *testing.T) {
	var x ids
	list := func(names ...string) (s []msg.Session) {
		for _, n := range names {
			s = append(s, msg.Session{ID: n})
		}
		return s
	}
	for _, c := range []struct {
		list []msg.Session
		want []int32
	}{
		{list("3", "pts/1", "c2"), []int32{3, 40000, 40001}},
		{list("c2", "pts/1", "40000", "0", "007"), []int32{40001, 40000, 40002, 40003, 40004}},
		{list("pts/9", "c2"), []int32{40005, 40001}},
	} {
		if got := x.of(c.list); !slices.Equal(got, c.want) {
			t.Errorf("%v, want %v", got, c.want)
		}
	}
}

// FuzzCalls gives any bytes to any call.
func FuzzCalls(f *testing.F) {
	for _, b := range []Body{&HandleArgs{}, &SessionArgs{7}, &BoxArgs{Title: "t", Text: "text"}, &IcaSendArgs{Title: "t", Text: "text"}, &IcaEnumArgs{Room: 76}} {
		f.Add(uint16(9), Marshal(b))
		f.Add(uint16(7), Marshal(b))
	}
	people := linuxSeat("7", "pts/3", "alice", msg.OutcomeAnswered, msg.LabelOK) // nobody waits for ever
	f.Fuzz(func(t *testing.T, opnum uint16, stub []byte) {
		s := &Server{Service: offered{hosttest.NewFake(people)}, Names: &Names{Computer: "LINUXBOX"}}
		s.init()
		for _, table := range []table{enumeration, session, ica, rcm} {
			do, ok := table[opnum%64]
			if !ok {
				continue
			}
			c := &calls{server: s, handles: map[Handle]any{{}: int32(7)}}
			out, err := do(t.Context(), c, stub)
			if err == nil && len(Marshal(out)) > 1<<20 || err != nil && !errors.Is(err, ndr.ErrShort) && !errors.Is(err, ndr.ErrRange) {
				t.Fatalf("opnum %d: %v", opnum, err)
			}
		}
	})
}
