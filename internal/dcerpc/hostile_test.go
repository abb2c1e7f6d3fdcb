package dcerpc

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"msg/internal/ndr"
)

// wire is a connection of which a test changes what the client sends or gets.
// Each Write of this package is one PDU.
type wire struct {
	net.Conn
	send    func(pdu []byte) [][]byte
	receive func(pdu []byte) []byte
	left    []byte
	in      *bufio.Reader
}

func (w *wire) Write(b []byte) (int, error) {
	pdus := [][]byte{b}
	if w.send != nil {
		pdus = w.send(bytes.Clone(b))
	}
	for _, p := range pdus {
		if _, err := w.Conn.Write(p); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func (w *wire) Read(b []byte) (int, error) {
	if w.receive == nil {
		return w.Conn.Read(b)
	}
	if w.in == nil {
		w.in = bufio.NewReader(w.Conn)
	}
	if len(w.left) == 0 {
		p, err := readPDU(w.in)
		if err != nil {
			return 0, err
		}
		w.left = w.receive(p.raw)
	}
	n := copy(b, w.left)
	w.left = w.left[n:]
	return n, nil
}

// TestTamperedRequest changes a call on its way: the handler does not see it.
func TestTamperedRequest(t *testing.T) {
	for name, auth := range initiators {
		for what, change := range map[string]func([]byte) [][]byte{
			"data":     func(b []byte) [][]byte { b[callHeader+3] ^= 1; return [][]byte{b} },
			"token":    func(b []byte) [][]byte { b[len(b)-1] ^= 1; return [][]byte{b} },
			"opnum":    func(b []byte) [][]byte { b[22] ^= 1; return [][]byte{b} },
			"trailer":  func(b []byte) [][]byte { t := len(b) - int(b[10]) - 6; b[t] ^= 1; return [][]byte{b} },
			"level":    func(b []byte) [][]byte { t := len(b) - int(b[10]) - 7; b[t] = LevelConnect; return [][]byte{b} },
			"replayed": func(b []byte) [][]byte { return [][]byte{b, b} },
			"naked":    func(b []byte) [][]byte { b = b[:callHeader+16]; putLengths(b, len(b), 0); return [][]byte{b} },
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				p := newPair()
				conn, end := p.serve(t)
				w := &wire{Conn: conn}
				c, err := Dial(t.Context(), w, ifaceEcho, auth(t, p))
				if err != nil {
					t.Fatal(err)
				}
				w.send = change
				_, err = c.Call(t.Context(), opEcho, make([]byte, 16))
				if err == nil { // the first of two
					w.send = nil
					_, err = c.Call(t.Context(), opEcho, nil)
				}
				c.Close()
				served := <-end
				// A copy may come while the first is answered: that is refused too.
				early := served != nil && strings.Contains(served.Error(), "while a call is answered")
				if err == nil || !errors.Is(served, ErrSecurity) && !errors.Is(served, errPDU) && !early {
					t.Errorf("Call: %v; Serve: %v", err, served)
				}
			})
		}
	}
}

// TestTamperedResponse changes an answer on its way: the client refuses it.
func TestTamperedResponse(t *testing.T) {
	for name, auth := range initiators {
		for what, change := range map[string]func([]byte) []byte{
			"data":          func(b []byte) []byte { b[callHeader+3] ^= 1; return b },
			"token":         func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
			"naked":         func(b []byte) []byte { b = b[:callHeader+16]; putLengths(b, len(b), 0); return b },
			"other call":    func(b []byte) []byte { b[12]++; return b },
			"not the first": func(b []byte) []byte { b[3] &^= flagFirst; return b },
			"shutdown":      func(b []byte) []byte { b[2] = kindShutdown; return b },
			"a bind_ack":    func(b []byte) []byte { b[2] = kindBindAck; return b },
			"cut":           func(b []byte) []byte { b = b[:20]; putLengths(b, len(b), 0); return b },
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				p := newPair()
				conn, _ := p.serve(t)
				w := &wire{Conn: conn, receive: func(b []byte) []byte { return b }}
				c, err := Dial(t.Context(), w, ifaceEcho, auth(t, p))
				if err != nil {
					t.Fatal(err)
				}
				w.receive = change
				if out, err := c.Call(t.Context(), opEcho, make([]byte, 32)); err == nil || out != nil {
					t.Errorf("the answer is %x, %v", out, err)
				}
				if _, err := c.Call(t.Context(), opEcho, nil); err == nil {
					t.Error("a further call was made")
				}
			})
		}
	}
}

// TestHeaderSigning shows that Kerberos signs headers if that is agreed on,
// and that calls go either way.
func TestHeaderSigning(t *testing.T) {
	for _, agreed := range []bool{true, false} {
		for _, level := range []uint8{LevelIntegrity, LevelPrivacy} {
			p := newPair()
			p.server.lowest = LevelIntegrity
			conn, _ := p.serve(t)
			w := &wire{Conn: conn}
			if !agreed {
				w.send = func(b []byte) [][]byte { b[3] &^= flagHeaderSign; return [][]byte{b} }
			}
			c, err := dial(t.Context(), w, ifaceEcho, initiators["spnego kerberos"](t, p), level)
			if err != nil {
				t.Fatal(err)
			}
			if c.sec.headers != agreed {
				t.Errorf("header signing: %v, want %v", c.sec.headers, agreed)
			}
			w.send = nil
			data := bytes.Repeat([]byte("abc"), 5000)
			if out, err := c.Call(t.Context(), opEcho, data); err != nil || !bytes.Equal(out, data) {
				t.Errorf("a call at level %d: %v", level, err)
			}
			w.send = func(b []byte) [][]byte { b[16] ^= 1; return [][]byte{b} } // alloc_hint
			if _, err := c.Call(t.Context(), opEcho, data[:9]); (err != nil) != agreed {
				t.Errorf("header signing %v, level %d, the header was changed: %v", agreed, level, err)
			}
		}
	}
}

// TestBelowPrivacy refuses calls that are only signed, and those of nobody.
func TestBelowPrivacy(t *testing.T) {
	for name, auth := range initiators {
		p := newPair()
		conn, _ := p.serve(t)
		c, err := dial(t.Context(), conn, ifaceEcho, auth(t, p), LevelIntegrity)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var f *Fault
		if _, err := c.Call(t.Context(), opEcho, nil); !errors.As(err, &f) || f.Status != StatusDenied {
			t.Errorf("%s at PKT_INTEGRITY: %v", name, err)
		}
	}
}

// raw is a client without security, made by hand.
type raw struct {
	t *testing.T
	net.Conn
	in  *bufio.Reader
	end chan error
}

func newRaw(t *testing.T, p *pair) *raw {
	conn, end := p.serve(t)
	return &raw{t, conn, bufio.NewReader(conn), end}
}

func (r *raw) exchange(b []byte) pdu {
	r.t.Helper()
	if _, err := r.Write(b); err != nil {
		r.t.Fatal(err)
	}
	p, err := readPDU(r.in)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func rawBind(kind uint8, t *trailer) []byte {
	w := begin(kind, flagWhole, 1)
	windowsBind().write(w)
	return finish(w, t)
}

func rawRequest(flags uint8, call uint32) []byte {
	w := begin(kindRequest, flags, call)
	w.U64(0)
	return finish(w, nil)
}

func TestAnonymousBind(t *testing.T) {
	r := newRaw(t, newPair())
	if p := r.exchange(rawBind(kindBind, nil)); p.kind != kindBindAck {
		t.Fatalf("the bind is answered with kind %d", p.kind)
	}
	p := r.exchange(rawRequest(flagWhole, 2))
	if b := p.body(); p.kind != kindFault || b.U64() != 0 || b.U32() != StatusDenied {
		t.Errorf("the call is answered with kind %d", p.kind)
	}
	if err := <-r.end; err == nil || !strings.Contains(err.Error(), "has not proved who it is") {
		t.Errorf("Serve: %v", err)
	}
}

func TestBindRefused(t *testing.T) {
	for name, c := range map[string]struct {
		trailer *trailer
		reason  uint16
	}{
		"Schannel":   {&trailer{14, LevelPrivacy, 0, 0, []byte("abcd")}, rejectAuthKind},
		"Kerberos":   {&trailer{authKerberos, LevelPrivacy, 0, 0, []byte("abcd")}, rejectAuthKind},
		"no token":   {&trailer{authSPNEGO, LevelPrivacy, 0, 0, []byte("abcd")}, rejectAuth},
		"weak flags": {&trailer{authNTLM, LevelPrivacy, 0, 0, negotiateMessage(ntlmUnicode | ntlmNTLM)}, rejectAuth},
	} {
		r := newRaw(t, newPair())
		p := r.exchange(rawBind(kindBind, c.trailer))
		if reason := p.body().U16(); p.kind != kindBindNak || reason != c.reason {
			t.Errorf("%s: kind %d, reason %d", name, p.kind, reason)
		}
		if err := <-r.end; err == nil {
			t.Errorf("%s: Serve went on", name)
		}
	}
}

// TestOutOfOrder ends connections whose PDUs do not follow.
func TestOutOfOrder(t *testing.T) {
	for name, pdus := range map[string][][]byte{
		"a response":            {begin(kindResponse, flagWhole, 1).Data()},
		"alter before bind":     {rawBind(kindAlter, nil)},
		"auth3 before bind":     {begin(kindAuth3, flagWhole, 1).Data()},
		"two binds":             {rawBind(kindBind, nil), rawBind(kindBind, nil)},
		"no PDU":                {bytes.Repeat([]byte("GET / HTTP/1.0\r\n"), 4)},
		"a bind without a body": {begin(kindBind, flagWhole, 1).Data()},
	} {
		r := newRaw(t, newPair())
		go io.Copy(io.Discard, r.Conn)
		for _, b := range pdus {
			if b[0] == 5 {
				putLengths(b, len(b), 0)
			}
			r.Write(b)
		}
		if err := <-r.end; err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: Serve: %v", name, err)
		}
	}
}

// TestInterleaved has a fragment of another call within a call, and one more
// call while one is answered.
func TestInterleaved(t *testing.T) {
	p := newPair()
	c, end := p.dial(t, NewNTLM(lower(bob())))
	fragment := func(flags uint8, call uint32, opnum uint16) {
		w := begin(kindRequest, flags, call)
		w.U32(0)
		w.U16(0)
		w.U16(opnum)
		b, err := c.sec.fragment(w.Data(), make([]byte, 16))
		if err != nil {
			t.Fatal(err)
		}
		c.conn.Write(b)
	}
	fragment(flagFirst, 7, opEcho)
	fragment(flagLast, 8, opEcho)
	if f, err := readPDU(c.in); err != nil || f.kind != kindFault || f.call != 8 {
		t.Errorf("answered with %+v, %v", f, err)
	}
	if err := <-end; err == nil || !strings.Contains(err.Error(), "does not follow") {
		t.Errorf("Serve: %v", err)
	}

	c, end = p.dial(t, NewNTLM(lower(bob())))
	fragment(flagWhole, 7, opWait)
	<-p.waits
	fragment(flagWhole, 8, opEcho)
	if f, err := readPDU(c.in); err != nil || f.kind != kindFault || f.call != 8 {
		t.Errorf("answered with %+v, %v", f, err)
	}
	if err := <-p.waits; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler ended with %v", err)
	}
	<-end
}

// TestOversized has more data than a call may have.
func TestOversized(t *testing.T) {
	p := newPair()
	c, end := p.dial(t, NewNTLM(lower(bob())))
	if _, err := c.Call(t.Context(), opEcho, make([]byte, maxRequest+1)); err == nil {
		t.Error("the call was answered")
	}
	if err := <-end; err == nil || !strings.Contains(err.Error(), "more than 65536 bytes") {
		t.Errorf("Serve: %v", err)
	}
}

// TestCancel ends a waiting handler in each way that there is.
func TestCancel(t *testing.T) {
	for name, end := range map[string]func(*Client, context.CancelFunc){
		"the client's context": func(_ *Client, cancel context.CancelFunc) { cancel() },
		"the connection":       func(c *Client, _ context.CancelFunc) { c.Close() },
		"co_cancel":            func(c *Client, _ context.CancelFunc) { c.conn.Write(finish(begin(kindCancel, flagWhole, 2), nil)) },
		"orphaned":             func(c *Client, _ context.CancelFunc) { c.conn.Write(finish(begin(kindOrphaned, flagWhole, 2), nil)) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair()
			c, _ := p.dial(t, NewNTLM(lower(bob())))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() { _, err := c.Call(ctx, opWait, nil); done <- err }()
			<-p.waits
			end(c, cancel)
			if err := <-p.waits; !errors.Is(err, context.Canceled) {
				t.Errorf("the handler ended with %v", err)
			}
			if err := <-done; err == nil {
				t.Error("the call was answered")
			}
		})
	}
}

// TestDeadlines are those of a server whose client is silent.
func TestDeadlines(t *testing.T) {
	for name, c := range map[string]struct {
		do    func(*testing.T, *pair) chan error
		after time.Duration
		want  error
	}{
		"nothing at all": {func(t *testing.T, p *pair) chan error {
			_, end := p.serve(t)
			return end
		}, handshakeTime, errHandshake},
		"a bind of nobody": {func(t *testing.T, p *pair) chan error {
			r := newRaw(t, p)
			r.exchange(rawBind(kindBind, nil))
			return r.end
		}, handshakeTime, errHandshake},
		"half a call": {func(t *testing.T, p *pair) chan error {
			c, end := p.dial(t, NewSPNEGO(NewNTLM(lower(bob()))))
			b, err := c.sec.fragment(rawRequest(flagFirst, 2), nil)
			if err != nil {
				t.Fatal(err)
			}
			c.conn.Write(b)
			return end
		}, fragmentTime, errRest},
		"no call": {func(t *testing.T, p *pair) chan error {
			_, end := p.dial(t, NewSPNEGO(NewNTLM(lower(bob()))))
			return end
		}, idleTime, errUnused},
		"the answer is not taken": {func(t *testing.T, p *pair) chan error {
			c, end := p.dial(t, NewSPNEGO(NewNTLM(lower(bob()))))
			if err := c.request(0, opEcho, nil); err != nil {
				t.Fatal(err)
			}
			return end
		}, writeTime, io.ErrClosedPipe},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := <-c.do(t, newPair())
				if took := time.Since(start); !errors.Is(err, c.want) || took != c.after {
					t.Errorf("Serve: %v after %v, want %v after %v", err, took, c.want, c.after)
				}
			})
		})
	}
}

// TestWaitingTakesItsTime has a call that is answered after hours, as a
// question to a person may be.
func TestWaitingTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair()
		p.server.Interfaces[ifaceEcho] = func(context.Context, Caller) Handler {
			return func(context.Context, uint16, []byte) ([]byte, error) {
				time.Sleep(5 * time.Hour) // in synctest's time
				return []byte("yes"), nil
			}
		}
		c, end := p.dial(t, NewNTLM(lower(bob())))
		if out, err := c.Call(t.Context(), 0, nil); err != nil || string(out) != "yes" {
			t.Errorf("%q, %v", out, err)
		}
		c.Close()
		<-end
	})
}

// TestDialEnds shows that a server which says nothing holds nobody up.
func TestDialEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		go io.Copy(io.Discard, theirs)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := Dial(ctx, ours, ifaceEcho, NewNTLM(bob())); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Dial: %v", err)
		}
	})
}

// TestServerDowngrade has servers that answer a bind with less.
func TestServerDowngrade(t *testing.T) {
	for name, answer := range map[string]func(*ndr.Writer) []byte{
		"no authentication": func(w *ndr.Writer) []byte { return finish(w, nil) },
		"a lower level": func(w *ndr.Writer) []byte {
			return finish(w, &trailer{authNTLM, LevelConnect, 0, 0, challengeMessage{flags: ntlmNeeded | ntlmTargetInfo}.bytes()})
		},
		"another kind": func(w *ndr.Writer) []byte {
			return finish(w, &trailer{authSPNEGO, LevelPrivacy, 0, 0, challengeMessage{flags: ntlmNeeded | ntlmTargetInfo}.bytes()})
		},
		"no sealing": func(w *ndr.Writer) []byte {
			return finish(w, &trailer{authNTLM, LevelPrivacy, 0, 0, challengeMessage{flags: ntlmNeeded&^ntlmSeal | ntlmTargetInfo}.bytes()})
		},
	} {
		ours, theirs := net.Pipe()
		go func() {
			readPDU(bufio.NewReader(theirs))
			w := begin(kindBindAck, flagWhole, 1)
			bindAck{5840, 5840, 1, "", []result{{resultAccepted, 0, ndr32}}}.write(w)
			theirs.Write(answer(w))
		}()
		if _, err := Dial(t.Context(), ours, ifaceEcho, NewNTLM(bob())); !errors.Is(err, ErrSecurity) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzServer gives a server anything to read. It answers or ends, and runs no
// handler.
func FuzzServer(f *testing.F) {
	f.Add(append(rawBind(kindBind, nil), rawRequest(flagWhole, 2)...))
	f.Add(rawBind(kindBind, &trailer{authNTLM, LevelPrivacy, 0, 0, negotiateMessage(ntlmNeeded)}))
	f.Add(append(rawBind(kindBind, &trailer{authSPNEGO, LevelPrivacy, 0, 0, negInit{list: mechList(windowsMechs())}.bytes()}), rawBind(kindAlter, nil)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := newPair()
		p.server.Interfaces[ifaceEcho] = func(context.Context, Caller) Handler {
			t.Error("a handler was made for nobody")
			return nil
		}
		ours, end := p.serve(t)
		go io.Copy(io.Discard, ours)
		ours.Write(b)
		ours.Close()
		<-end
	})
}
