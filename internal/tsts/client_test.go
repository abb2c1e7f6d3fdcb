package tsts

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"msg"
	"msg/internal/dcerpc"
	"msg/internal/hosttest"
	"msg/internal/stations"
	"msg/internal/text"
	"msg/internal/wts"
)

// host is a computer as Open returns it.
func (w *windows) host(t *testing.T) *stations.Computer {
	t.Helper()
	r := w.remote()
	s := stations.New(stations.Options{Name: "PC42", Services: r, Remote: true, Locale: text.LocaleFor, Slots: make(chan struct{}, maxBoxes), Cures: cures})
	if err := r.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	for _, name := range []string{"LSM", "LSM apart", "legacy"} {
		t.Run(name, func(t *testing.T) {
			hosttest.Contract(t, func(t *testing.T) hosttest.Fixture {
				w := newWindows(t, seat(1, "Console", "alice"), seat(2, "RDP-Tcp#1", "alice"), seat(3, "RDP-Tcp#2", "bob"))
				w.noLSM, w.apart = name == "legacy", name == "LSM apart"
				return hosttest.Fixture{Host: w.host(t), Waits: true, Screen: func(x msg.Session) *hosttest.Screen {
					id, err := strconv.ParseInt(x.ID, 10, 32)
					if err != nil {
						t.Fatal(err)
					}
					return &w.find(int32(id)).screen
				}}
			})
		})
	}
}

func TestList(t *testing.T) {
	listener := seat(65536, "RDP-Tcp", "")
	listener.State, listener.Domain = wts.Listen, ""
	away := seat(3, "", "carol")
	away.State = wts.Disconnected
	for _, legacy := range []bool{false, true} {
		w := newWindows(t, seat(0, "Services", ""), seat(1, "Console", "alice"), seat(2, "RDP-Tcp#3", "Jörg"), away, listener)
		w.noLSM = legacy
		list, err := w.host(t).Sessions(t.Context())
		if err != nil || len(list) != 5 {
			t.Fatalf("legacy %v: %+v, %v", legacy, list, err)
		}
		want := msg.Session{Host: "PC42", ID: "2", Name: "RDP-Tcp#3", User: `CORP\Jörg`, Account: `corp\jörg`, Kind: msg.KindDesktop, State: msg.StateActive,
			Idle: time.Hour, Since: when, Source: "wts"}
		if list[2] != want {
			t.Errorf("legacy %v: %+v, want %+v", legacy, list[2], want)
		}
		if list[0].User != "" || !list[1].Console || list[3].State != msg.StateDisconnected || list[4].State != msg.StateListen {
			t.Errorf("legacy %v: %+v", legacy, list)
		}
	}
}

// sendTo sends, and returns the last receipts.
func sendTo(t *testing.T, ctx context.Context, h msg.Host, to string, m msg.Message) ([]msg.Receipt, error) {
	t.Helper()
	target, err := msg.ParseTarget(to)
	if err != nil {
		t.Fatal(err)
	}
	var last []msg.Receipt
	err = h.Send(ctx, target, m, func(r msg.Receipt) {
		if r.Final {
			last = append(last, r)
		}
	})
	return last, err
}

// TestBoxes holds what the computer is asked to show.
func TestBoxes(t *testing.T) {
	for _, legacy := range []bool{false, true} {
		w := newWindows(t, seat(2, "Console", "bob"))
		w.noLSM = legacy
		m := msg.Message{ID: "ID", From: "alice@web1", Text: "Grüße\n😀", Buttons: msg.ButtonsYesNo, Timeout: 90 * time.Second, Sent: when, Locale: "de_AT"}
		receipts, err := sendTo(t, t.Context(), w.host(t), "bob", m)
		if err != nil || len(receipts) != 1 || receipts[0].Outcome != msg.OutcomeAccepted {
			t.Errorf("%+v, %v", receipts, err)
		}
		want := shownBox{2, "Message from alice@web1 24.11.2026 15:04", "Grüße\r\n😀", wts.StyleYesNo, 90, false, legacy}
		if got := w.boxes(); len(got) != 1 || got[0] != want {
			t.Errorf("shown %+v, want %+v", got, want)
		}
	}
}

// TestWaiting has what becomes of boxes that are waited for.
func TestWaiting(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers wts.Response
		after   time.Duration
		timeout time.Duration
		outcome msg.Outcome
		answer  string
		takes   time.Duration
	}{
		{"yes", wts.ResponseYes, 3 * time.Hour, 0, msg.OutcomeAnswered, "Yes", 3 * time.Hour},
		{"no", wts.ResponseNo, 0, time.Minute, msg.OutcomeAnswered, "No", 0},
		{"closed", wts.ResponseCancel, time.Second, time.Minute, msg.OutcomeDismissed, "", time.Second},
		{"nobody", 0, 0, time.Minute, msg.OutcomeExpired, "", time.Minute},
		{"another box", 5, time.Second, time.Minute, msg.OutcomeFailed, "", time.Second},
	} {
		for _, legacy := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					bob := seat(2, "Console", "bob")
					bob.answers, bob.after = c.answers, c.after
					w := newWindows(t, bob)
					w.noLSM = legacy
					m := hosttest.Message("well?")
					m.Wait, m.Timeout, m.Buttons = true, c.timeout, msg.ButtonsYesNo
					begin := time.Now()
					receipts, err := sendTo(t, t.Context(), w.host(t), "bob", m)
					if err != nil || len(receipts) != 1 || receipts[0].Outcome != c.outcome || receipts[0].Answer != c.answer {
						t.Errorf("%+v, %v", receipts, err)
					}
					if took := time.Since(begin); took != c.takes {
						t.Errorf("took %v, want %v", took, c.takes)
					}
				})
			})
		}
	}
}

// TestConnections holds that one connection serves for the list and for boxes,
// and that of each kind of handle one is open on it at most.
func TestConnections(t *testing.T) {
	for apart, made := range map[bool]int{false: 1, true: 2} {
		w := newWindows(t, seat(2, "Console", "bob"))
		w.apart = apart
		h := w.host(t)
		for range 3 {
			if receipts, err := sendTo(t, t.Context(), h, "bob", hosttest.Message("x")); err != nil || len(receipts) != 1 {
				t.Fatalf("%+v, %v", receipts, err)
			}
		}
		open := map[int32]int{}
		for _, id := range w.opened {
			open[id]++
		}
		if w.made != made || open[aList] != 1 || open[2] != 1 || len(w.opened) != 6 {
			t.Errorf("apart %v: %d connections, open are %v of %d handles", apart, w.made, open, len(w.opened))
		}
	}
}

// TestBindAll has servers that refuse a bind as a whole, by the reason that they
// give: with fewer interfaces it is tried again, but not with the same proof.
func TestBindAll(t *testing.T) {
	for reason, want := range map[byte][]byte{0: {2, 1}, 2: {2, 1}, badKindOfProof: {2}, badProof: {2}} {
		var asked []byte // how many interfaces, for each bind
		open := func() (io.ReadWriteCloser, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				b := make([]byte, 4096)
				if _, err := theirs.Read(b); err != nil {
					t.Error(err)
				}
				asked = append(asked, b[24])
				nak := []byte{5, 0, 13, 3, 16, 0, 0, 0, 24, 0, 0, 0, b[12], b[13], b[14], b[15], reason, 0, 1, 5, 0, 0, 0, 0}
				if _, err := theirs.Write(nak); err != nil {
					t.Error(err)
				}
			}()
			return ours, nil
		}
		who := func() dcerpc.Initiator { return dcerpc.NewSPNEGO(dcerpc.NewNTLM(dcerpc.Credentials{User: "bob"})) }
		callers, err := bindAll(t.Context(), open, who, UUIDSession, UUIDEnumeration)
		var e *wts.Error
		if !errors.As(err, &e) || e.Code != wts.ErrorSecurityPackage || !bytes.Equal(asked, want) {
			t.Errorf("reason %d: %v, %v; asked for %d interfaces, want %d", reason, callers, err, asked, want)
		}
	}
}

// TestInterrupted holds that Ctrl-C closes the pipe, and only that of the box.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWindows(t, seat(2, "Console", "bob"))
		h := w.host(t)
		m := hosttest.Message("well?")
		m.Wait, m.Timeout = true, 0
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Hour+time.Second, cancel) // between two looks at the list
		receipts, err := sendTo(t, ctx, h, "bob", m)
		if err != nil || len(receipts) != 1 || receipts[0].Outcome != msg.OutcomeFailed || receipts[0].Detail != "interrupted" {
			t.Errorf("%+v, %v", receipts, err)
		}
		synctest.Wait()
		w.mu.Lock()
		open := w.open
		w.mu.Unlock()
		if open != 1 { // that of the list
			t.Errorf("%d connections are open", open)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestSideBySide holds that many sessions take no longer than one, and are not
// all asked about at the same time.
func TestSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sessions []*windowsSession
		for i := range int32(200) {
			sessions = append(sessions, seat(i+1, "RDP-Tcp#"+strconv.Itoa(int(i)), "u"+strconv.Itoa(int(i))))
		}
		w := newWindows(t, sessions...)
		h := w.host(t)
		w.callTakes = time.Millisecond
		begin := time.Now()
		receipts, err := sendTo(t, t.Context(), h, "*", hosttest.Message("x"))
		if err != nil || len(receipts) != 200 {
			t.Fatalf("%d receipts, %v", len(receipts), err)
		}
		if took := time.Since(begin); took > 110*time.Millisecond {
			t.Errorf("took %v", took)
		}
		if w.most > maxBusy+1 {
			t.Errorf("%d connections at the same time", w.most)
		}
	})
}

// TestManyWait holds that each box that waits has a connection of its own.
func TestManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sessions []*windowsSession
		for i := range int32(100) {
			s := seat(i+1, "x", "u"+strconv.Itoa(int(i)))
			s.answers, s.after = wts.ResponseOK, time.Hour
			sessions = append(sessions, s)
		}
		w := newWindows(t, sessions...)
		m := hosttest.Message("x")
		m.Wait, m.Timeout = true, 0
		begin := time.Now()
		receipts, err := sendTo(t, t.Context(), w.host(t), "*", m)
		if err != nil || len(receipts) != 100 || time.Since(begin) != time.Hour {
			t.Errorf("%d receipts, %v, after %v", len(receipts), err, time.Since(begin))
		}
	})
}

// TestLegacyLimit holds that a longer text is refused with the number.
func TestLegacyLimit(t *testing.T) {
	w := newWindows(t, seat(2, "Console", "bob"))
	long := strings.Repeat("x", IcaUnits)
	for _, c := range []struct {
		legacy bool
		text   string
		ok     bool
	}{{false, long + "x", true}, {false, strings.Repeat("ä", 4096), true}, {true, long, true}, {true, long + "x", false}, {true, strings.Repeat("😀", 257), false}} {
		w.noLSM, w.shown = c.legacy, nil
		_, err := sendTo(t, t.Context(), w.host(t), "bob", hosttest.Message(c.text))
		if c.ok && (err != nil || len(w.boxes()) != 1 || w.boxes()[0].text != c.text) {
			t.Errorf("legacy %v, %d bytes: %v", c.legacy, len(c.text), err)
		}
		if !c.ok && (!errors.Is(err, msg.ErrMessage) || !strings.Contains(err.Error(), "takes 512 by") || len(w.boxes()) > 0) {
			t.Errorf("legacy %v, %d bytes: %v, shown %d", c.legacy, len(c.text), err, len(w.boxes()))
		}
	}
}

// TestRefusals has the errors of calls, in the words of the command.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name    string
		refuses uint32
		outcome msg.Outcome
		detail  string
	}{
		{"no right", StatusAccessDenied, msg.OutcomeFailed, "Error 5: this account lacks the Message permission of that session, which administrators have"},
		{"no right, as an NTSTATUS", NTAccessDenied, msg.OutcomeFailed, "Error 5: this account lacks the Message permission of that session, which administrators have"},
		{"gone", StatusNoWinStation, msg.OutcomeGone, "session ended"},
		{"wrong state", StatusInvalidState, msg.OutcomeFailed, "Error 5023: The group or resource is not in the correct state to perform the requested operation."},
		{"nobody there", 0x8000401A, msg.OutcomeFailed, "Error 2147500058: nobody is really signed in there"},
		{"unknown", 0x80041234, msg.OutcomeFailed, "Error 2147750452: Windows has no words for it (0x80041234)."},
	} {
		for _, wait := range []bool{false, true} {
			bob := seat(2, "Console", "bob")
			bob.refuses = c.refuses
			w := newWindows(t, bob)
			m := hosttest.Message("x")
			m.Wait = wait
			receipts, err := sendTo(t, t.Context(), w.host(t), "bob", m)
			if err != nil || len(receipts) != 1 || receipts[0].Outcome != c.outcome || receipts[0].Detail != c.detail {
				t.Errorf("%s: %+v, %v", c.name, receipts, err)
			}
		}
	}
	for _, legacy := range []bool{false, true} { // it has ended since it was listed
		w := newWindows(t, seat(2, "Console", "bob"))
		w.noLSM = legacy
		r := w.remote()
		if err := r.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		var e *wts.Error
		if _, err := r.Send(t.Context(), 9, wts.Box{Title: "t", Text: "x"}, false); !errors.As(err, &e) || e.Code != 2 && e.Code != 7022 {
			t.Errorf("legacy %v: %v", legacy, err)
		}
	}
}

// TestNotListed has computers that refuse to tell their sessions.
func TestNotListed(t *testing.T) {
	for _, c := range []struct {
		name   string
		status uint32
		broken error
		code   uint32
		cure   string // a part
	}{
		{"no right", StatusAccessDenied, nil, 5, "set AllowRemoteRPC to 1"},
		{"a fault", 0, numbered("x", 5), 5, "set AllowRemoteRPC to 1"},
		{"bad stub", 0, numbered("x", 1783), 1783, "another version of the protocol"},
		{"no such call", 0, numbered("x", 1745), 1745, "another version of the protocol"},
		{"no proof", 0, numbered("x", 1825), 1825, "cannot prove to each other"},
	} {
		w := newWindows(t, seat(2, "Console", "bob"))
		h := w.host(t)
		w.listed, w.broken = c.status, c.broken
		var e *msg.SystemError
		if _, err := h.Sessions(t.Context()); !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Cure, c.cure) || !strings.Contains(e.Cure, "PC42") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestNotThere has a computer with Samba and nothing else.
func TestNotThere(t *testing.T) {
	w := newWindows(t)
	w.noLSM, w.noLegacy = true, true
	if err := w.remote().start(t.Context()); !errors.Is(err, ErrNotThere) || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v", err)
	}
}

// TestCures holds that every number has one that names the computer.
func TestCures(t *testing.T) {
	s := stations.New(stations.Options{Name: "PC42", Remote: true, Cures: cures})
	for code := range words {
		var e *msg.SystemError
		err := s.Explain(numbered("x", code))
		if !errors.As(err, &e) || e.Text == "" || !strings.Contains(e.Cure, "PC42") || strings.Contains(e.Cure, "%") {
			t.Errorf("%d: %v", code, err)
		}
	}
}
