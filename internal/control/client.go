package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"msg"
)

// Client is a msgd as a msg.Host. It opens a stream for each request and may
// be used from several goroutines.
type Client struct {
	dial func(context.Context) (io.ReadWriteCloser, error)
	name string
}

var _ msg.Host = (*Client)(nil)

// NewClient makes a Client of streams that dial opens, such as DialLocal's.
// The name stands in errors; it is empty for this computer. A stream may bring
// up to 64 KiB of something else before the greeting, as login shells do.
func NewClient(dial func(context.Context) (io.ReadWriteCloser, error), name string) *Client {
	return &Client{dial, name}
}

// Close has nothing to do: there is nothing open between requests.
func (c *Client) Close() error { return nil }

// Sessions lists the sessions that the msgd shows to the caller.
func (c *Client) Sessions(ctx context.Context) ([]msg.Session, error) {
	return c.sessions(ctx, request{Op: opSessions})
}

func (c *Client) sessions(ctx context.Context, q request) ([]msg.Session, error) {
	var list []msg.Session
	err := c.call(ctx, q, func(r reply) bool {
		if r.Session != nil {
			list = append(list, r.Session.value())
		}
		return r.Session != nil
	})
	return list, err
}

// Send sends a message, see msg.Host. If the stream breaks, sessions whose
// receipts were not final get a failed one: only the msgd knows the outcome.
func (c *Client) Send(ctx context.Context, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
	return c.send(ctx, request{Op: opSend, To: t.Strings(), Message: &m}, report, nil)
}

func (c *Client) send(ctx context.Context, q request, report func(msg.Receipt), reach func(msg.Reach)) error {
	m := *q.Message
	if len(q.To) == 0 {
		return msg.ErrTarget
	}
	if err := checkMessage(m); err != nil { // JSON would repair the text
		return err
	}
	open := map[string]msg.Receipt{} // sessions that are not yet served
	err := c.call(ctx, q, func(r reply) bool {
		if r.Reach != nil && q.Hosts != nil {
			if reach != nil {
				reach(*r.Reach)
			}
			return true
		}
		if r.Receipt == nil || r.Receipt.Message != m.ID {
			return false
		}
		x := r.Receipt.value()
		delete(open, x.Session.Host+"\x00\x00"+x.Session.User) // a person for whom it was kept has signed in
		if key := x.Session.Host + "\x00" + x.Session.ID + "\x00" + x.Session.User; x.Final {
			delete(open, key)
		} else {
			open[key] = x
		}
		report(x)
		return true
	})
	detail := fmt.Sprintf("%v: 'query message %s' says what came of it", ErrLost, msg.ShortID(m.ID))
	if ctx.Err() != nil {
		detail = "interrupted"
	}
	for _, key := range slices.Sorted(maps.Keys(open)) {
		report(msg.Receipt{Message: m.ID, Session: open[key].Session, Outcome: msg.OutcomeFailed, Detail: detail, At: time.Now(), Final: true})
	}
	if errors.Is(err, ErrLost) {
		return fmt.Errorf("%w: 'query message %s' says what came of the message", err, msg.ShortID(m.ID))
	}
	return err
}

// Answer answers a message, see Service.
func (c *Client) Answer(ctx context.Context, a msg.Answer) (msg.Receipt, error) {
	var x *receipt
	err := c.one(ctx, request{Op: opAnswer, Answer: &a}, func(r reply) bool {
		x = r.Receipt
		return x != nil
	})
	if err != nil {
		return msg.Receipt{}, err
	}
	return x.value(), nil
}

// DND says what the caller's do-not-disturb is.
func (c *Client) DND(ctx context.Context) (msg.DND, error) {
	var d msg.DND
	err := c.one(ctx, request{Op: opDND}, func(r reply) bool {
		if r.DND != nil {
			d = *r.DND
		}
		return r.DND != nil
	})
	return d, err
}

// SetDND changes the caller's do-not-disturb.
func (c *Client) SetDND(ctx context.Context, d msg.DND) error {
	return c.call(ctx, request{Op: opDND, DND: &d}, func(reply) bool { return false })
}

// Messages reports records of messages, see Service.
func (c *Client) Messages(ctx context.Context, id string, limit int, report func(msg.Record)) error {
	return c.call(ctx, request{Op: opMessages, ID: id, Limit: limit}, func(r reply) bool {
		if r.Record != nil {
			report(r.Record.value())
		}
		return r.Record != nil
	})
}

// one is call for a request that has exactly one reply if it succeeds.
func (c *Client) one(ctx context.Context, r request, take func(reply) bool) error {
	n := 0
	err := c.call(ctx, r, func(x reply) bool {
		n++
		return n == 1 && take(x)
	})
	if err == nil && n == 0 {
		return c.failed(fmt.Errorf("%w: there is no reply", errLine))
	}
	return err
}

// failed puts the name of the host before an error of the way there. What the
// other end says keeps its words.
func (c *Client) failed(err error) error {
	if c.name == "" {
		return err
	}
	return fmt.Errorf("%s: %w", c.name, err)
}

// call asks, and gives each reply to take, which returns false for one that
// does not belong there.
func (c *Client) call(ctx context.Context, r request, take func(reply) bool) error {
	r.Version = Version
	if err := r.check(); err != nil {
		return err
	}
	line, err := encode(r)
	if err != nil {
		return fmt.Errorf("%w: %v", errLine, err)
	}
	if len(line) > maxRequest {
		return fmt.Errorf("%w: the recipients and the message have %d bytes together, the limit is %d", msg.ErrLimit, len(line), maxRequest)
	}
	if ctx.Err() != nil { // a request that was written is done
		return context.Cause(ctx)
	}
	rw, err := c.dial(ctx)
	if err != nil {
		return c.failed(err)
	}
	s := &stream{ReadWriteCloser: rw}
	defer s.Close()
	end, err := s.converse(ctx, line, take)
	switch {
	case err == nil:
		return end.err()
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return c.failed(err)
}
