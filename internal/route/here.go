package route

import (
	"context"
	"errors"
	"fmt"

	"msg"
	"msg/internal/control"
)

// here is this computer. Whether its msgd runs shows when it is asked.
func (r Router) here() *Computer {
	return &Computer{Client: control.NewClient(control.DialLocal(r.Socket), ""), router: r, here: true}
}

// errNoQueue is why nothing is kept without msgd.
const errNoQueue = msg.UnsupportedError("keeping a message (/queue) needs msgd, which is not running on this computer; nothing was sent")

// openHere opens this computer for what its msgd does not do, because it is
// not running; err is what was said instead.
func (c *Computer) openHere(err error) (msg.Host, bool, error) {
	if !c.here || !errors.Is(err, control.ErrNoDaemon) {
		return nil, false, err
	}
	h, err := c.router.Open()
	return h, err == nil, err
}

// Sessions lists the sessions.
func (c *Computer) Sessions(ctx context.Context) ([]msg.Session, error) {
	ctx, cancel := c.limited(ctx, msg.Message{})
	defer cancel()
	switch {
	case c.members != nil:
		list, err := c.Client.SessionsOf(ctx, c.members)
		return list, needsDaemon(err)
	case c.rpc != nil:
		return c.rpc.Sessions(ctx)
	}
	list, err := c.Client.Sessions(ctx)
	h, ok, err := c.openHere(err)
	if !ok {
		return list, c.explain(err)
	}
	defer h.Close()
	return h.Sessions(ctx)
}

// Messages reports what was sent, see control.Service.
func (c *Computer) Messages(ctx context.Context, id string, limit int, report func(msg.Record)) error {
	ctx, cancel := c.limited(ctx, msg.Message{})
	defer cancel()
	switch {
	case c.members != nil:
		return errNoFleetMessages
	case c.rpc != nil:
		return fmt.Errorf("%s: %w", quote(c.name), errNoMessages)
	}
	err := c.Client.Messages(ctx, id, limit, report)
	if c.here && errors.Is(err, control.ErrNoDaemon) {
		return fmt.Errorf("messages are kept by msgd: %w", err)
	}
	return c.explain(err)
}

// Send sends a message, see msg.Host.
func (c *Computer) Send(ctx context.Context, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
	ctx, cancel := c.limited(ctx, m)
	defer cancel()
	switch {
	case c.members != nil:
		return c.toFleet(ctx, t, m, report)
	case c.rpc != nil:
		return c.sendRPC(ctx, t, m, report)
	}
	h, ok, err := c.openHere(c.Client.Send(ctx, t, m, report))
	if !ok {
		return c.explain(err)
	}
	defer h.Close()
	if m.Queue > 0 {
		return errNoQueue
	}
	m.From = c.router.Sender()
	if m.Wait {
		defer c.router.takeAnswers(h)()
	}
	return h.Send(ctx, t, m, report)
}
