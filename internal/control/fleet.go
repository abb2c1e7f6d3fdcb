package control

import (
	"context"

	"msg"
)

// Fleet is what a msgd can do that is a member of a fleet, beside its Service.
// The errors are those of a Service.
type Fleet struct {
	// Send sends to people on the members that hosts means. reach is told how
	// far it is, on the goroutine of report. When ctx ends the message goes on.
	Send func(ctx context.Context, p msg.Principal, hosts []string, t msg.Target, m msg.Message, report func(msg.Receipt), reach func(msg.Reach)) error

	// Sessions lists who is signed in there. With an error, which is of some of
	// the members, it returns those of the others.
	Sessions func(ctx context.Context, p msg.Principal, hosts []string) ([]msg.Session, error)

	// Members lists the members that hosts means, or all.
	Members func(ctx context.Context, p msg.Principal, hosts []string) ([]msg.Member, error)
}

// errNoFleet is for a msgd that cannot be a member.
const errNoFleet = msg.UnsupportedError("this msgd has no fleet")

// callFleet does what is asked for members of the fleet.
func (s *Server) callFleet(ctx context.Context, p msg.Principal, r request, o *out) error {
	if s.Fleet == nil {
		return errNoFleet
	}
	switch r.Op {
	case opSend:
		return s.Fleet.Send(ctx, p, r.Hosts, r.target(), *r.Message,
			func(x msg.Receipt) { s.put(o, reply{Receipt: receiptOf(x)}, false) },
			func(x msg.Reach) { s.put(o, reply{Reach: &x}, false) })
	case opSessions:
		list, err := s.Fleet.Sessions(ctx, p, r.Hosts)
		for _, x := range list {
			s.put(o, reply{Session: sessionOf(x)}, true)
		}
		return err
	}
	list, err := s.Fleet.Members(ctx, p, r.Hosts)
	for _, x := range list {
		s.put(o, reply{Member: &x}, true)
	}
	return err
}

// SendTo is Send to people on members of the msgd's fleet. reach, which may be
// nil, is told how far it is.
func (c *Client) SendTo(ctx context.Context, hosts []string, t msg.Target, m msg.Message, report func(msg.Receipt), reach func(msg.Reach)) error {
	return c.send(ctx, request{Op: opSend, To: t.Strings(), Message: &m, Hosts: hosts}, report, reach)
}

// SessionsOf lists the sessions of members of the msgd's fleet.
func (c *Client) SessionsOf(ctx context.Context, hosts []string) ([]msg.Session, error) {
	return c.sessions(ctx, request{Op: opSessions, Hosts: hosts})
}

// Members lists the members of the msgd's fleet that hosts means; none is all.
func (c *Client) Members(ctx context.Context, hosts []string) ([]msg.Member, error) {
	var list []msg.Member
	err := c.call(ctx, request{Op: opMembers, Hosts: hosts}, func(r reply) bool {
		if r.Member != nil {
			list = append(list, *r.Member)
		}
		return r.Member != nil
	})
	return list, err
}
