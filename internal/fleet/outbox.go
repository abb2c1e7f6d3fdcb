package fleet

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"msg"
)

// sent is a message that somebody on this computer has sent to members. Its
// file is there before it leaves, and is kept as a journal keeps it.
type sent struct {
	ID      string            `json:"id"`
	By      msg.Principal     `json:"by"`
	Wire    []byte            `json:"wire,omitempty"` // until nothing more can come of it
	Message msg.Message       `json:"message"`
	Hosts   Hosts             `json:"hosts"`
	To      []string          `json:"to"`
	Expires time.Time         `json:"expires"`
	Targets []target          `json:"targets"`
	Reports map[string]Report `json:"reports"`           // by host, the latest
	Store   string            `json:"store,omitempty"`   // which stream AUDIT was looked at
	Past    uint64            `json:"past"`              // of it, what has been looked at
	Stored  bool              `json:"stored"`            // the hub has it in its store
	Sites   map[string]*sumUp `json:"sites,omitempty"`   // by name, of those that targets are at
	Over    bool              `json:"over"`              // nothing more is sent
	Refused string            `json:"refused,omitempty"` // why nothing was

	mu      sync.Mutex
	changed chan struct{}  // capacity 1: there is news for who sends
	news    []string       // hosts with a new report
	dirty   bool           // the file is older
	behind  bool           // it is, by reports only, which the hub has, too
	places  map[string]int // of targets, by name; see at
	tallies []reachOf      // of the reports, by target; see progress
	again   time.Time      // of the newest copy
}

// target is one member that a message is for.
type target struct {
	Name   string `json:"name"`
	Key    string `json:"key,omitempty"`
	Site   string `json:"site,omitempty"`
	Number int    `json:"number,omitempty"` // there
	State  state  `json:"state"`
	Detail string `json:"detail,omitempty"`
}

// state is how far a message is on its way to a member.
type state string

const (
	stateWaiting state = "waiting" // it is connected, and has not said anything
	stateReached state = "reached" // it has said something
	stateAbsent  state = "absent"  // it is not connected
	stateFailed  state = "failed"  // it will not get it
)

// outbox is a folder with a file for each message.
type outbox struct {
	dir  string
	mu   sync.Mutex
	list map[string]*sent
}

// keepSent is how long the outbox remembers.
const keepSent = 90 * 24 * time.Hour

func openOutbox(dir string, now time.Time) (*outbox, error) {
	b := &outbox{dir: dir, list: map[string]*sent{}}
	err := eachFile(dir, func(path string) error {
		s := newSent()
		if err := readJSON(path, s); err != nil {
			return err
		}
		if now.After(s.Message.Sent.Add(keepSent)) {
			return os.Remove(path)
		}
		b.list[s.ID] = s
		return nil
	})
	return b, err
}

func newSent() *sent {
	return &sent{Reports: map[string]Report{}, changed: make(chan struct{}, 1)}
}

// add writes a message before it leaves.
func (b *outbox) add(s *sent) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.write(s); err != nil {
		return err
	}
	b.list[s.ID] = s
	return nil
}

func (b *outbox) write(s *sent) error { return writeJSON(filepath.Join(b.dir, s.ID+".json"), s) }

// flush writes what has changed.
func (b *outbox) flush(s *sent) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dirty && !s.behind {
		return nil
	}
	s.dirty, s.behind = false, false
	return b.write(s)
}

// flushSoon writes what nobody else knows. Reports can wait for flushAll: while
// they come in, each time all that are there would be written again.
func (b *outbox) flushSoon(s *sent) error {
	s.mu.Lock()
	dirty := s.dirty
	s.mu.Unlock()
	if !dirty {
		return nil
	}
	return b.flush(s)
}

// flushAll writes all that has changed: members also have news of messages that
// are not on their way any more.
func (b *outbox) flushAll() (err error) {
	for _, s := range b.all() {
		err = errors.Join(err, b.flush(s))
	}
	return err
}

func (b *outbox) get(id string) *sent {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.list[id]
}

// all returns what is there, the newest first.
func (b *outbox) all() []*sent {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]*sent, 0, len(b.list))
	for _, s := range b.list {
		list = append(list, s)
	}
	slices.SortFunc(list, func(x, y *sent) int { return y.Message.Sent.Compare(x.Message.Sent) })
	return list
}

// forget lets go of what is too old.
func (b *outbox) forget(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, s := range b.list {
		if now.After(s.Message.Sent.Add(keepSent)) {
			_ = os.Remove(filepath.Join(b.dir, id+".json")) // the next Open tries again
			delete(b.list, id)
		}
	}
}

// take takes a report over, if it is news.
func (s *sent) take(r Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.at(r.Host)
	if i < 0 || s.Reports[r.Host].Serial >= r.Serial {
		return
	}
	s.Reports[r.Host], s.behind = r, true
	if s.tallies != nil {
		s.tallies[i] = r.reach()
	}
	s.Targets[i].State, s.Targets[i].Detail = stateReached, ""
	s.news = append(s.news, r.Host)
	s.tell()
}

// at is the place of a target, or -1; mu is held.
func (s *sent) at(host string) int {
	if s.places == nil {
		s.places = make(map[string]int, len(s.Targets))
		for i, t := range s.Targets {
			s.places[t.Name] = i
		}
	}
	if i, ok := s.places[host]; ok {
		return i
	}
	return -1
}

// tell wakes who sends; mu is held.
func (s *sent) tell() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// record is what a journal would have of it; mu is held.
func (s *sent) record() msg.Record {
	r := msg.Record{Message: s.Message, Account: s.By.Account, Receipts: []msg.Receipt{}, Refused: s.Refused}
	for _, to := range s.To {
		r.To = append(r.To, to+" on "+s.Hosts.String())
	}
	for _, t := range s.Targets {
		r.Receipts = append(r.Receipts, s.receipts(t)...)
	}
	return r
}

// receipts are those of one member; one that there is nothing else to say of
// has a receipt of its own, whose session has a host only. mu is held.
func (s *sent) receipts(t target) []msg.Receipt {
	whole := msg.Receipt{Message: s.ID, Session: msg.Session{Host: t.Name, Idle: msg.IdleUnknown}, At: s.Message.Sent, Detail: t.Detail}
	report, known := s.Reports[t.Name]
	switch {
	case t.State == stateFailed:
		whole.Outcome, whole.Final = msg.OutcomeFailed, true
	case t.State == stateAbsent && s.Message.Queue > 0:
		whole.Outcome, whole.Final = msg.OutcomeQueued, !s.Message.Wait
	case t.State == stateAbsent:
		whole.Outcome, whole.Final = msg.OutcomeFailed, true
	case t.State == stateReached && report.Error != "":
		whole.Outcome, whole.Final, whole.Detail, whole.At = msg.OutcomeFailed, true, report.Error, report.At
		if report.Refused {
			whole.Outcome = msg.OutcomeRefused
		}
	case t.State == stateReached && !known:
		return s.summary(t, whole)
	default:
		return report.Receipts
	}
	return append(slices.Clone(report.Receipts), whole)
}

// progress counts; mu is held.
func (s *sent) progress() msg.Reach {
	p := msg.Reach{Hosts: len(s.Targets)}
	if s.tallies == nil {
		s.tallies = make([]reachOf, len(s.Targets))
		for i, t := range s.Targets {
			s.tallies[i] = s.Reports[t.Name].reach()
		}
	}
	for i, t := range s.Targets {
		switch t.State {
		case stateAbsent:
			p.Absent++
		case stateFailed:
			p.Failed++
		case stateReached:
			p.Reached++
		}
		if sum := s.said(t); sum != nil { // its sessions are counted with the site's
			if sum.Nobody.has(t.Number) {
				p.Nobody++
			}
			continue
		}
		c := s.tallies[i]
		p.Nobody, p.Sessions, p.Answered, p.Kept = p.Nobody+c.nobody, p.Sessions+c.sessions, p.Answered+c.answered, p.Kept+c.kept
	}
	s.counts(&p)
	return p
}

// reachOf is what a report counts for in a msg.Reach. It is remembered: while
// reports come in, those of all members are counted again and again.
type reachOf struct{ nobody, sessions, answered, kept int }

func (r Report) reach() (c reachOf) {
	if r.Done && r.Error == "" && len(r.Receipts) == 0 {
		c.nobody = 1
	}
	for _, x := range r.Receipts {
		if x.Outcome == msg.OutcomeQueued {
			c.kept++
			continue
		}
		c.sessions++
		if x.Outcome == msg.OutcomeAnswered {
			c.answered++
		}
	}
	return c
}

// missing are the selectors of people that fit nobody anywhere, as far as one
// knows; mu is held.
func (s *sent) missing() (none []string) {
	if s.Message.Queue > 0 && slices.ContainsFunc(s.Targets, func(t target) bool { return t.State == stateAbsent }) {
		return nil
	}
	for _, to := range s.To {
		asked, found := 0, false
		for _, r := range s.Reports {
			if (r.Done || r.Kept) && r.Error == "" {
				asked++
				found = found || !slices.Contains(r.Missing, to)
			}
		}
		for _, u := range s.Sites {
			if u.Said != nil && u.Said.Done.count() > u.Said.Failed.count() {
				asked++
				found = found || !slices.Contains(u.Said.Missing, to)
			}
		}
		if asked > 0 && !found {
			none = append(none, to)
		}
	}
	return none
}
