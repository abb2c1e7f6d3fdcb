package hosttest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"msg"
	"msg/internal/text"
)

// Fake is a Host with sessions and people of its own. It keeps the contract,
// so that what is tested against it holds for the real ones.
type Fake struct {
	mu     sync.Mutex
	people []Person
	shown  map[string]*Screen
}

// Person is a session and what whoever sits there does with a message.
type Person struct {
	Session msg.Session `json:"session"`

	// Does is the outcome: OutcomeAccepted, if empty. With a message that
	// waits, OutcomeAnswered, OutcomeDismissed and OutcomeExpired happen After
	// so long, or at the message's time-out if that comes first.
	Does   msg.Outcome   `json:"does"`
	Answer string        `json:"answer"`
	Detail string        `json:"detail"` // why, for the bad outcomes
	After  time.Duration `json:"after"`  // nanoseconds
}

// NewFake makes a Host with these people.
func NewFake(people ...Person) *Fake {
	return &Fake{people: people, shown: map[string]*Screen{}}
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
	receipts := make(chan msg.Receipt)
	var wg sync.WaitGroup
	for _, s := range matched {
		wg.Go(func() { f.serve(ctx, s, m, receipts) })
	}
	go func() {
		wg.Wait()
		close(receipts)
	}()
	for r := range receipts {
		report(r)
	}
	return msg.MissingError(missing)
}

// serve is one person's part of a Send.
func (f *Fake) serve(ctx context.Context, s msg.Session, m msg.Message, receipts chan<- msg.Receipt) {
	p := f.person(s.ID)
	tell := func(o msg.Outcome, answer, detail string, final bool) {
		receipts <- msg.Receipt{Message: m.ID, Session: s, Outcome: o, Answer: answer, Surface: "fake", Detail: detail, At: time.Now(), Final: final}
	}
	if p.Does.Bad() {
		tell(p.Does, "", p.Detail, true)
		return
	}
	title := m.Title
	if title == "" {
		title = text.DefaultTitle(m.From, m.Sent, text.LocaleFor(m.Locale))
	}
	fmt.Fprintf(f.Screen(s), "%s\n%s\n", text.Line(title), text.Plain(m.Text))
	if !m.Wait {
		tell(msg.OutcomeAccepted, "", "", true)
		return
	}
	tell(msg.OutcomeAccepted, "", "", false)
	answered, expired := p.answers(), (<-chan time.Time)(nil)
	if m.Timeout > 0 {
		expired = time.After(m.Timeout)
	}
	select {
	case <-answered:
		tell(p.Does, p.Answer, "", true)
	case <-expired:
		tell(msg.OutcomeExpired, "", "", true)
	case <-ctx.Done():
		tell(msg.OutcomeFailed, "", "interrupted", true)
	}
}

// answers is ready when the person does something.
func (p Person) answers() <-chan time.Time {
	if p.Does == msg.OutcomeAnswered || p.Does == msg.OutcomeDismissed {
		return time.After(p.After)
	}
	return nil
}

func (f *Fake) person(id string) Person {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.people {
		if p.Session.ID == id {
			return p
		}
	}
	return Person{Does: msg.OutcomeGone, Detail: "session ended"}
}
