package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"msg"
	"msg/internal/account"
	"msg/internal/cli"
	"msg/internal/control"
	"msg/internal/daemon"
	"msg/internal/fleet"
)

// member is this computer in a fleet, from the moment on when it has joined
// one: msgd join may come while msgd runs.
type member struct {
	*daemon.Daemon
	dir      string
	accounts *account.DB
	log      *slog.Logger

	mu   sync.Mutex
	node *fleet.Node
}

// How often to look whether this computer has joined, and how long to wait
// after its folder could not be read.
const (
	lookForFleet = 5 * time.Second
	openAgain    = time.Minute
)

// run is a task of msgd: what is wrong with the fleet does not end the rest.
func (m *member) run(ctx context.Context) error {
	for ctx.Err() == nil {
		wait := lookForFleet
		if fleet.Joined(m.dir) {
			err := m.serve(ctx)
			if err == nil { // it has joined anew, or ctx has ended
				continue
			}
			m.log.Error("this computer is not in its fleet", "error", err)
			wait = openAgain
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	return nil
}

// inGroup is false also where it cannot be told: it is asked for rights.
func (m *member) inGroup(user, group string) bool {
	in, err := m.accounts.InGroup(user, group)
	return err == nil && in
}

// serve is the life of one membership: until ctx ends, or this computer has
// joined anew.
func (m *member) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stamp := fleet.Stamp(m.dir)
	go func() {
		tick := time.NewTicker(lookForFleet)
		defer tick.Stop()
		for ctx.Err() == nil && fleet.Stamp(m.dir) == stamp {
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
		cancel()
	}()
	n, err := fleet.Open(m.dir, cli.Version(), fleet.Local{
		Send: m.Daemon.Send, Follow: m.Follow, Refuse: m.NoteRefused, Sessions: m.Daemon.Sessions, InGroup: m.inGroup, Via: forwardSocket,
	}, m.log)
	if err != nil {
		return err
	}
	m.set(n)
	defer m.set(nil)
	return n.Run(ctx)
}

func (m *member) set(n *fleet.Node) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.node = n
}

// errNotJoined is for a computer that is in no fleet.
const errNotJoined = msg.UnsupportedError("this computer is in no fleet: root joins one with: msgd join TOKEN")

// errNotIn is for one that has joined, but whose folder msgd cannot read.
var errNotIn = errors.New("this computer has joined a fleet and is not in it: the log of its msgd, and msgd doctor there, say why")

func (m *member) get() (*fleet.Node, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.node != nil:
		return m.node, nil
	case fleet.Joined(m.dir):
		return nil, errNotIn
	}
	return nil, errNotJoined
}

// offer is what clients can ask for.
func (m *member) offer() *control.Fleet {
	return &control.Fleet{Send: m.sendTo, Sessions: m.sessionsOf, Members: m.members}
}

func (m *member) sendTo(ctx context.Context, p msg.Principal, hosts []string, t msg.Target, x msg.Message, report func(msg.Receipt), reach func(msg.Reach)) error {
	n, err := m.get()
	if err != nil {
		return err
	}
	return n.Send(ctx, p, hosts, t, x, report, reach)
}

func (m *member) sessionsOf(ctx context.Context, p msg.Principal, hosts []string) ([]msg.Session, error) {
	n, err := m.get()
	if err != nil {
		return nil, err
	}
	return n.Sessions(ctx, p, hosts)
}

func (m *member) members(ctx context.Context, p msg.Principal, hosts []string) ([]msg.Member, error) {
	n, err := m.get()
	if err != nil {
		return nil, err
	}
	list, err := n.Members(ctx, p, hosts)
	var members []msg.Member
	for _, x := range list {
		members = append(members, x.Member())
	}
	return members, err
}

// Messages puts what was sent to the fleet among what the journal has. A
// message that went out, and came to this computer too, is one.
func (m *member) Messages(ctx context.Context, p msg.Principal, id string, limit int, report func(msg.Record)) error {
	n, err := m.get()
	if err != nil {
		return m.Daemon.Messages(ctx, p, id, limit, report)
	}
	if id != "" {
		if err := n.Complete(ctx, p, id); err != nil {
			m.log.Warn("a message of the fleet", "id", id, "error", err)
		}
	}
	sent := n.Records(p, id)
	count := 0
	tell := func(r msg.Record) {
		if count++; limit <= 0 || count <= limit {
			report(r)
		}
	}
	err = m.Daemon.Messages(ctx, p, id, limit, func(r msg.Record) {
		for len(sent) > 0 && sent[0].Message.Sent.After(r.Message.Sent) {
			tell(sent[0])
			sent = sent[1:]
		}
		if !slices.ContainsFunc(n.Records(p, r.Message.ID), func(x msg.Record) bool { return x.Message.ID == r.Message.ID }) {
			tell(r)
		}
	})
	for _, r := range sent {
		tell(r)
	}
	return err
}
