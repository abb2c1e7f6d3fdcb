package tsts

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/keytab"

	"msg"
	"msg/internal/account"
	"msg/internal/dcerpc"
	"msg/internal/hosttest"
	"msg/internal/login"
	"msg/internal/ndr"
	"msg/internal/wts"
	"msg/test/samba"
)

func TestMain(m *testing.M) { samba.Main(m) }

// service is the computer as an interface of a dcerpc.Server.
func (w *windows) service(uuid string) dcerpc.Service {
	return func(context.Context, dcerpc.Caller) dcerpc.Handler {
		c := &windowsConn{windows: w, uuid: uuid, closed: new(bool)}
		return func(ctx context.Context, opnum uint16, stub []byte) ([]byte, error) {
			out, err := c.Call(ctx, opnum, stub)
			var e *wts.Error
			if errors.As(err, &e) {
				return nil, &dcerpc.Fault{Status: e.Code}
			}
			return out, err
		}
	}
}

// server serves some interfaces of the computer.
func (w *windows) server(t testing.TB, uuids ...string) *dcerpc.Server {
	winbind := &Winbind{Names: &Names{Computer: "LINUXBOX", Accounts: account.New()}}
	t.Cleanup(winbind.Close)
	s := &dcerpc.Server{Interfaces: map[dcerpc.Syntax]dcerpc.Service{}, NTLM: &dcerpc.NTLMServer{Computer: "LINUXBOX", Domain: "LINUXBOX", Verifier: winbind}}
	keys, err := keytab.Load(samba.Keytab)
	if err != nil {
		t.Fatal(err)
	}
	s.Kerberos = &dcerpc.KerberosServer{Keytab: keys}
	for _, uuid := range uuids {
		id, err := dcerpc.ParseUUID(uuid)
		if err != nil {
			t.Fatal(err)
		}
		s.Interfaces[dcerpc.Syntax{UUID: id, Major: 1}] = w.service(uuid)
	}
	return s
}

// behind puts the computer behind smbd, on the sockets of the pipes that it has.
func (w *windows) behind(t testing.TB) {
	if !w.noLSM {
		listenPipe(t, PipeLSM, w.server(t, UUIDEnumeration, UUIDSession))
	}
	if !w.noLegacy {
		listenPipe(t, PipeWSta, w.server(t, UUIDIca))
	}
}

func listenPipe(t testing.TB, pipe string, s *dcerpc.Server) {
	l, err := net.Listen("unix", filepath.Join(samba.Sockets, strings.ToLower(pipe)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				stop := context.AfterFunc(ctx, func() { conn.Close() })
				defer stop()
				if p, err := greet(conn); err == nil {
					_ = s.Serve(ctx, p)
				}
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		l.Close()
		all.Wait()
	})
}

// smbdPipe has the length of each message in front of it.
type smbdPipe struct {
	net.Conn
	left int
}

// greet answers smbd's handshake, whatever its level is, without looking at who
// has signed in: that is what is proved above the pipe.
func greet(conn net.Conn) (*smbdPipe, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(conn, head); err != nil {
		return nil, err
	}
	hello := make([]byte, min(binary.BigEndian.Uint32(head), 1<<16))
	if _, err := io.ReadFull(conn, hello); err != nil {
		return nil, err
	}
	level := binary.LittleEndian.Uint32(hello[4:])
	var w ndr.Writer
	w.Zero(4) // the length, which counts for the alignment
	w.Bytes([]byte("NPAM"))
	w.U32(level)
	w.U32(level)
	w.U16(2) // a pipe of messages
	w.U16(0x5ff)
	w.U64(4096)
	w.U32(0)
	binary.BigEndian.PutUint32(w.Data(), uint32(len(w.Data())-4))
	_, err := conn.Write(w.Data())
	return &smbdPipe{Conn: conn}, err
}

// Read reads of one message after another.
func (p *smbdPipe) Read(b []byte) (int, error) {
	for p.left == 0 {
		var head [2]byte
		if _, err := io.ReadFull(p.Conn, head[:]); err != nil {
			return 0, err
		}
		p.left = int(binary.LittleEndian.Uint16(head[:]))
	}
	n, err := p.Conn.Read(b[:min(len(b), p.left)])
	p.left -= n
	return n, err
}

// Write writes a message.
func (p *smbdPipe) Write(b []byte) (int, error) {
	_, err := p.Conn.Write(append(binary.LittleEndian.AppendUint16(nil, uint16(len(b))), b...))
	return len(b), err
}

// options are those for an account with its password.
func options(user string) Options {
	return Options{Name: samba.Name, Account: login.Account{User: user}.With(samba.Password(user))}
}

// ways are proofs of the same account.
func ways(t *testing.T, s *samba.Samba) map[string]Options {
	return map[string]Options{
		"NTLM":     options("alice"),
		"Kerberos": {Name: samba.FQDN, Account: login.Account{CCache: s.CCache(t, "alice"), Config: samba.Krb5Conf}},
	}
}

// TestBehindSamba sends through a real smbd.
func TestBehindSamba(t *testing.T) {
	s := samba.Get(t)
	long := strings.Repeat("日本語😀\r\n", 546) // 8,190 bytes of 3 and 4 and 1
	long = strings.ReplaceAll(long, "\r\n", "\n")
	for len(long) < msg.MaxText {
		long += "x"
	}
	long = long[:msg.MaxText]
	for way, o := range ways(t, s) {
		for _, legacy := range []bool{false, true} {
			t.Run(way+map[bool]string{true: " legacy"}[legacy], func(t *testing.T) {
				bob := seat(2, "Console", "bob")
				bob.answers = wts.ResponseYes
				w := newWindows(t, seat(1, "RDP-Tcp#1", "alice"), bob)
				w.noLSM = legacy
				w.behind(t)
				h, err := Open(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				defer h.Close()
				list, err := h.Sessions(t.Context())
				if err != nil || len(list) != 2 || list[1].User != `CORP\bob` || !list[1].Since.Equal(when) {
					t.Fatalf("%+v, %v", list, err)
				}
				for _, text := range []string{"Grüße\nzwei 😀", long} {
					m := hosttest.Message(text)
					m.Wait, m.Timeout, m.Buttons = true, 0, msg.ButtonsYesNo
					receipts, err := sendTo(t, t.Context(), h, "bob", m)
					if legacy && text == long {
						if !errors.Is(err, msg.ErrMessage) || !strings.Contains(err.Error(), "takes 512 by") {
							t.Errorf("%v", err)
						}
						continue
					}
					shown := w.boxes()
					if err != nil || len(receipts) != 1 || receipts[0].Answer != "Yes" || len(shown) == 0 {
						t.Fatalf("%+v, %v", receipts, err)
					}
					if got := shown[len(shown)-1]; got.text != strings.ReplaceAll(text, "\n", "\r\n") || !got.wait || got.style != wts.StyleYesNo || got.legacy != legacy {
						t.Errorf("shown %d bytes, %+v", len(got.text), got.style)
					}
				}
				if _, err := sendTo(t, t.Context(), h, "carol", hosttest.Message("x")); !errors.Is(err, msg.ErrNoSession) {
					t.Errorf("nobody of that name: %v", err)
				}
				receipts, err := sendTo(t, t.Context(), h, "*", hosttest.Message("x"))
				if err != nil || len(receipts) != 2 {
					t.Errorf("*: %+v, %v", receipts, err)
				}
			})
		}
	}
}

// TestSambaWaits has a box that times out, and one that is not waited for to
// its end.
func TestSambaWaits(t *testing.T) {
	samba.Get(t)
	w := newWindows(t, seat(2, "Console", "bob"))
	w.behind(t)
	h, err := Open(t.Context(), options("alice"))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	m := hosttest.Message("well?")
	m.Wait, m.Timeout = true, time.Second
	if receipts, err := sendTo(t, t.Context(), h, "bob", m); err != nil || len(receipts) != 1 || receipts[0].Outcome != msg.OutcomeExpired {
		t.Errorf("%+v, %v", receipts, err)
	}
	m.Timeout = 0
	ctx, cancel := context.WithCancel(t.Context())
	shown := w.find(2).screen.Len()
	go func() {
		w.find(2).screen.WaitAfter(t.Context(), shown, "well?")
		cancel()
	}()
	if receipts, err := sendTo(t, ctx, h, "bob", m); err != nil || len(receipts) != 1 || receipts[0].Outcome != msg.OutcomeFailed || receipts[0].Detail != "interrupted" {
		t.Errorf("%+v, %v", receipts, err)
	}
	m.Wait = false
	if receipts, err := sendTo(t, t.Context(), h, "bob", m); err != nil || len(receipts) != 1 || receipts[0].Outcome != msg.OutcomeAccepted {
		t.Errorf("after that: %+v, %v", receipts, err)
	}
}

// TestSambaRefuses has what a user can do wrong, and what may be missing.
func TestSambaRefuses(t *testing.T) {
	s := samba.Get(t)
	wrong := options("alice")
	wrong.Account = wrong.Account.With("falsch")
	nobody := options("nobody-there")
	for _, c := range []struct {
		name   string
		o      Options
		prob   func(w *windows)
		listen bool
		code   uint32
		cure   string
		other  bool // another way may be tried
	}{
		{"wrong password", wrong, nil, true, 1326, "linuxbox does not know this account or its password", false},
		{"no such account", nobody, nil, true, 1326, "/user:NAME", false},
		{"no right", options("alice"), func(w *windows) { w.broken = numbered("x", 5) }, true, 5, "set AllowRemoteRPC to 1", false},
		{"Samba alone", options("alice"), nil, false, 0, "", true},
		{"no ticket", Options{Name: samba.Name}, nil, true, 1825, "sign in with kinit; or write /user:NAME", false},
		{"no ticket for that name", Options{Name: "h7", Account: login.Account{CCache: s.CCache(t, "alice"), Config: samba.Krb5Conf}}, nil, true, 1825, "Kerberos does not know this computer by that name", false},
		{"no such computer", Options{Name: "nowhere.invalid", Account: wrong.Account}, nil, true, 1722, "nowhere.invalid: ", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWindows(t, seat(2, "Console", "bob"))
			if c.prob != nil {
				c.prob(w)
			}
			if c.listen {
				w.behind(t)
			}
			h, err := Open(t.Context(), c.o)
			if err == nil {
				defer h.Close()
				_, err = h.Sessions(t.Context())
			}
			var e *msg.SystemError
			switch {
			case c.other:
				if !errors.Is(err, ErrNotThere) {
					t.Errorf("%v", err)
				}
			case errors.Is(err, errors.ErrUnsupported) != (c.o.Account.User == "" && c.listen):
				t.Errorf("%v: another way: %v", err, errors.Is(err, errors.ErrUnsupported))
			case !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Cure, c.cure):
				t.Errorf("%v; want %d, %q", err, c.code, c.cure)
			case strings.Contains(err.Error(), "falsch"):
				t.Errorf("a password: %v", err)
			}
		})
	}
}

// TestSambaDies holds that the end of smbd ends a call, and what waits.
func TestSambaDies(t *testing.T) {
	s := samba.Get(t)
	w := newWindows(t, seat(2, "Console", "bob"))
	w.behind(t)
	h, err := Open(t.Context(), options("alice"))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	m := hosttest.Message("well?")
	m.Wait, m.Timeout = true, 0
	type sent struct {
		receipts []msg.Receipt
		err      error
	}
	done := make(chan sent)
	go func() {
		receipts, err := sendTo(t, t.Context(), h, "bob", m)
		done <- sent{receipts, err}
	}()
	if !w.find(2).screen.WaitAfter(t.Context(), 0, "well?") {
		t.Fatal("no box")
	}
	s.RestartSmbd(t)
	d := <-done
	receipts, err := d.receipts, d.err
	if err != nil || len(receipts) != 1 || receipts[0].Outcome != msg.OutcomeFailed || !strings.Contains(receipts[0].Detail, "RPC server is unavailable") {
		t.Errorf("%+v, %v", receipts, err)
	}
}

// TestNamesSideBySide has one account for many computers at the same time.
func TestNamesSideBySide(t *testing.T) {
	samba.Get(t)
	w := newWindows(t, seat(2, "Console", "bob"))
	w.behind(t)
	begin := time.Now()
	one, err := Open(t.Context(), options("alice"))
	if err != nil {
		t.Fatal(err)
	}
	one.Close()
	single := time.Since(begin)
	var all sync.WaitGroup
	limit := make(chan struct{}, 32)
	begin = time.Now()
	for i := range 40 {
		all.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			o := options("alice")
			o.Name = "h" + string(rune('1'+i%9))
			h, err := Open(t.Context(), o)
			if err != nil {
				t.Error(err)
				return
			}
			defer h.Close()
			if r, err := sendTo(t, t.Context(), h, "bob", hosttest.Message("x")); err != nil || len(r) != 1 {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	all.Wait()
	t.Logf("one: %v, 40: %v", single, time.Since(begin))
}
