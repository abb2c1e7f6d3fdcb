package dcerpc

import (
	"context"
	"errors"
	"fmt"
)

// group is the number of every association: connections share nothing, so one
// is as good as another, but it must not be 0.
const group = 0x53f0

// bind answers the first PDU of a connection.
func (c *conn) bind(ctx context.Context, p pdu) error {
	b, err := readBind(p.body())
	switch {
	case err != nil:
		return errors.Join(err, c.send(bindNak(p.call, rejectUnspecified)))
	case c.size != 0:
		return c.refuse(p, StatusProtocol, "a second bind")
	case b.maxRecv < fragmentMin:
		return errors.Join(fmt.Errorf("%w: the client takes fragments of %d bytes", errPDU, b.maxRecv), c.send(bindNak(p.call, rejectUnspecified)))
	}
	c.size = min(fragmentSize, int(b.maxRecv))
	if p.auth != nil {
		if c.accept = c.acceptor(p.auth.kind); c.accept == nil {
			return errors.Join(fmt.Errorf("the client asks for authentication of kind %d", p.auth.kind), c.send(bindNak(p.call, rejectAuthKind)))
		}
		c.sec = protection{kind: p.auth.kind, level: p.auth.level, context: p.auth.context, headers: p.flags&flagHeaderSign != 0}
	}
	token, err := c.prove(ctx, p)
	if err != nil {
		return errors.Join(err, c.send(bindNak(p.call, rejectAuth)))
	}
	return c.ack(kindBindAck, p, b, token)
}

// acceptor is a new half of a kind of authentication, or nil.
func (c *conn) acceptor(kind uint8) acceptor {
	switch {
	case kind == authNTLM && c.NTLM != nil:
		return c.NTLM.acceptor()
	case kind == authKerberos && c.Kerberos != nil:
		return c.Kerberos.acceptor()
	case kind == authSPNEGO:
		return &spnegoAcceptor{known: c.mechanism}
	}
	return nil
}

// mechanism is a new half of a mechanism of SPNEGO, or nil.
func (s *Server) mechanism(m oid) acceptor {
	switch {
	case m == oidNTLM && s.NTLM != nil:
		return s.NTLM.acceptor()
	case (m == oidKerberos || m == oidMSKerberos) && s.Kerberos != nil:
		return s.Kerberos.acceptor()
	}
	return nil
}

// alter adds contexts, or goes on with the proof.
func (c *conn) alter(ctx context.Context, p pdu) error {
	b, err := readBind(p.body())
	switch {
	case err != nil:
		return c.refuse(p, StatusProtocol, "%w", err)
	case c.size == 0 || c.part.begun:
		return c.refuse(p, StatusProtocol, "alter_context at the wrong time")
	}
	if err := c.samePeer(p); err != nil {
		return c.refuse(p, StatusDenied, "%w", err)
	}
	token, err := c.prove(ctx, p)
	if err != nil {
		return c.refuse(p, StatusDenied, "%w", err)
	}
	return c.ack(kindAlterResp, p, b, token)
}

// samePeer refuses a trailer that is not of the security being made: there is
// one security context in a connection, and it is made once.
func (c *conn) samePeer(p pdu) error {
	switch t := p.auth; {
	case t == nil:
		return nil
	case c.accept == nil || c.sec.session != nil:
		return errors.New("a further security context")
	case t.kind != c.sec.kind || t.level != c.sec.level || t.context != c.sec.context:
		return fmt.Errorf("%w: the client goes on with another kind or level", ErrSecurity)
	}
	return nil
}

// auth3 takes the last token of a proof, which has no answer. If it does not
// hold, that is told to the next call ([MS-RPCE] 3.3.1.5.4).
func (c *conn) auth3(ctx context.Context, p pdu) error {
	if p.auth == nil || c.accept == nil || c.refused {
		return c.refuse(p, StatusProtocol, "auth3 without a bind that needs it")
	}
	err := c.samePeer(p)
	if err == nil {
		_, err = c.prove(ctx, p)
	}
	if err == nil && c.sec.session == nil {
		err = errors.New("the proof was not complete")
	}
	if err != nil {
		c.refused = true
		c.log().Warn("remote caller refused", "error", err.Error())
	}
	return nil
}

// prove gives a token to the acceptor, and looks who it is when it is done.
func (c *conn) prove(ctx context.Context, p pdu) ([]byte, error) {
	if p.auth == nil {
		return nil, nil
	}
	if c.refused {
		return nil, errors.New("a further token after one that was refused")
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	out, err := c.accept.step(ctx, p.auth.token)
	if err != nil || c.accept.session() == nil {
		return out, err
	}
	a := c.accept.account()
	if a.Guest || a.User == "" {
		return nil, errors.New("guests and anonymous callers are refused")
	}
	c.sec.session = c.accept.session()
	c.caller = Caller{a.User, a.Domain, a.mechanism, c.sec.level, a.SIDs}
	c.log().Debug("remote caller", "user", a.User, "domain", a.Domain, "mechanism", a.mechanism, "level", c.sec.level)
	return out, nil
}

// ack sends the results of a bind or alter_context.
func (c *conn) ack(kind uint8, p pdu, b bind, token []byte) error {
	flags := uint8(flagWhole)
	if p.auth != nil && c.sec.headers {
		flags |= flagHeaderSign
	}
	a := bindAck{min(fragmentSize, b.maxXmit), fragmentSize, group, "", c.results(b.contexts)}
	if kind == kindBindAck {
		a.address = c.Address
	}
	w := begin(kind, flags, p.call)
	a.write(w)
	var t *trailer
	if p.auth != nil {
		t = &trailer{c.sec.kind, c.sec.level, 0, c.sec.context, token}
	}
	return c.send(finish(w, t))
}

// results looks for each context whether it can be spoken.
func (c *conn) results(contexts []presentation) []result {
	var results []result
	for _, p := range contexts {
		results = append(results, c.result(p))
	}
	return results
}

// result of one context. Windows offers NDR64 and a question for features in
// contexts of their own: the one is declined with the reason that says so, the
// other answered with no feature.
func (c *conn) result(p presentation) result {
	_, known := c.Interfaces[p.iface]
	r := result{result: resultRejected, reason: reasonTransfer}
	for _, t := range p.transfer {
		switch {
		case t == ndr32 && known:
			if len(c.contexts) >= maxContexts {
				return result{resultRejected, 0, Syntax{}}
			}
			c.contexts[p.id] = p.iface
			return result{resultAccepted, 0, ndr32}
		case t.asksFeatures():
			r = result{resultFeatures, 0, Syntax{}}
		}
	}
	if !known && r.result == resultRejected {
		r.reason = reasonInterface
	}
	return r
}
