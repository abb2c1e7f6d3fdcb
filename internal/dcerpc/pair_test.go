package dcerpc

import (
	"bytes"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"msg/internal/hosttest"
	"msg/internal/ndr"
)

var (
	ifaceEcho    = Syntax{mustUUID("484809d6-4239-471b-b5bc-61df8c23ac48"), 1, 0}
	ifaceUnknown = Syntax{mustUUID("88143fd0-c28d-4b2b-8fef-8d882f6a9390"), 1, 0}
)

const password = "Geheim-7xQ"

// passwords is a Verifier that knows one user, and guests.
type passwords struct{}

var errWrong = errors.New("the password is wrong")

func (passwords) Verify(_ context.Context, challenge [8]byte, domain, user, _ string, _, nt []byte) (base [16]byte, a Account, err error) {
	key := ntowf(user, domain, password)
	want, b := ntlmResponse(key, challenge, nt[16:])
	if (user != "bob" && user != "guest") || !hmac.Equal(want[:16], nt[:16]) {
		return base, a, errWrong
	}
	copy(base[:], b)
	return base, Account{User: user, Domain: "HOME", Guest: user == "guest", SIDs: []string{"S-1-5-21-1"}}, nil
}

// Calls of the echo service.
const (
	opEcho  = 0
	opCount = 1 // how many calls there were in this connection, and by whom
	opWait  = 2 // until it is cancelled
	opFault = 3
	opBad   = 4
	opOwn   = 5 // an error of the handler's own
	opBig   = 6 // a long answer
)

// echo is a service; waits tells of calls that wait, and how they ended.
func echo(waits chan error) Service {
	return func(_ context.Context, c Caller) Handler {
		count := 0
		return func(ctx context.Context, opnum uint16, stub []byte) ([]byte, error) {
			count++
			switch opnum {
			case opEcho:
				return bytes.Clone(stub), nil
			case opCount:
				return fmt.Appendf(nil, "%d %s\\%s %s %d %v", count, c.Domain, c.User, c.Mechanism, c.Level, c.SIDs), nil
			case opWait:
				waits <- nil
				<-ctx.Done()
				waits <- ctx.Err()
				return nil, ctx.Err()
			case opFault:
				return nil, &Fault{0x6d9}
			case opBad:
				r := ndr.NewReader(stub)
				r.U64()
				return nil, fmt.Errorf("reading the call: %w", r.Err())
			case opOwn:
				return nil, errors.New("the disk is full")
			case opBig:
				return bytes.Repeat(stub, 9000), nil
			}
			return nil, ErrOpnum
		}
	}
}

type pair struct {
	server *Server
	log    *hosttest.Screen // what it logs
	waits  chan error
}

func newPair() *pair {
	p := &pair{log: &hosttest.Screen{}, waits: make(chan error, 4)}
	p.server = &Server{
		Interfaces: map[Syntax]Service{ifaceEcho: echo(p.waits)},
		NTLM:       &NTLMServer{Computer: "LINUX", Domain: "HOME", DNSComputer: "linux.example", Verifier: passwords{}},
		Address:    `\PIPE\test`,
		Log:        slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	return p
}

// serve gives the client's end of a connection, and how Serve ended.
func (p *pair) serve(t testing.TB) (net.Conn, chan error) {
	ours, theirs := net.Pipe()
	end := make(chan error, 1)
	go func() { end <- p.server.Serve(t.Context(), theirs) }()
	return ours, end
}

// TestOther has two interfaces on one connection, and one that is not there.
func TestOther(t *testing.T) {
	p := newPair()
	iface, none := Syntax{ifaceUnknown.UUID, 2, 0}, Syntax{ifaceUnknown.UUID, 3, 0}
	p.server.Interfaces[iface] = echo(p.waits)
	conn, _ := p.serve(t)
	c, err := Dial(t.Context(), conn, ifaceEcho, NewSPNEGO(NewNTLM(lower(bob()))), none, iface)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Other(none); ok {
		t.Error("an interface that the server does not have is there")
	}
	other, ok := c.Other(iface)
	if !ok {
		t.Fatal("the other interface is not there")
	}
	for _, want := range []string{"1 ", "2 ", "3 "} { // each interface counts its own calls
		for _, side := range []*Client{c, other} {
			if got, err := side.Call(t.Context(), opCount, nil); err != nil || !strings.HasPrefix(string(got), want) {
				t.Errorf("%q, %v", got, err)
			}
		}
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Call(t.Context(), opCount, nil); err == nil {
		t.Error("a call on a connection that is closed")
	}
}

func bob() Credentials {
	return Credentials{User: "Bob", Domain: "HOME", Password: password, Workstation: "PC", SPN: "host/linux"}
}

func lower(c Credentials) Credentials { c.User = strings.ToLower(c.User); return c }

func (p *pair) dial(t testing.TB, auth Initiator) (*Client, chan error) {
	t.Helper()
	conn, end := p.serve(t)
	c, err := Dial(t.Context(), conn, ifaceEcho, auth)
	if err != nil {
		t.Fatal(err)
	}
	return c, end
}

// initiators has each way to prove who is who.
var initiators = map[string]func(t testing.TB, p *pair) Initiator{
	"ntlm":        func(testing.TB, *pair) Initiator { return NewNTLM(lower(bob())) },
	"spnego ntlm": func(testing.TB, *pair) Initiator { return NewSPNEGO(NewNTLM(lower(bob()))) },
	// Windows' list begins with what this server does not have.
	"spnego, ntlm second": func(testing.TB, *pair) Initiator { return NewSPNEGO(negoEx{}, NewNTLM(lower(bob()))) },
}

// negoEx is a mechanism that only Windows has: a token, and no more.
type negoEx struct{}

func (negoEx) kind() uint8                                  { return 0 }
func (negoEx) mechs() []oid                                 { return []oid{"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e"} }
func (negoEx) step(context.Context, []byte) ([]byte, error) { return []byte("NEGOEXTS"), nil }
func (negoEx) session() session                             { return nil }

func TestCalls(t *testing.T) {
	for name, make := range initiators {
		t.Run(name, func(t *testing.T) {
			p := newPair()
			c, end := p.dial(t, make(t, p))
			exchange(t, c)
			c.Close()
			if err := <-end; err != nil {
				t.Errorf("Serve: %v", err)
			}
			noSecrets(t, p.log)
			if !strings.Contains(p.log.String(), "the disk is full") {
				t.Errorf("the log does not have the handler's error:\n%s", p.log)
			}
		})
	}
}

// exchange makes calls of each length, and what fails and goes on.
func exchange(t *testing.T, c *Client) {
	t.Helper()
	for _, n := range []int{0, 1, 15, 16, 17, 100, 5700, 5750, 5840, 8192, 20000, maxRequest} {
		data := bytes.Repeat([]byte("0123456789abcde"), n/15+1)[:n]
		out, err := c.Call(t.Context(), opEcho, data)
		if err != nil || !bytes.Equal(out, data) {
			t.Fatalf("%d bytes: %d came back, %v", n, len(out), err)
		}
	}
	for op, want := range map[uint16]uint32{opFault: 0x6d9, opBad: StatusBadStub, opOwn: StatusInternal, 77: StatusOpnum} {
		var f *Fault
		if _, err := c.Call(t.Context(), op, []byte{1}); !errors.As(err, &f) || f.Status != want {
			t.Errorf("call %d: %v, want fault %#x", op, err, want)
		}
	}
	if out, err := c.Call(t.Context(), opBig, bytes.Repeat([]byte{7}, 100)); err != nil || len(out) != 900000 {
		t.Errorf("a long answer: %d bytes, %v", len(out), err)
	}
	out, err := c.Call(t.Context(), opCount, nil)
	if err != nil || !strings.HasPrefix(string(out), "18 ") || !strings.Contains(string(out), " 6 ") {
		t.Errorf("the handler counts %q, %v", out, err)
	}
}

// TestRefusedCallers are let in by none of the ways.
func TestRefusedCallers(t *testing.T) {
	for name, change := range map[string]func(*Credentials){
		"wrong password": func(c *Credentials) { c.Password = "falsch-0815" },
		"no such user":   func(c *Credentials) { c.User = "eve" },
		"guest":          func(c *Credentials) { c.User = "guest" },
		"anonymous":      func(c *Credentials) { c.User, c.Password = "", "" },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair()
			cred := lower(bob())
			change(&cred)
			c, end := p.dial(t, NewNTLM(cred))
			_, err := c.Call(t.Context(), opEcho, nil)
			var f *Fault
			if !errors.As(err, &f) || f.Status != StatusDenied {
				t.Errorf("the call: %v, want access denied", err)
			}
			noSecrets(t, err, <-end, p.log)
		})
	}
}

// TestRefusedAtOnce has SPNEGO, where Dial learns of a wrong password.
func TestRefusedAtOnce(t *testing.T) {
	p := newPair()
	cred := lower(bob())
	cred.Password = "falsch-0815"
	conn, end := p.serve(t)
	_, err := Dial(t.Context(), conn, ifaceEcho, NewSPNEGO(NewNTLM(cred)))
	var f *Fault
	if !errors.As(err, &f) || f.Status != StatusDenied {
		t.Errorf("Dial: %v, want access denied", err)
	}
	served := <-end
	if !errors.Is(served, errWrong) {
		t.Errorf("Serve: %v", served)
	}
	noSecrets(t, err, served, p.log, NewNTLM(cred), NewSPNEGO(NewNTLM(cred)))
}

func noSecrets(t *testing.T, all ...any) {
	t.Helper()
	text := fmt.Sprintf("%v %+v", all, all)
	for _, s := range []string{password, "falsch-0815"} {
		if strings.Contains(text, s) || strings.Contains(text, fmt.Sprintf("%x", utf16le(s))) {
			t.Errorf("a password is in %s", text)
		}
	}
}

func TestCredentialsPrintNoPassword(t *testing.T) {
	c := bob()
	text := fmt.Sprintf("%v %+v %#v %s", c, c, c, &c)
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "cred", c, "auth", NewNTLM(c))
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "cred", c)
	text += b.String()
	if strings.Contains(text, password) || !strings.Contains(text, "Bob") {
		t.Errorf("printed: %s", text)
	}
}

func TestUnknownInterface(t *testing.T) {
	p := newPair()
	conn, _ := p.serve(t)
	if _, err := Dial(t.Context(), conn, ifaceUnknown, NewNTLM(lower(bob()))); !errors.Is(err, ErrNoInterface) {
		t.Errorf("Dial: %v", err)
	}
	if _, err := conn.Write([]byte{1}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the connection is open after Dial failed: %v", err)
	}
}

// BenchmarkDialAndCall is what one message costs beside the network.
func BenchmarkDialAndCall(b *testing.B) {
	for name, auth := range initiators {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p := newPair()
				b.StopTimer() // the keytab takes longer than all else
				i := auth(b, p)
				b.StartTimer()
				c, end := p.dial(b, i)
				if _, err := c.Call(b.Context(), opEcho, make([]byte, 100)); err != nil {
					b.Fatal(err)
				}
				c.Close()
				<-end
			}
		})
	}
}
