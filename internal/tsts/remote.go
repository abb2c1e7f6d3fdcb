package tsts

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"msg/internal/wts"
)

// remote is another computer by remote calls: stations.Services. A connection has
// the interface for which it was made, and the other one too where the computer
// takes both on one; one that is not in use is kept for the next call.
type remote struct {
	// dial makes a connection to interfaces on a pipe, of which all but the first
	// may be missing; they are nil then.
	dial func(ctx context.Context, pipe string, uuids ...string) ([]caller, error)
	hang func() // ends all connections
	now  func() time.Time

	busy   chan struct{} // one for each connection that is made, or that is in a short call
	legacy bool          // IcaApi has to do; known after start

	mu    sync.Mutex
	idle  []*conn
	known map[uint32]info
}

// conn is a connection with what was opened on it.
type conn struct {
	lists caller // TermSrvEnumeration or IcaApi; nil where the connection does not have it
	calls caller // TermSrvSession or IcaApi, as well

	server Handle // of IcaApi

	// Opened by the last list and the last box, and closed before the next one of
	// the same kind: most connections end before, and that closes them too.
	list, box Handle
}

func (c *conn) has(uuid string) bool {
	return uuid == UUIDEnumeration && c.lists != nil || uuid == UUIDSession && c.calls != nil
}

func (c *conn) Close() {
	for _, end := range []caller{c.lists, c.calls} {
		if end != nil {
			end.Close()
		}
	}
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
	r.keep(c)
	return nil
}

// open makes a connection for the calls of an interface of today, or for the
// one that was there before.
func (r *remote) open(ctx context.Context, uuid string) (*conn, error) {
	if r.legacy {
		return r.openLegacy(ctx)
	}
	other := UUIDSession
	if uuid == UUIDSession {
		other = UUIDEnumeration
	}
	callers, err := r.dial(ctx, PipeLSM, uuid, other)
	switch {
	case err != nil:
		return nil, err
	case uuid == UUIDSession:
		return &conn{lists: callers[1], calls: callers[0]}, nil
	}
	return &conn{lists: callers[0], calls: callers[1]}, nil
}

func (r *remote) openLegacy(ctx context.Context) (*conn, error) {
	callers, err := r.dial(ctx, PipeWSta, UUIDIca)
	if err != nil {
		return nil, err
	}
	c := &conn{lists: callers[0], calls: callers[0]}
	if c.server, err = icaOpen(ctx, callers[0]); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// with does something on a connection of its own, idle or new; long says that
// it may take long. A connection that has failed is not used again: it may be
// closed, or in the middle of something.
func (r *remote) with(ctx context.Context, uuid string, long bool, do func(*conn) error) error {
	select {
	case r.busy <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	free := sync.OnceFunc(func() { <-r.busy })
	defer free()
	c := r.take(uuid)
	if c == nil {
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
	r.keep(c)
	return err
}

// take takes an idle connection that has an interface, or nil.
func (r *remote) take(uuid string) *conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, c := range slices.Backward(r.idle) {
		if c.has(uuid) {
			r.idle = slices.Delete(r.idle, i, i+1)
			return c
		}
	}
	return nil
}

func (r *remote) keep(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = append(r.idle, c)
}

// Sessions lists the sessions.
func (r *remote) Sessions(ctx context.Context) (list []wts.Session, err error) {
	err = r.with(ctx, UUIDEnumeration, false, func(c *conn) (err error) {
		if r.legacy {
			list, err = icaList(ctx, c.lists, c.server)
		} else {
			list, err = lsmList(ctx, c)
		}
		return err
	})
	return list, err
}

// ask asks about a session.
func (r *remote) ask(ctx context.Context, id uint32) (x info, err error) {
	err = r.with(ctx, UUIDSession, false, func(c *conn) (err error) {
		if r.legacy {
			x, err = icaInfo(ctx, c.calls, c.server, id)
		} else {
			x, err = r.lsmInfo(ctx, c.calls, id)
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
	err = r.with(ctx, UUIDSession, wait, func(c *conn) (err error) {
		if r.legacy {
			response, err = icaBox(ctx, c.calls, c.server, id, b, wait)
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
