package control

import (
	"context"
	"io"
	"net"
	"sync"
	"time"

	"msg"
	"msg/internal/hosttest"
)

// fakeService is a whole Service in front of a fake computer. It allows
// everything but what its errors say.
type fakeService struct {
	*hosttest.Fake
	ended chan error // the cause of the end of a Send that waited
	fails error      // of everything

	noting sync.Mutex
	asked  chan msg.Principal // who asked last; the older ones are dropped

	mu      sync.Mutex
	dnd     map[string]msg.DND
	records []msg.Record
}

func newService() *fakeService {
	session := func(id, user string) msg.Session {
		return msg.Session{Host: "test", ID: id, Name: "pts/" + id, User: user, Kind: msg.KindTerminal,
			State: msg.StateActive, Type: "tty", Idle: msg.IdleUnknown, Source: "fake"}
	}
	return &fakeService{
		Fake: hosttest.NewFake(
			hosttest.Person{Session: session("1", "alice"), Does: msg.OutcomeAnswered, Answer: "OK"},
			hosttest.Person{Session: session("2", "bob")},
			hosttest.Person{Session: session("3", "bob"), Does: msg.OutcomeDismissed},
		),
		asked: make(chan msg.Principal, 1),
		ended: make(chan error, 1),
		dnd:   map[string]msg.DND{},
	}
}

func (f *fakeService) note(p msg.Principal) error {
	f.noting.Lock()
	defer f.noting.Unlock()
	select {
	case <-f.asked:
	default:
	}
	f.asked <- p
	return f.fails
}

func (f *fakeService) Sessions(ctx context.Context, p msg.Principal) ([]msg.Session, error) {
	if err := f.note(p); err != nil {
		return nil, err
	}
	return f.Fake.Sessions(ctx)
}

func (f *fakeService) Send(ctx context.Context, p msg.Principal, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
	if err := f.note(p); err != nil {
		return err
	}
	f.mu.Lock()
	f.records = append(f.records, msg.Record{Message: m, Account: p.Account, To: t.Strings()})
	f.mu.Unlock()
	err := f.Fake.Send(ctx, t, m, report)
	if m.Wait {
		select {
		case f.ended <- context.Cause(ctx):
		default:
		}
	}
	return err
}

func (f *fakeService) Answer(_ context.Context, p msg.Principal, a msg.Answer) (msg.Receipt, error) {
	if err := f.note(p); err != nil {
		return msg.Receipt{}, err
	}
	label, ok := msg.ButtonsYesNo.Label(a.Button)
	if !ok {
		return msg.Receipt{}, msg.ErrButton
	}
	if a.Message == "" {
		a.Message = "01K4EXYZ0123456789ABCDEFGH" // waits in every terminal
	}
	return msg.Receipt{Message: a.Message, Session: msg.Session{ID: "1", Idle: msg.IdleUnknown}, Outcome: msg.OutcomeAnswered, Answer: label,
		At: time.Now(), Final: true}, nil
}

func (f *fakeService) SetDND(_ context.Context, p msg.Principal, d msg.DND) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dnd[p.Account] = d
	return f.note(p)
}

func (f *fakeService) DND(_ context.Context, p msg.Principal) (msg.DND, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dnd[p.Account], f.note(p)
}

func (f *fakeService) Messages(_ context.Context, p msg.Principal, id string, limit int, report func(msg.Record)) error {
	if err := f.note(p); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.records) - 1; i >= 0 && limit > 0; i-- {
		if r := f.records[i]; id == "" || msg.IsID(id, r.Message.ID) {
			limit--
			report(r)
		}
	}
	return nil
}

// piped makes a client that talks to a server through pipes.
func piped(s *Server, p msg.Principal) *Client {
	return NewClient(func(ctx context.Context) (io.ReadWriteCloser, error) {
		ours, theirs := net.Pipe()
		go s.ServeConn(context.WithoutCancel(ctx), theirs, p)
		return ours, nil
	}, "")
}
