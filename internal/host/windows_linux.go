package host

import (
	"context"
	"sync"
	"time"

	"msg"
	"msg/internal/account"
)

// windows shows messages in places that are touched only with their user's own
// rights: clients of tmux and desktops.
type windows struct{ users *account.DB }

func newWindows(users *account.DB) *windows { return &windows{users} }

// window is a message in one of these places. The first event says whether it
// is on the screen; one that waits has a second one, about how it ended. Then
// events is closed.
type window struct {
	events <-chan event
	cancel context.CancelFunc
}

// event is what has become of a window.
type event struct {
	Outcome                 msg.Outcome
	Answer, Surface, Detail string
	At                      time.Time
	NoAnswer                bool // with Accepted of a message that waits: there is no way to answer it there
}

// show begins to show m and returns at once.
func (w *windows) show(ctx context.Context, p place, m msg.Message) *window {
	ctx, cancel := context.WithCancel(ctx)
	events := make(chan event, 1)
	go func() {
		defer cancel()
		defer close(events)
		events <- w.popup(ctx, p, m)
	}()
	return &window{events, sync.OnceFunc(cancel)}
}

func (w *windows) popup(ctx context.Context, p place, m msg.Message) event {
	e := event{Outcome: msg.OutcomeFailed, Surface: surfaceOf(p), At: time.Now()}
	switch {
	case p.Kind == msg.KindDesktop:
		e.Detail = "messages on desktops need msgd, which this version does not have"
		return e
	case m.Wait:
		e.Detail = "no popup can be answered yet"
		return e
	}
	results := make(chan popupResult, 1)
	showPopups(ctx, w.users, []place{p}, m, results)
	for x := range results {
		e.Outcome = msg.OutcomeAccepted
		if x.err != nil {
			e.Outcome, e.Detail = msg.OutcomeFailed, x.err.Error()
		}
	}
	return e
}

// close takes the window off the screen, if the surface can.
func (w *window) close() { w.cancel() }

// close lets the helpers go.
func (w *windows) close() error { return nil }
