package tsts

import (
	"context"
	"errors"
	"sync"
	"time"

	"msg/internal/wts"
)

// remote is another computer by remote calls: stations.Services. Each connection
// is to one interface; one that is not in use is kept for the next call.
type remote struct {
	// dial makes a connection to an interface on a pipe.
	dial func(ctx context.Context, pipe, uuid string) (caller, error)
	hang func() // ends all connections
	now  func() time.Time

	busy   chan struct{} // one for each connection that is made, or that is in a short call
	legacy bool          // IcaApi has to do; known after start

	mu    sync.Mutex
	lists []conn // idle, of TermSrvEnumeration or IcaApi
	calls []conn // idle, of TermSrvSession or IcaApi
	known map[uint32]info
}

// conn is a connection with what IcaApi has opened on it.
type conn struct {
	caller
	server Handle
}

// maxBusy is how many calls are under way, each on a connection of its own. Boxes
// that wait do not count: for as long as they stand they make no work.
const maxBusy = 8

// start finds out which interface there is, and keeps the connection to it.
func (r *remote) start(ctx context.Context) error {
	r.busy, r.known = make(chan struct{}, maxBusy), map[uint32]info{}
	c, err := r.open(ctx, UUIDEnumeration)
	if errors.Is(err, ErrNotThere) {
		r.legacy = true
		c, err = r.open(ctx, UUIDEnumeration)
	}
	if err != nil {
		return err
	}
	r.keep(&r.lists, c)
	return nil
}

// open makes a connection for the calls of an interface of today, or for the
// one that was there before.
func (r *remote) open(ctx context.Context, uuid string) (conn, error) {
	pipe := PipeLSM
	if r.legacy {
		pipe, uuid = PipeWSta, UUIDIca
	}
	c, err := r.dial(ctx, pipe, uuid)
	if err != nil || !r.legacy {
		return conn{caller: c}, err
	}
	server, err := icaOpen(ctx, c)
	if err != nil {
		c.Close()
	}
	return conn{c, server}, err
}

// with does something on a connection of its own, idle or new; long says that
// it may take long. A connection that has failed is not used again: it may be
// closed, or in the middle of something.
func (r *remote) with(ctx context.Context, idle *[]conn, uuid string, long bool, do func(conn) error) error {
	select {
	case r.busy <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	free := sync.OnceFunc(func() { <-r.busy })
	defer free()
	c, ok := r.take(idle)
	if !ok {
		var err error
		if c, err = r.open(ctx, uuid); err != nil {
			return err
		}
	}
	if long {
		free()
	}
	err := do(c)
	var refused *wts.Error
	if err != nil && (ctx.Err() != nil || !errors.As(err, &refused)) {
		c.Close()
		return err
	}
	r.keep(idle, c)
	return err
}

func (r *remote) take(idle *[]conn) (c conn, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(*idle)
	if n == 0 {
		return conn{}, false
	}
	c, *idle = (*idle)[n-1], (*idle)[:n-1]
	return c, true
}

func (r *remote) keep(idle *[]conn, c conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*idle = append(*idle, c)
}

// Sessions lists the sessions.
func (r *remote) Sessions(ctx context.Context) (list []wts.Session, err error) {
	err = r.with(ctx, &r.lists, UUIDEnumeration, false, func(c conn) (err error) {
		if r.legacy {
			list, err = icaList(ctx, c, c.server)
		} else {
			list, err = lsmList(ctx, c)
		}
		return err
	})
	return list, err
}

// ask asks about a session.
func (r *remote) ask(ctx context.Context, id uint32) (x info, err error) {
	err = r.with(ctx, &r.calls, UUIDSession, false, func(c conn) (err error) {
		if r.legacy {
			x, err = icaInfo(ctx, c, c.server, id)
		} else {
			x, err = r.lsmInfo(ctx, c, id)
		}
		return err
	})
	if err == nil {
		r.mu.Lock()
		r.known[id] = x
		r.mu.Unlock()
	}
	return x, err
}

// Query asks who is signed in. One call tells all about a session, so the name
// of the user is asked for first, and the rest is known then.
func (r *remote) Query(ctx context.Context, id uint32, class wts.Class) (string, error) {
	if class == wts.UserName {
		x, err := r.ask(ctx, id)
		return x.user, err
	}
	x, err := r.told(ctx, id)
	return x.domain, err
}

// Times tells since when.
func (r *remote) Times(ctx context.Context, id uint32) (wts.Times, error) {
	x, err := r.told(ctx, id)
	return x.times, err
}

// told is what is known, or is asked for now.
func (r *remote) told(ctx context.Context, id uint32) (info, error) {
	r.mu.Lock()
	x, ok := r.known[id]
	r.mu.Unlock()
	if ok {
		return x, nil
	}
	return r.ask(ctx, id)
}

// Send shows a box, on a connection of its own for as long as it takes.
func (r *remote) Send(ctx context.Context, id uint32, b wts.Box, wait bool) (response wts.Response, err error) {
	err = r.with(ctx, &r.calls, UUIDSession, wait, func(c conn) (err error) {
		if r.legacy {
			response, err = icaBox(ctx, c, c.server, id, b, wait)
		} else {
			response, err = lsmBox(ctx, c, id, b, wait)
		}
		return err
	})
	return response, err
}

// MaxUnits is the limit of IcaApi; the other interface has none.
func (r *remote) MaxUnits() int {
	if r.legacy {
		return IcaUnits
	}
	return 0
}

// Close ends all connections. The computer lets go of what was open on them.
func (r *remote) Close() { r.hang() }
