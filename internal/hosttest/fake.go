package hosttest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"msg"
	"msg/internal/text"
)

// Fake is a Host with sessions and people of its own. It keeps the contract,
// so that what is tested against it holds for the real ones. It is also what a
// daemon decides in front of: see fake_computer.go.
type Fake struct {
	// Shown, unless it is nil, is called before anything is put on a screen,
	// from several goroutines.
	Shown func(s msg.Session, m msg.Message)

	mu      sync.Mutex
	people  []Person
	shown   map[string]*Screen
	waits   []*wait // for an answer, the oldest first
	changes chan struct{}
}

// Person is a session and what whoever sits there does with a message.
type Person struct {
	Session msg.Session `json:"session"`

	// Does is the outcome: OutcomeAccepted, if empty. With a message that
	// waits, OutcomeAnswered, OutcomeDismissed and OutcomeExpired happen After
	// so long, or at the message's time-out if that comes first. Who does
	// nothing can still answer through Fake.Answer.
	Does   msg.Outcome   `json:"does"`
	Answer string        `json:"answer"`
	Detail string        `json:"detail"` // why, for the bad outcomes
	After  time.Duration `json:"after"`  // nanoseconds
}

// NewFake makes a Host with these people.
func NewFake(people ...Person) *Fake {
	return &Fake{people: people, shown: map[string]*Screen{}, changes: make(chan struct{}, 1)}
}

// ReadFake makes a Host from people written as JSON, one object a line.
func ReadFake(r io.Reader) (*Fake, error) {
	f := NewFake()
	for lines := bufio.NewScanner(r); lines.Scan(); {
		var p Person
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return nil, fmt.Errorf("person %d: %w", len(f.people)+1, err)
		}
		f.people = append(f.people, p)
	}
	return f, nil
}

// Sessions lists the sessions of the people.
func (f *Fake) Sessions(ctx context.Context) ([]msg.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]msg.Session, len(f.people))
	for i, p := range f.people {
		list[i] = p.Session
	}
	return list, ctx.Err()
}

// Screen returns what a session is shown.
func (f *Fake) Screen(s msg.Session) *Screen {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shown[s.ID] == nil {
		f.shown[s.ID] = &Screen{}
	}
	return f.shown[s.ID]
}

// Close has nothing to do.
func (f *Fake) Close() error { return nil }

// Send shows m to the people that t means and waits for what they do.
func (f *Fake) Send(ctx context.Context, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
	if err := m.Check(); err != nil {
		return err
	}
	list, err := f.Sessions(ctx)
	if err != nil {
		return err
	}
	matched, missing := t.Resolve(list)
	f.Deliver(ctx, matched, m, report)
	return msg.MissingError(missing)
}

// serve is one person's part of a message.
func (f *Fake) serve(ctx context.Context, s msg.Session, m msg.Message, receipts chan<- msg.Receipt) {
	p := f.person(s)
	tell := func(o msg.Outcome, detail string, final bool) {
		receipts <- msg.Receipt{Message: m.ID, Session: s, Outcome: o, Surface: "fake", Detail: detail, At: time.Now(), Final: final}
	}
	switch {
	case ctx.Err() != nil:
		tell(msg.OutcomeFailed, "interrupted", true)
		return
	case p.Does.Bad():
		tell(p.Does, p.Detail, true)
		return
	case !m.Wait:
		f.show(s, m)
		tell(msg.OutcomeAccepted, "", true)
		return
	}
	w := f.begin(s, m) // before it is on the screen, which is when somebody may answer
	f.show(s, m)
	tell(msg.OutcomeAccepted, "", false)
	receipts <- f.outcome(ctx, w, p, m.Timeout)
}

func (f *Fake) show(s msg.Session, m msg.Message) {
	if f.Shown != nil {
		f.Shown(s, m)
	}
	title := m.Title
	if title == "" {
		title = text.DefaultTitle(m.From, m.Sent, text.LocaleFor(m.Locale))
	}
	if m.Again {
		title += " (again)"
	}
	fmt.Fprintf(f.Screen(s), "%s\n%s\n", text.Line(title), text.Plain(m.Text))
}

// answers is ready when the person does something.
func (p Person) answers() <-chan time.Time {
	if p.Does == msg.OutcomeAnswered || p.Does == msg.OutcomeDismissed {
		return time.After(p.After)
	}
	return nil
}

// person finds who sits in a session, if it is still that one.
func (f *Fake) person(s msg.Session) Person {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := f.seat(s.ID); i >= 0 && f.people[i].Session.Account == s.Account && f.people[i].Session.Since.Equal(s.Since) {
		return f.people[i]
	}
	return Person{Does: msg.OutcomeGone, Detail: "session ended"}
}

func (f *Fake) seat(id string) int {
	return slices.IndexFunc(f.people, func(p Person) bool { return p.Session.ID == id })
}
