package host

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"msg"
)

// servant is the helper process itself: it has the rights of one user, shows
// that user's windows side by side, and says what becomes of them. When nobody
// listens any more it stays until those windows are closed that need it.
type servant struct {
	conn net.Conn
	on   func(request) surface
	late func(context.Context, msg.Answer) error

	writing sync.Mutex

	mu     sync.Mutex
	alone  bool
	open   map[uint64]context.CancelFunc
	unsure map[uint64]msg.Answer // not known to have arrived
	needed sync.WaitGroup
}

// newServant makes a helper for whoever is at the other end of conn. self is
// the path of this program.
func newServant(conn net.Conn, self string, late func(context.Context, msg.Answer) error) *servant {
	tmuxes := &tmuxes{self: self, turns: map[string]chan struct{}{}}
	desktops := newDesktops()
	on := func(r request) surface {
		if r.Tmux != nil {
			return tmuxes.surface(*r.Tmux, r.Within)
		}
		return desktops.surface(*r.Desktop, r.Within)
	}
	return &servant{conn: conn, on: on, late: late, open: map[uint64]context.CancelFunc{}, unsure: map[uint64]msg.Answer{}}
}

// ending is how a window ended: off the screen, or never on it.
type ending struct {
	outcome        msg.Outcome
	answer, detail string
}

func failed(err error) ending { return ending{outcome: msg.OutcomeFailed, detail: err.Error()} }

// surface shows a notice until it ends, or ctx does. It calls up once, when the
// notice is on the screen: with what there is to say about that, and whether
// there is no way to answer.
type surface func(ctx context.Context, n notice, up func(detail string, noAnswer bool)) ending

// serve does what it is asked to and returns the exit code.
func (s *servant) serve() int {
	_ = lines(s.conn, maxRequest, func(line []byte) error {
		r, err := parseRequest(line)
		if err == nil {
			s.handle(r)
		}
		return err
	})
	s.leftAlone()
	s.needed.Wait()
	return 0
}

func (s *servant) handle(r request) {
	if r.Close {
		s.close(r.ID)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[r.ID] != nil || len(s.open) >= maxWindows {
		go s.tell(reply{ID: r.ID, Outcome: msg.OutcomeFailed, Detail: "too many windows", End: true})
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.open[r.ID] = cancel
	done := func() {}
	if r.Tmux == nil || r.Notice.Wait { // a popup without an answer lives on its own
		s.needed.Add(1)
		done = s.needed.Done
	}
	go func() {
		defer done()
		s.show(ctx, r)
	}()
}

// close takes a window off the screen, or learns that an answer has arrived.
func (s *servant) close(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.unsure, id)
	if cancel := s.open[id]; cancel != nil {
		cancel()
	}
}

// show is the life of one window.
func (s *servant) show(ctx context.Context, r request) {
	e := s.on(r)(ctx, r.Notice, func(detail string, noAnswer bool) {
		s.tell(reply{ID: r.ID, Outcome: msg.OutcomeAccepted, Detail: detail, NoAnswer: noAnswer})
	})
	s.mu.Lock()
	s.open[r.ID]()
	delete(s.open, r.ID)
	alone := s.alone
	if e.outcome == msg.OutcomeAnswered && r.Notice.Wait {
		s.unsure[r.ID] = msg.Answer{Message: r.Notice.Message, Button: e.answer}
	}
	s.mu.Unlock()
	s.tell(reply{ID: r.ID, Outcome: e.outcome, Answer: e.answer, Detail: shorten(e.detail), End: true})
	if alone {
		s.deliver(r.ID)
	}
}

// tell says what became of a window. If nobody listens, that is noticed where
// requests are read.
func (s *servant) tell(r reply) {
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = writeLine(s.conn, r)
}

// leftAlone is called when nobody sends requests any more, and so nobody hears
// of answers.
func (s *servant) leftAlone() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alone = true
	for id := range s.unsure {
		s.needed.Go(func() { s.deliver(id) })
	}
}

// How long, and how often, an answer is offered that nobody waits for here.
const (
	lateFor   = 2 * time.Minute // msgd is being restarted
	lateFirst = 50 * time.Millisecond
	lateMost  = 5 * time.Second
)

// deliver gives an answer to whoever takes it now.
func (s *servant) deliver(id uint64) {
	s.mu.Lock()
	a, ok := s.unsure[id]
	delete(s.unsure, id)
	s.mu.Unlock()
	if !ok || s.late == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lateFor)
	defer cancel()
	for pause := lateFirst; ; pause = min(2*pause, lateMost) {
		err := s.late(ctx, a)
		if err == nil || errors.Is(err, msg.ErrNothing) || errors.Is(err, msg.ErrButton) || errors.Is(err, msg.ErrRefused) {
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}
