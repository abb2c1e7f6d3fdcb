//go:build !windows

package control

import (
	"fmt"
	"strconv"

	"msg"
)

// principal makes a Principal of a client of a unix socket. Where the client
// is costs a few system calls, and only some requests need it.
func (s *Server) principal(who peer, op string) (msg.Principal, error) {
	p := msg.Principal{User: s.name(who), Account: who.account(), Host: s.Host, Superuser: who.superuser()}
	if err := s.groups(who, &p); err != nil {
		return msg.Principal{}, fmt.Errorf("finding out the groups of %s: %v", p.User, err)
	}
	if op == opSessions || op == opAnswer {
		p.Terminal, p.Session = who.place()
	}
	return p, nil
}

// name is the name of the peer's account. For those that have none no directory
// is asked: there are more of them than it can be asked for.
func (s *Server) name(who peer) string {
	if name, ok := s.Accounts.Known(who.uid); ok {
		return name
	}
	if who.foreign() {
		return strconv.FormatUint(uint64(who.uid), 10)
	}
	return s.Accounts.Name(who.uid)
}

func (s *Server) groups(who peer, p *msg.Principal) error {
	if len(s.Groups) == 0 {
		return nil
	}
	gids, err := who.groups()
	if err != nil {
		return err
	}
	p.Groups, p.Unsure = s.Accounts.Memberships(s.Groups, gids)
	return nil
}

// account is what Principal.Account is of the peer.
func (p peer) account() string { return strconv.FormatUint(uint64(p.uid), 10) }

func (p peer) superuser() bool { return p.uid == 0 }
