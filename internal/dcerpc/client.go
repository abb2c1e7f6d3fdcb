package dcerpc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"msg/internal/ndr"
)

// Client is an interface of a server, on a connection to it. Calls on one
// connection are made one after another.
type Client struct {
	*link
	context uint16 // of the interface, in each call
}

// link is a connection, with all interfaces that are on it.
type link struct {
	conn io.ReadWriteCloser
	in   *bufio.Reader
	sec  protection
	size int // of fragments that the server takes

	others map[Syntax]uint16 // the contexts of interfaces beside the first

	mu     sync.Mutex
	call   uint32
	broken error // why no further call can be made
}

// Dial binds to an interface and proves who is who, at PKT_PRIVACY. It owns
// the connection: when it fails, or ctx ends before it is done, the connection
// is closed.
//
// NTLM without SPNEGO has no answer to the proof: with a wrong password Dial
// succeeds, and the first call is a Fault with StatusDenied.
//
// Further interfaces of the server can be asked for at the same time, at no cost;
// Other says which of them are there.
func Dial(ctx context.Context, conn io.ReadWriteCloser, iface Syntax, auth Initiator, more ...Syntax) (*Client, error) {
	return dial(ctx, conn, iface, auth, LevelPrivacy, more...)
}

func dial(ctx context.Context, conn io.ReadWriteCloser, iface Syntax, auth Initiator, level uint8, more ...Syntax) (*Client, error) {
	c := &Client{link: &link{conn: conn, in: bufio.NewReaderSize(conn, 8192), call: 1}}
	c.sec = protection{kind: auth.kind(), level: level}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	err := c.bind(ctx, auth, append([]Syntax{iface}, more...))
	if !stop() && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("binding to interface %v: %w", iface.UUID, err)
	}
	return c, nil
}

// Other is the same connection for an interface that Dial has asked for beside the
// first one; false is that the server does not have it there.
func (c *Client) Other(iface Syntax) (*Client, bool) {
	id, ok := c.others[iface]
	return &Client{c.link, id}, ok
}

// bind makes the first exchange, and goes on until the security is there.
func (c *link) bind(ctx context.Context, auth Initiator, ifaces []Syntax) error {
	token, err := auth.step(ctx, nil)
	if err != nil {
		return err
	}
	b := bind{fragmentSize, fragmentSize, 0, nil}
	for i, iface := range ifaces {
		b.contexts = append(b.contexts, presentation{uint16(i), iface, []Syntax{ndr32}})
	}
	token, ack, err := c.leg(kindBind, b, token)
	if err != nil {
		return err
	}
	if err := checkAck(ack, len(ifaces)); err != nil {
		return err
	}
	c.others = map[Syntax]uint16{}
	for i, r := range ack.results[1:] {
		if r.result == resultAccepted && r.transfer == ndr32 {
			c.others[ifaces[1+i]] = uint16(1 + i)
		}
	}
	c.size = min(fragmentSize, int(ack.maxRecv))
	b.group, b.contexts = ack.group, b.contexts[:1] // what follows is about the proof
	return c.prove(ctx, b, auth, token)
}

// prove makes the legs that follow the first. If nothing is left that the
// server could say to a token, it goes by auth3, else by alter_context.
func (c *link) prove(ctx context.Context, b bind, auth Initiator, token []byte) error {
	for auth.session() == nil {
		out, err := auth.step(ctx, token)
		switch {
		case err != nil:
			return err
		case auth.session() == nil && len(out) == 0:
			return fmt.Errorf("%w: the server has no more to say, but has not proved anything", ErrSecurity)
		case auth.session() == nil:
			token, _, err = c.leg(kindAlter, b, out)
		case len(out) > 0:
			err = c.auth3(out)
		}
		if err != nil {
			return err
		}
	}
	c.sec.session = auth.session()
	return nil
}

// leg sends a bind or alter_context, and reads the answer.
func (c *link) leg(kind uint8, b bind, token []byte) ([]byte, bindAck, error) {
	w := begin(kind, flagWhole|flagHeaderSign, c.call)
	b.write(w)
	if _, err := c.conn.Write(finish(w, &trailer{c.sec.kind, c.sec.level, 0, c.sec.context, token})); err != nil {
		return nil, bindAck{}, err
	}
	p, err := c.read()
	if err != nil {
		return nil, bindAck{}, err
	}
	switch {
	case p.kind == kindBindNak:
		return nil, bindAck{}, &Reject{p.body().U16()}
	case p.kind == kindFault:
		_, err := c.fault(p)
		return nil, bindAck{}, err
	case p.kind != kind+1:
		return nil, bindAck{}, fmt.Errorf("%w: kind %d answers kind %d", errPDU, p.kind, kind)
	case p.auth == nil:
		return nil, bindAck{}, fmt.Errorf("%w: the server does not authenticate", ErrSecurity)
	case p.auth.kind != c.sec.kind || p.auth.level != c.sec.level:
		return nil, bindAck{}, fmt.Errorf("%w: the server offers level %d", ErrSecurity, p.auth.level)
	}
	if kind == kindBind {
		c.sec.headers = p.flags&flagHeaderSign != 0
	}
	ack, err := readBindAck(p.body())
	return p.auth.token, ack, err
}

func (c *link) auth3(token []byte) error {
	w := begin(kindAuth3, flagWhole, c.call)
	w.Zero(4) // max_xmit_frag and max_recv_frag, which count for nothing here
	_, err := c.conn.Write(finish(w, &trailer{c.sec.kind, c.sec.level, 0, c.sec.context, token}))
	return err
}

func checkAck(a bindAck, contexts int) error {
	switch {
	case len(a.results) != contexts:
		return fmt.Errorf("%w: %d results of %d contexts", errPDU, len(a.results), contexts)
	case a.results[0].result == resultAccepted && a.results[0].transfer != ndr32:
		return fmt.Errorf("%w: the server chose a form of data that was not offered", errPDU)
	case a.results[0].result == resultAccepted && a.maxRecv < fragmentMin:
		return fmt.Errorf("%w: the server takes fragments of %d bytes", errPDU, a.maxRecv)
	case a.results[0].result == resultAccepted:
		return nil
	case a.results[0].reason == reasonInterface:
		return ErrNoInterface
	}
	return fmt.Errorf("the server refuses the interface with reason %d", a.results[0].reason)
}

// read reads a PDU that answers the present call.
func (c *link) read() (pdu, error) {
	p, err := readPDU(c.in)
	switch {
	case errors.Is(err, io.EOF):
		return p, io.ErrUnexpectedEOF // an answer was due
	case err != nil:
		return p, err
	case p.kind == kindShutdown:
		return p, errors.New("the server ends the connection")
	case p.call != c.call:
		return p, fmt.Errorf("%w: an answer to call %d, not %d", errPDU, p.call, c.call)
	}
	return p, nil
}

// Call makes a call and waits for its answer. A refusal or failure that the
// server tells is a *Fault, after which further calls can be made. When ctx
// ends first, the connection is closed: that is how the server learns of it.
func (c *Client) Call(ctx context.Context, opnum uint16, stub []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return nil, c.broken
	}
	c.call++
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	out, again, err := c.exchange(c.context, opnum, stub)
	if !stop() && ctx.Err() != nil {
		out, again, err = nil, false, ctx.Err()
	}
	if err != nil && !again {
		c.broken = errors.New("the connection ended in an earlier call")
		c.conn.Close()
	}
	return out, err
}

// exchange sends a request and reads its response. After an error it reports
// whether the connection can go on.
func (c *link) exchange(context, opnum uint16, stub []byte) ([]byte, bool, error) {
	if err := c.request(context, opnum, stub); err != nil {
		return nil, false, fmt.Errorf("sending call %d: %w", opnum, err)
	}
	var out []byte
	for first := uint8(flagFirst); ; first = 0 {
		p, err := c.read()
		if err != nil {
			return nil, false, fmt.Errorf("waiting for the answer to call %d: %w", opnum, err)
		}
		if p.kind == kindFault {
			again, err := c.fault(p)
			return nil, again, err
		}
		if p.kind != kindResponse || p.flags&flagFirst != first {
			return nil, false, fmt.Errorf("%w: kind %d with flags %#x in the answer to call %d", errPDU, p.kind, p.flags, opnum)
		}
		part, err := c.sec.open(p, callHeader)
		if err != nil {
			return nil, false, fmt.Errorf("reading the answer to call %d: %w", opnum, err)
		}
		if out = append(out, part...); len(out) > maxResponse {
			return nil, false, fmt.Errorf("%w: the answer to call %d is longer than %d bytes", errPDU, opnum, maxResponse)
		}
		if p.flags&flagLast != 0 {
			return out, true, nil
		}
	}
}

func (c *link) request(context, opnum uint16, stub []byte) error {
	return fragments(&c.sec, c.size, stub, func(flags uint8, left int) *ndr.Writer {
		w := begin(kindRequest, flags, c.call)
		w.U32(uint32(left)) // alloc_hint
		w.U16(context)
		w.U16(opnum)
		return w
	}, func(b []byte) error { _, err := c.conn.Write(b); return err })
}

// fragments sends data in as many PDUs as it needs, one at least.
func fragments(sec *protection, size int, data []byte, head func(flags uint8, left int) *ndr.Writer, send func([]byte) error) error {
	room := sec.room(size)
	for flags := uint8(flagFirst); ; flags = 0 {
		part := data[:min(len(data), room)]
		if len(part) == len(data) {
			flags |= flagLast
		}
		b, err := sec.fragment(head(flags, len(data)).Data(), part)
		if err != nil {
			return err
		}
		if err := send(b); err != nil || flags&flagLast != 0 {
			return err
		}
		data = data[len(part):]
	}
}

// faultHeader is where the data of a fault begins.
const faultHeader = 32

// fault reads a fault, and reports whether the connection can go on. Windows
// protects faults, Samba does not. One that is not protected is believed, for
// all that it could do is to end a call; but one that does not hold has upset
// the keys.
func (c *link) fault(p pdu) (bool, error) {
	r := p.body()
	r.Take(8) // alloc_hint, context, cancel_count
	f := &Fault{r.U32()}
	if err := bodyError("a fault", r); err != nil {
		return false, err
	}
	if p.auth == nil || c.sec.session == nil {
		return true, f
	}
	_, err := c.sec.open(p, faultHeader)
	return err == nil, f
}

// Close closes the connection. A call that is being made fails.
func (c *Client) Close() error { return c.conn.Close() }
