package standin

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"msg"
	"msg/internal/hosttest"
)

// Desk is a fake computer whose people can be answered for.
type Desk struct {
	*hosttest.Fake

	mu      sync.Mutex
	waiting []*wait // the newest last
}

// wait is a message that waits.
type wait struct {
	message msg.Message
	answers chan string
	ended   chan struct{}
}

func (w *wait) over() bool {
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}

// NewDesk makes a Desk of a fake computer.
func NewDesk(f *hosttest.Fake) *Desk { return &Desk{Fake: f} }

// Send is that of the fake computer, but the first session that is still asked
// can be answered for.
func (d *Desk) Send(ctx context.Context, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
	if !m.Wait {
		return d.Fake.Send(ctx, t, m, report)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &wait{message: m, answers: make(chan string), ended: make(chan struct{})}
	d.mu.Lock()
	d.waiting = append(d.waiting, w)
	d.mu.Unlock()
	defer close(w.ended)
	receipts, result := make(chan msg.Receipt), make(chan error, 1)
	go func() {
		result <- d.Fake.Send(ctx, t, m, func(r msg.Receipt) { receipts <- r })
		close(receipts)
	}()
	var asked []msg.Session
	done := map[string]bool{}
	for {
		select {
		case r, ok := <-receipts:
			if !ok {
				return <-result
			}
			if done[r.Session.ID] {
				continue // it was answered
			}
			done[r.Session.ID] = r.Final
			if !r.Final {
				asked = append(asked, r.Session)
			}
			report(r)
		case label := <-w.answers:
			if len(asked) == 0 {
				continue
			}
			s := asked[0]
			asked, done[s.ID] = asked[1:], true
			report(msg.Receipt{Message: m.ID, Session: s, Outcome: msg.OutcomeAnswered, Answer: label, Surface: "fake", At: time.Now(), Final: true})
			if len(asked) == 0 {
				cancel() // of those that would go on waiting
			}
		}
	}
}

// Answer answers the newest message, or the one with the ID.
func (d *Desk) Answer(ctx context.Context, _ msg.Principal, a msg.Answer) (msg.Receipt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := len(d.waiting) - 1; i >= 0; i-- {
		w := d.waiting[i]
		if w.over() || a.Message != "" && !msg.IsID(a.Message, w.message.ID) {
			continue
		}
		label, ok := w.message.Buttons.Label(a.Button)
		if !ok {
			return msg.Receipt{}, fmt.Errorf("%w: it has %q", msg.ErrButton, w.message.Buttons.Labels())
		}
		select {
		case w.answers <- label:
			return msg.Receipt{Message: w.message.ID, Outcome: msg.OutcomeAnswered, Answer: label, At: time.Now(), Final: true}, nil
		case <-w.ended:
		case <-ctx.Done():
		}
	}
	return msg.Receipt{}, msg.ErrNothing
}

// Save writes what the sessions were shown to a folder, one file each.
func (d *Desk) Save(dir string) error {
	list, err := d.Sessions(context.Background())
	if err != nil {
		return err
	}
	for _, s := range list {
		if err := os.WriteFile(filepath.Join(dir, s.ID), []byte(d.Screen(s).String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
