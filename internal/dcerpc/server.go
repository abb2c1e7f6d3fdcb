package dcerpc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"msg/internal/ndr"
)

// Caller is who makes the calls of a connection, as proved.
type Caller struct {
	User, Domain string   // with Kerberos: the principal and its realm
	Mechanism    string   // "ntlm" or "kerberos"
	Level        uint8    // LevelPrivacy
	SIDs         []string // of the account and its groups, if the Verifier told
}

// Handler answers one call. Its context ends when the client cancels the call,
// or the connection ends. An error that is a *Fault is sent as it is; ErrOpnum
// and the errors of package ndr as what they mean; any other is logged, and
// the client learns only that there was one. Bytes that are left of the stub
// are nothing to complain of: clients send too many.
type Handler func(ctx context.Context, opnum uint16, stub []byte) ([]byte, error)

// Service makes the Handler of one connection, when the first call comes; what
// it keeps (context handles) ends with the connection. Calls of one connection
// come one after another. Its context is that of the connection.
type Service func(ctx context.Context, c Caller) Handler

// Server answers calls. Its fields stay as they are while it serves.
type Server struct {
	Interfaces map[Syntax]Service
	NTLM       *NTLMServer     // nil: NTLM is refused
	Kerberos   *KerberosServer // nil: Kerberos is refused
	Address    string          // told to clients, as in \PIPE\LSM_API_service
	Log        *slog.Logger    // nil: none

	lowest uint8 // level of authentication; 0 is LevelPrivacy
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

// conn is one connection of a client.
type conn struct {
	*Server
	rw   io.ReadWriteCloser
	size int // of fragments that the client takes; 0 before the bind

	sec      protection
	accept   acceptor
	caller   Caller
	refused  bool // the proof failed
	contexts map[uint16]Syntax
	handlers map[Syntax]Handler

	part    request  // being put together
	running *running // being answered
	done    chan answer
}

// request is a call of which fragments are still to come.
type request struct {
	begun          bool
	call           uint32
	context, opnum uint16
	stub           []byte
}

type running struct {
	request
	cancel context.CancelFunc
}

type answer struct {
	out []byte
	err error
}

// Serve answers the calls of one connection until it ends, and closes it. It
// returns nil if the client has ended it, and only when no handler runs.
func (s *Server) Serve(ctx context.Context, rw io.ReadWriteCloser) error {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { rw.Close() })
	c := &conn{Server: s, rw: rw, contexts: map[uint16]Syntax{}, handlers: map[Syntax]Handler{}, done: make(chan answer, 1)}
	in, end := make(chan pdu), make(chan error, 1)
	go read(ctx, rw, in, end)
	err := c.loop(ctx, in, end)
	cancel()
	if stop() {
		rw.Close()
	}
	if c.running != nil {
		<-c.done
	}
	return err
}

// read is the goroutine that reads, so that the end of the connection is
// noticed while a call is being answered.
func read(ctx context.Context, r io.Reader, in chan<- pdu, end chan<- error) {
	b := bufio.NewReaderSize(r, 8192)
	for {
		p, err := readPDU(b)
		if err != nil {
			end <- err
			return
		}
		select {
		case in <- p:
		case <-ctx.Done():
			return
		}
	}
}

// Why a connection was ended.
var (
	errHandshake = errors.New("the client has not proved in time who it is")
	errUnused    = errors.New("the client has not made a call for too long")
	errRest      = errors.New("the rest of a call did not come in time")
)

func (c *conn) loop(ctx context.Context, in <-chan pdu, end <-chan error) error {
	handshake := time.NewTimer(handshakeTime)
	defer handshake.Stop()
	idle := time.NewTimer(idleTime)
	defer idle.Stop()
	for {
		proved := handshake.C
		if c.sec.session != nil {
			proved = nil
		}
		var err error
		select {
		case p := <-in:
			err = c.handle(ctx, p)
		case a := <-c.done:
			err = c.answer(a)
		case err := <-end:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("reading from the client: %w", err)
		case <-proved:
			return errHandshake
		case <-idle.C:
			if c.part.begun {
				return errRest
			}
			return errUnused
		case <-ctx.Done():
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		c.rearm(idle)
	}
}

// rearm sets the time that the client has now. A call being answered has all
// the time that it needs.
func (c *conn) rearm(idle *time.Timer) {
	switch {
	case c.running != nil:
		idle.Stop()
	case c.part.begun:
		idle.Reset(fragmentTime)
	default:
		idle.Reset(idleTime)
	}
}

// handle does what a PDU asks. An error ends the connection.
func (c *conn) handle(ctx context.Context, p pdu) error {
	switch p.kind {
	case kindCancel, kindOrphaned:
		return c.cancel(p)
	case kindBind, kindAlter, kindAuth3, kindRequest:
	default:
		return fmt.Errorf("%w: kind %d is not for a server", errPDU, p.kind)
	}
	if c.running != nil {
		return c.refuse(p, StatusProtocol, "a PDU of kind %d while a call is answered", p.kind)
	}
	switch p.kind {
	case kindBind:
		return c.bind(ctx, p)
	case kindAlter:
		return c.alter(ctx, p)
	case kindAuth3:
		return c.auth3(ctx, p)
	}
	return c.request(ctx, p)
}

// send writes a PDU to a client that has to take it in time.
func (c *conn) send(b []byte) error {
	late := time.AfterFunc(writeTime, func() { c.rw.Close() })
	defer late.Stop()
	_, err := c.rw.Write(b)
	return err
}

// refuse sends a fault, and ends the connection.
func (c *conn) refuse(p pdu, status uint32, format string, args ...any) error {
	err := fmt.Errorf("refused with status %#x: "+format, append([]any{status}, args...)...)
	return errors.Join(err, c.fault(p.call, 0, status))
}

// fault sends one without protection, as Samba does: it has no data, and
// clients look at no more than its status.
func (c *conn) fault(call uint32, context uint16, status uint32) error {
	w := begin(kindFault, flagWhole|flagNotRun, call)
	w.U32(0) // alloc_hint
	w.U16(context)
	w.U16(0) // cancel_count, flags
	w.U32(status)
	w.U32(0) // reserved
	return c.send(finish(w, nil))
}

// request takes one fragment of a call, and runs it after the last.
func (c *conn) request(ctx context.Context, p pdu) error {
	if c.sec.session == nil || c.sec.level < c.lowestLevel() {
		return c.refuse(p, StatusDenied, "a call at level %d by a client that has not proved who it is at level %d", c.sec.level, c.lowestLevel())
	}
	from := callHeader
	if p.flags&flagObject != 0 {
		from += 16
	}
	part, err := c.sec.open(p, from)
	if err != nil {
		return c.refuse(p, StatusSecurity, "%w", err)
	}
	r := p.body()
	r.U32() // alloc_hint
	context, opnum := r.U16(), r.U16()
	if p.flags&flagFirst != 0 && !c.part.begun {
		c.part = request{begun: true, call: p.call, context: context, opnum: opnum}
	} else if p.flags&flagFirst != 0 || !c.part.begun || p.call != c.part.call || context != c.part.context || opnum != c.part.opnum {
		return c.refuse(p, StatusProtocol, "a fragment of call %d that does not follow", p.call)
	}
	if c.part.stub = append(c.part.stub, part...); len(c.part.stub) > maxRequest {
		return c.refuse(p, StatusProtocol, "a call of more than %d bytes", maxRequest)
	}
	if p.flags&flagLast == 0 {
		return nil
	}
	q := c.part
	c.part = request{}
	return c.run(ctx, q)
}

func (c *conn) lowestLevel() uint8 {
	if c.lowest == 0 {
		return LevelPrivacy
	}
	return c.lowest
}

// run has a call answered beside the loop.
func (c *conn) run(ctx context.Context, q request) error {
	iface, ok := c.contexts[q.context]
	if !ok {
		return c.fault(q.call, q.context, StatusInterface)
	}
	h, ok := c.handlers[iface]
	if !ok {
		h = c.Interfaces[iface](ctx, c.caller)
		c.handlers[iface] = h
	}
	ctx, cancel := context.WithCancel(ctx)
	c.running = &running{q, cancel}
	go func() {
		out, err := h(ctx, q.opnum, q.stub)
		c.done <- answer{out, err}
	}()
	return nil
}

// cancel ends the handler's context. The call is answered as usual, unless it
// is orphaned: then nobody waits. Who sent it is not looked at closely: it
// can do no more than closing the connection.
func (c *conn) cancel(p pdu) error {
	if p.auth != nil && c.sec.session != nil {
		if _, err := c.sec.open(p, headerSize); err != nil {
			return err
		}
	}
	switch {
	case c.running != nil && c.running.call == p.call:
		c.running.cancel()
	case p.kind == kindOrphaned && c.part.begun && c.part.call == p.call:
		c.part = request{} // the rest of it does not come
	}
	return nil
}

// answer sends what a handler said.
func (c *conn) answer(a answer) error {
	q := c.running
	c.running = nil
	q.cancel()
	if a.err != nil {
		return c.fault(q.call, q.context, c.status(q.request, a.err))
	}
	return fragments(&c.sec, c.size, a.out, func(flags uint8, left int) *ndr.Writer {
		w := begin(kindResponse, flags, q.call)
		w.U32(uint32(left)) // alloc_hint
		w.U16(q.context)
		w.U16(0) // cancel_count
		return w
	}, c.send)
}

// status is what the client is told of an error.
func (c *conn) status(q request, err error) uint32 {
	var f *Fault
	switch {
	case errors.As(err, &f):
		return f.Status
	case errors.Is(err, ErrOpnum):
		c.log().Info("unknown remote call", "interface", c.contexts[q.context].UUID.String(), "opnum", q.opnum, "bytes", len(q.stub))
		return StatusOpnum
	case errors.Is(err, ndr.ErrShort), errors.Is(err, ndr.ErrRange):
		c.log().Info("remote call with bad data", "interface", c.contexts[q.context].UUID.String(), "opnum", q.opnum, "bytes", len(q.stub), "error", err.Error())
		return StatusBadStub
	}
	c.log().Error("remote call failed", "interface", c.contexts[q.context].UUID.String(), "opnum", q.opnum, "error", err.Error())
	return StatusInternal
}
