package tsts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"msg"
	"msg/internal/account"
	"msg/internal/dcerpc"
)

// Service is what is offered to Windows: a daemon that decides who may do what.
type Service interface {
	Sessions(ctx context.Context, p msg.Principal) ([]msg.Session, error)
	Send(ctx context.Context, p msg.Principal, t msg.Target, m msg.Message, report func(msg.Receipt)) error
}

// Server answers smbd's clients as Terminal Services would. Its fields stay as
// they are while it serves.
type Server struct {
	Service  Service
	Names    *Names
	NTLM     dcerpc.Verifier        // nil: NTLM is refused
	Kerberos *dcerpc.KerberosServer // nil: Kerberos is refused, see LoadKeytab
	Accounts *account.DB
	Log      *slog.Logger // nil: nothing is logged

	// Groups are those that the service asks about, see control.Server. Those
	// in Administrators may do everything.
	Groups, Administrators []string

	MaxClients, MaxPerUser int // who has proved who it is; 512 and 64 if zero

	once    sync.Once
	noise   *rate.Limiter // of lines in the log that a client can cause at will
	ids     ids
	mu      sync.Mutex
	pending []*visitor // who has proved nothing yet, the oldest first
	clients map[*visitor]string
}

// maxPending is how many clients may have proved nothing yet. One more takes
// the place of the oldest: whoever opens many keeps nobody out who is quick.
const maxPending = 1024

// helloTime is how long smbd may take to greet.
const helloTime = 5 * time.Second

// Pipes are the names of the sockets that smbd looks for, each with its pipe.
var Pipes = map[string]string{
	strings.ToLower(PipeLSM): PipeLSM, strings.ToLower(PipeRCM): PipeRCM, strings.ToLower(PipeWSta): PipeWSta,
}

func (s *Server) init() {
	s.once.Do(func() {
		if s.Log == nil {
			s.Log = slog.New(slog.DiscardHandler)
		}
		s.MaxClients, s.MaxPerUser = cmp.Or(s.MaxClients, 512), cmp.Or(s.MaxPerUser, 64)
		s.noise = rate.NewLimiter(1, 20)
		s.clients = map[*visitor]string{}
	})
}

// visitor is one connection.
type visitor struct {
	server *Server
	conn   net.Conn
	pipe   string
	hello  Hello
}

// Serve answers the clients of one pipe until ctx ends; then it closes l, ends
// what is under way, and returns nil when the last has ended.
func (s *Server) Serve(ctx context.Context, l net.Listener, pipe string) error {
	s.init()
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			c := &visitor{server: s, conn: conn, pipe: pipe}
			s.enter(c)
			all.Go(func() {
				defer s.leave(c)
				c.serve(ctx)
			})
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("waiting for clients of pipe %s: %w", pipe, err)
		default: // out of files or memory: clients that end give back what is missing
			s.warn("accepting a client", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}

// warn logs what a client can cause, and not more often than can be read.
func (s *Server) warn(what string, args ...any) {
	if s.noise.Allow() {
		s.Log.Warn(what, args...)
	}
}

func (s *Server) enter(c *visitor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) >= maxPending {
		s.pending[0].conn.Close() // its goroutine does the rest
		s.pending = s.pending[1:]
	}
	s.pending = append(s.pending, c)
}

// prove counts a client that has proved who it is, if there may be one more.
func (s *Server) prove(c *visitor, user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = slices.DeleteFunc(s.pending, func(p *visitor) bool { return p == c })
	if _, ok := s.clients[c]; ok { // a second interface
		return true
	}
	same := 0
	for _, u := range s.clients {
		if u == user {
			same++
		}
	}
	if len(s.clients) >= s.MaxClients || same >= s.MaxPerUser {
		return false
	}
	s.clients[c] = user
	return true
}

func (s *Server) leave(c *visitor) {
	c.conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = slices.DeleteFunc(s.pending, func(p *visitor) bool { return p == c })
	delete(s.clients, c)
}

// Clients is how many clients there are: who has proved who it is, and all
// others.
func (s *Server) Clients() (proved, pending int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.clients), len(s.pending)
}

// serve is one connection from smbd's greeting to its end.
func (c *visitor) serve(ctx context.Context) {
	s := c.server
	_ = c.conn.SetDeadline(time.Now().Add(helloTime)) // an open socket takes it
	hello, err := ReadHello(c.conn)
	var refused *HelloError
	if errors.As(err, &refused) {
		s.warn("a client of smbd is refused", "pipe", c.pipe, "error", err)
	}
	if err != nil {
		return
	}
	if hello.Details != nil {
		s.warn("who a client is to smbd is not known", "pipe", c.pipe, "error", hello.Details)
	}
	c.hello = hello
	if err := answerHello(c.conn, hello.Level); err != nil {
		return
	}
	_ = c.conn.SetDeadline(time.Time{})
	rpc := c.rpc()
	err = rpc.Serve(ctx, &framed{ReadWriteCloser: c.conn})
	if err != nil && ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
		s.warn("a remote client is refused", append(c.about(), "error", err)...)
	}
}

// about is who a client is to smbd, for the log.
func (c *visitor) about() []any {
	return []any{"pipe", c.pipe, "address", c.hello.ClientAddr, "smb", c.hello.Domain + `\` + c.hello.Account}
}

// rpc makes what answers the calls of one connection.
func (c *visitor) rpc() *dcerpc.Server {
	s := c.server
	rpc := &dcerpc.Server{Interfaces: map[dcerpc.Syntax]dcerpc.Service{}, Kerberos: s.Kerberos, Address: `\PIPE\` + c.pipe, Log: s.Log}
	if s.NTLM != nil {
		rpc.NTLM = &dcerpc.NTLMServer{Computer: s.Names.Computer, Domain: s.Names.Computer, Verifier: s.NTLM}
	}
	for uuid, table := range interfacesOf(c.pipe) {
		rpc.Interfaces[syntax(uuid)] = func(ctx context.Context, who dcerpc.Caller) dcerpc.Handler { return c.handler(ctx, who, table) }
	}
	return rpc
}

// interfacesOf is the interfaces of a pipe.
func interfacesOf(pipe string) map[string]table {
	switch pipe {
	case PipeLSM:
		return map[string]table{UUIDEnumeration: enumeration, UUIDSession: session}
	case PipeWSta:
		return map[string]table{UUIDIca: ica}
	}
	return map[string]table{UUIDRCM: rcm}
}

// handler answers the calls of one interface.
func (c *visitor) handler(ctx context.Context, who dcerpc.Caller, t table) dcerpc.Handler {
	p, err := c.server.principal(ctx, who)
	if err != nil {
		return c.failing(dcerpc.StatusBusy, err.Error(), p.User)
	}
	if !sound(who.User) || who.Domain == "" {
		return c.failing(dcerpc.StatusDenied, "a name that cannot be", p.User)
	}
	if !c.server.prove(c, p.User) {
		return c.failing(dcerpc.StatusBusy, "too many clients", p.User)
	}
	c.server.Log.Info("a remote client", append(c.about(), "user", p.User, "by", who.Mechanism)...)
	calls := &calls{server: c.server, who: p, handles: map[Handle]any{}}
	return func(ctx context.Context, opnum uint16, stub []byte) ([]byte, error) {
		do, ok := t[opnum]
		if !ok {
			return nil, dcerpc.ErrOpnum
		}
		out, err := do(ctx, calls, stub)
		if err != nil {
			return nil, err
		}
		return Marshal(out), nil
	}
}

func (c *visitor) failing(status uint32, why, user string) dcerpc.Handler {
	c.server.warn("a remote client is refused", append(c.about(), "user", user, "error", why)...)
	return func(context.Context, uint16, []byte) ([]byte, error) { return nil, &dcerpc.Fault{Status: status} }
}

// principal is who makes the calls, as they have proved it. Being an
// administrator of Windows, or root, is no right here: groups are.
func (s *Server) principal(ctx context.Context, who dcerpc.Caller) (msg.Principal, error) {
	p := msg.Principal{User: full(who.Domain, who.User)}
	p.Account = strings.ToLower(p.User)
	if !sound(who.User) {
		return p, nil
	}
	l, err := s.Names.local(ctx, who.Domain, who.User)
	if err != nil || !l.has {
		return p, err
	}
	p.Account = strconv.FormatUint(uint64(l.uid), 10)
	p.Groups, p.Unsure = s.Accounts.Memberships(s.Groups, l.groups)
	administers, _ := s.Accounts.Memberships(s.Administrators, l.groups)
	p.Superuser = len(administers) > 0
	return p, nil
}
