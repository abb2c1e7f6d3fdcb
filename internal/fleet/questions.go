package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"msg"
)

// Records returns what was sent from this computer that p may know of, the
// newest first; with an ID, those that it means.
func (n *Node) Records(p msg.Principal, id string) (list []msg.Record) {
	for _, s := range n.outbox.all() {
		if !s.isFor(p, id) {
			continue
		}
		s.mu.Lock()
		list = append(list, s.record())
		s.mu.Unlock()
	}
	return list
}

// question finds a question under way.
func (n *Node) question(id string) *sent {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.questions[id]
}

// askWait is how long members are waited for that are asked who is signed in.
const askWait = 5 * time.Second

// Sessions asks these members who is signed in. The error is of those that have
// not answered; the sessions of the others are returned with it.
func (n *Node) Sessions(ctx context.Context, p msg.Principal, hosts []string) ([]msg.Session, error) {
	now := n.clock()
	e := Envelope{ID: msg.NewID(now), Op: opSessions, Issued: now.UTC(), Expires: now.Add(time.Minute).UTC()}
	s, err := n.prepare(ctx, p, hosts, &e)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	n.questions[e.ID] = s
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		delete(n.questions, e.ID)
		n.mu.Unlock()
	}()
	n.publishAll(s, e)
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	for !s.answered() && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-s.changed:
		}
	}
	return s.sessions()
}

func (s *sent) answered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard()
}

func (s *sent) sessions() (list []msg.Session, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.Reports)) {
		list = append(list, s.Reports[name].Sessions...)
	}
	var failed []string
	for _, t := range s.Targets {
		r := s.Reports[t.Name]
		switch {
		case t.State != stateReached && t.Detail != "":
			failed = append(failed, t.Name+": "+t.Detail)
		case t.State != stateReached:
			failed = append(failed, fmt.Sprintf("%s: it did not answer within %v", t.Name, askWait))
		case r.Error != "":
			failed = append(failed, t.Name+": "+r.Error)
		}
	}
	switch n := len(failed); {
	case n == 0:
		return list, nil
	case n > firstFailed:
		return list, fmt.Errorf("%s; and %d more", strings.Join(failed[:firstFailed], "; "), n-firstFailed)
	}
	return list, errors.New(strings.Join(failed, "; "))
}

// firstFailed is how many members an error names.
const firstFailed = 10
