package control

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"msg"
	"msg/internal/account"
)

// ErrGone is the cause (see context.Cause) of a context that ended because the
// client went away, or wants its request to be ended.
var ErrGone = errors.New("the client has gone")

// Server offers a Service over streams, one request on each. Only Service has
// to be set.
type Server struct {
	Service  Service
	Host     string       // name of this computer, for Principals and the greeting
	Fleet    *Fleet       // nil: there is none
	Log      *slog.Logger // nil: nothing is logged
	Accounts *account.DB  // nil: one of its own, which on Windows knows no groups

	// Groups are those that the service asks about: Principal.Groups has the
	// ones of them that a client is in. To look up all groups of a client would
	// be work that a client can make for the directory: in a user namespace it
	// is in thousands, and in others the next time.
	Groups []string

	MaxClients     int           // of ordinary users; 512 if zero
	MaxPerUser     int           // 32 if zero; the superuser has no limit
	RequestTimeout time.Duration // for a client to send its request; 2 s if zero
	WriteTimeout   time.Duration // for a client to take what it is sent, see out; 5 s if zero

	once   sync.Once
	limits limits
	paces  paces
}

func (s *Server) init() {
	s.once.Do(func() {
		if s.Log == nil {
			s.Log = slog.New(slog.DiscardHandler)
		}
		if s.Accounts == nil {
			s.Accounts = account.New()
		}
		s.MaxClients = cmp.Or(s.MaxClients, 512)
		s.MaxPerUser = cmp.Or(s.MaxPerUser, 32)
		s.RequestTimeout = cmp.Or(s.RequestTimeout, 2*time.Second)
		s.WriteTimeout = cmp.Or(s.WriteTimeout, 5*time.Second)
	})
}

// Serve answers the clients of a unix socket until ctx ends; then it closes l,
// ends the requests under way and returns nil when the last one has ended.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.init()
	var clients sync.WaitGroup
	defer clients.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			s.accept(ctx, conn, &clients)
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("waiting for clients: %w", err)
		default:
			// Out of files or memory, or a client that went at once. The loop
			// lives on: clients that end give back what is missing.
			if s.limits.tell() {
				s.Log.Warn("accepting a client", "error", err)
			}
			pause(ctx, 50*time.Millisecond)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// accept looks at who it is, as cheaply as possible: this is all that
// connections above the limits can make the server do.
func (s *Server) accept(ctx context.Context, conn net.Conn, clients *sync.WaitGroup) {
	who, err := peerOf(conn)
	if err != nil {
		s.Log.Warn("finding out who a client is", "error", err)
		conn.Close()
		return
	}
	if !s.limits.enter(who.account(), who.superuser(), s.MaxClients, s.MaxPerUser, who.foreign) {
		if s.limits.tell() {
			s.Log.Warn("too many connections", "account", who.account())
		}
		s.turnAway(conn)
		return
	}
	clients.Go(func() {
		defer s.limits.leave(who.account(), who.superuser())
		if !who.superuser() {
			s.paces.wait(ctx, who.account())
		}
		s.serve(ctx, conn, func(op string) (msg.Principal, error) { return s.principal(who, op) })
	})
}

// turnAway answers a connection that is one too many. The lines fit into the
// buffer of a new connection, so this does not wait; the deadline is for
// sockets of another kind.
func (s *Server) turnAway(conn net.Conn) {
	defer conn.Close()
	hello, _ := encode(greeting{Version, s.Host})
	line, _ := encode(reply{Done: doneOf(fmt.Errorf("%w: too many connections to msgd, try again later", msg.ErrLimit))})
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write(append(hello, line...))
}

// ServeConn answers one client that is known already, and closes conn.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn, p msg.Principal) {
	s.init()
	s.serve(ctx, conn, func(string) (msg.Principal, error) { return p, nil })
}

// identify says who asks for op.
type identify func(op string) (msg.Principal, error)

// serve is one connection from its greeting to its end.
func (s *Server) serve(ctx context.Context, conn net.Conn, who identify) {
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(s.RequestTimeout))
	// The end of the server ends reading, not the lines that are still to come.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	o := newOut(conn, s.WriteTimeout)
	s.put(o, greeting{Version, s.Host}, false)
	err := s.converse(ctx, conn, o, who)
	s.put(o, reply{Done: doneOf(err)}, false)
	o.end()
}

// converse reads the request and has it answered. A bug that shows with one
// request does not end the others.
func (s *Server) converse(ctx context.Context, conn net.Conn, o *out, who identify) (err error) {
	defer func() {
		if bug := recover(); bug != nil {
			s.Log.Error("a request ended in a panic", "panic", bug, "stack", string(debug.Stack()))
			err = errors.New("an internal error of msgd, which is in its log")
		}
	}()
	in := bufio.NewReader(conn)
	line, err := readLine(in, maxRequest)
	if err != nil {
		s.Log.Debug("reading a request", "error", err)
		return fmt.Errorf("%w: no request: %v", errLine, err)
	}
	r, err := decodeRequest(line)
	if err != nil {
		s.Log.Debug("a request that cannot be", "error", err)
		return err
	}
	p, err := who(r.Op)
	if err != nil {
		return err
	}
	server := ctx
	ctx, gone := context.WithCancelCause(ctx)
	defer gone(nil)
	if ctx.Err() == nil {
		_ = conn.SetReadDeadline(time.Time{})
	}
	go func() {
		_, _ = in.ReadByte()     // the end, or the wish to end it
		if server.Err() == nil { // whose end ends reading too
			gone(ErrGone)
		}
	}()
	return s.call(ctx, p, r, o)
}

// call does what is asked for. The receipts of a Send come from where others
// are served too, so that they never wait; lists can be held up.
func (s *Server) call(ctx context.Context, p msg.Principal, r request, o *out) error {
	if r.Op == opMembers || len(r.Hosts) > 0 {
		return s.callFleet(ctx, p, r, o)
	}
	switch r.Op {
	case opSessions:
		list, err := s.Service.Sessions(ctx, p)
		for _, x := range list {
			s.put(o, reply{Session: sessionOf(x)}, true)
		}
		return err
	case opSend:
		return s.Service.Send(ctx, p, r.target(), *r.Message, func(x msg.Receipt) { s.put(o, reply{Receipt: receiptOf(x)}, false) })
	case opAnswer:
		x, err := s.Service.Answer(ctx, p, *r.Answer)
		if err == nil {
			s.put(o, reply{Receipt: receiptOf(x)}, false)
		}
		return err
	case opDND:
		return s.dnd(ctx, p, r.DND, o)
	default:
		return s.Service.Messages(ctx, p, r.ID, r.Limit, func(x msg.Record) { s.put(o, reply{Record: recordOf(x)}, true) })
	}
}

func (s *Server) dnd(ctx context.Context, p msg.Principal, set *msg.DND, o *out) error {
	if set != nil {
		return s.Service.SetDND(ctx, p, *set)
	}
	d, err := s.Service.DND(ctx, p)
	if err == nil {
		s.put(o, reply{DND: &d}, false)
	}
	return err
}

// put sends a line. That the client takes no more of them is no error here:
// the request ends by itself then.
func (s *Server) put(o *out, line any, canWait bool) {
	if err := o.put(line, canWait); err != nil && !errors.Is(err, errGone) {
		s.Log.Error("a line that cannot be sent", "error", err)
	}
}
