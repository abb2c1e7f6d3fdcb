package tsts

import (
	"context"
	"crypto/rand"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"msg"
	"msg/internal/dcerpc"
	"msg/internal/wts"
)

// table is the calls of one interface by their numbers.
type table map[uint16]func(ctx context.Context, c *calls, stub []byte) (Body, error)

// calls is what one connection has asked of one interface so far.
type calls struct {
	server  *Server
	who     msg.Principal
	handles map[Handle]any
}

// on makes a row of a table out of a function of the parameters.
func on[A any, P interface {
	*A
	Body
}](do func(ctx context.Context, c *calls, a P) Body) func(context.Context, *calls, []byte) (Body, error) {
	return func(ctx context.Context, c *calls, stub []byte) (Body, error) {
		a := P(new(A))
		if err := Unmarshal(stub, a); err != nil {
			return nil, err
		}
		return do(ctx, c, a), nil
	}
}

// maxHandles is how many handles a connection may have open: Windows' own
// programs have one.
const maxHandles = 64

// open makes a handle, or the zero one if there are too many.
func (c *calls) open(v any) (h Handle) {
	if len(c.handles) >= maxHandles {
		return Handle{}
	}
	_, _ = rand.Read(h[4:]) // never fails, see crypto/rand
	c.handles[h] = v
	return h
}

// close closes one, and reports whether it was open.
func (c *calls) close(h Handle) bool {
	_, ok := c.handles[h]
	delete(c.handles, h)
	return ok
}

// place is a session as Windows is told of it.
type place struct {
	msg.Session
	number int32
	name   string
	user   string
	domain string
	state  wts.State
}

var states = map[msg.State]wts.State{
	msg.StateActive: wts.Active, msg.StateConnected: wts.Connected, msg.StateConnectQuery: wts.ConnectQuery,
	msg.StateShadow: wts.Shadow, msg.StateDisconnected: wts.Disconnected, msg.StateIdle: wts.Idle,
	msg.StateListen: wts.Listen, msg.StateReset: wts.Reset, msg.StateDown: wts.Down, msg.StateInit: wts.Init,
}

// places lists the sessions that the caller may know of.
func (c *calls) places(ctx context.Context) ([]place, error) {
	list, err := c.server.Service.Sessions(ctx, c.who)
	if err != nil {
		c.server.Log.Error("listing the sessions for a remote client", "error", err)
		return nil, err
	}
	numbers := c.server.ids.of(list)
	places := make([]place, len(list))
	for i, s := range list {
		p := place{Session: s, number: numbers[i], name: s.Name, user: s.User, state: wts.Down}
		if p.name == "" {
			p.name = s.ID
		}
		if s.User != "" {
			p.domain = c.server.Names.Computer
		}
		if domain, user, ok := strings.Cut(s.User, `\`); ok {
			p.domain, p.user = domain, user
		}
		if state, ok := states[s.State]; ok {
			p.state = state
		}
		places[i] = p
	}
	return places, nil
}

// find finds a session by its number.
func (c *calls) find(ctx context.Context, number int32) (place, bool, error) {
	list, err := c.places(ctx)
	for _, p := range list {
		if p.number == number {
			return p, true, nil
		}
	}
	return place{}, false, err
}

// lastInput is when somebody typed last, if that is known.
func (p place) lastInput() time.Time {
	if p.Idle < 0 {
		return time.Time{}
	}
	return time.Now().Add(-p.Idle)
}

// entry is a session in a list.
func (p place) entry() Entry {
	return Entry{ID: p.number, State: p.state, Name: p.name, FullDesktop: true}
}

// ids numbers sessions, as Windows does: the number of logind if there is one,
// else one that stays for as long as the session is there.
type ids struct {
	mu    sync.Mutex
	last  int32
	given map[string]int32 // by ID of the session
}

// ownIDs is where numbers of our own begin: logind is far from it.
const ownIDs = 40000

func (x *ids) of(list []msg.Session) []int32 {
	x.mu.Lock()
	defer x.mu.Unlock()
	numbers, next := make([]int32, len(list)), map[string]int32{}
	for i, s := range list {
		number, err := strconv.ParseUint(s.ID, 10, 31)
		switch n, known := x.given[s.ID]; {
		case err == nil && number > 0 && number < ownIDs && strconv.FormatUint(number, 10) == s.ID:
			numbers[i] = int32(number)
			continue
		case known:
			numbers[i] = n
		default:
			numbers[i] = x.free(next)
		}
		next[s.ID] = numbers[i]
	}
	x.given = next
	return numbers
}

// free is a number that no session has; it comes round again after very many.
func (x *ids) free(next map[string]int32) int32 {
	taken := func(n int32) bool {
		for _, used := range []map[string]int32{x.given, next} {
			for _, u := range used {
				if u == n {
					return true
				}
			}
		}
		return false
	}
	for {
		if x.last++; x.last < ownIDs || x.last == math.MaxInt32 {
			x.last = ownIDs
		}
		if !taken(x.last) {
			return x.last
		}
	}
}

// syntax is an interface of version 1.0.
func syntax(uuid string) dcerpc.Syntax {
	u, err := dcerpc.ParseUUID(uuid)
	if err != nil {
		panic(err) // it is written in this package
	}
	return dcerpc.Syntax{UUID: u, Major: 1}
}
