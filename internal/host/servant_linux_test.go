package host

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"msg"
)

// served is a helper without a process, whose surface is the test, in a time
// that only passes in the test.
type served struct {
	*servant
	t     *testing.T
	conn  net.Conn // our side
	lines *bufio.Scanner
	press chan ending // what the person does
	late  chan msg.Answer
	ended chan int
}

// serve runs a helper; refuse says what becomes of each answer that is late.
func serve(t *testing.T, refuse ...error) *served {
	t.Helper()
	ours, theirs := net.Pipe()
	s := &served{t: t, conn: ours, lines: bufio.NewScanner(ours), press: make(chan ending), late: make(chan msg.Answer, 10), ended: make(chan int, 1)}
	s.servant = newServant(theirs, "msg", func(_ context.Context, a msg.Answer) error {
		s.late <- a
		if len(refuse) == 0 {
			return nil
		}
		err := refuse[0]
		refuse = refuse[1:]
		return err
	})
	s.servant.on = func(request) surface { return s.surface }
	go func() { s.ended <- s.serve() }()
	return s
}

func (s *served) surface(ctx context.Context, _ notice, up func(string, bool)) ending {
	up("", false)
	select {
	case e := <-s.press:
		return e
	case <-ctx.Done():
		return failed(errTaken)
	}
}

// show asks for a window on a desktop, or over tmux.
func (s *served) show(id uint64, wait, tmux bool) {
	s.t.Helper()
	r := request{ID: id, Within: time.Second, Notice: notice{Message: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Text: "text", Buttons: []string{"Yes", "No"}, Wait: wait}}
	if tmux {
		r.Tmux = &tmuxRequest{PID: 1, TTY: "pts/0"}
	} else {
		r.Desktop = &desktopRequest{Runtime: "/run/user/0"}
	}
	s.send(r)
	s.want(id, msg.OutcomeAccepted)
}

func (s *served) send(r request) {
	s.t.Helper()
	if err := writeLine(s.conn, r); err != nil {
		s.t.Fatal(err)
	}
}

// want reads a reply.
func (s *served) want(id uint64, outcome msg.Outcome) reply {
	s.t.Helper()
	if !s.lines.Scan() {
		s.t.Fatalf("no reply: %v", s.lines.Err())
	}
	var r reply
	if err := json.Unmarshal(s.lines.Bytes(), &r); err != nil || r.ID != id || r.Outcome != outcome {
		s.t.Fatalf("reply %s, %v; want %d %s", s.lines.Bytes(), err, id, outcome)
	}
	return r
}

var yes = ending{outcome: msg.OutcomeAnswered, answer: "Yes"}

func TestServantInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		s.show(1, true, false)
		s.show(2, true, false)
		s.press <- yes
		if !s.lines.Scan() {
			t.Fatal("no reply")
		}
		var r reply
		if err := json.Unmarshal(s.lines.Bytes(), &r); err != nil || r.Answer != "Yes" || !r.End {
			t.Errorf("reply %s", s.lines.Bytes())
		}
		s.send(request{ID: r.ID, Close: true}) // it has arrived
		s.send(request{ID: 3 - r.ID, Close: true})
		s.want(3-r.ID, msg.OutcomeFailed)
		s.send(request{ID: 77, Close: true}) // was closed long ago
		s.conn.Close()
		<-s.ended
		if len(s.late) > 0 {
			t.Error("an answer that had arrived was given again")
		}
	})
}

// TestServantLate holds what becomes of answers when nobody listens any more.
func TestServantLate(t *testing.T) {
	down := errors.New("connection refused")
	for _, c := range []struct {
		name   string
		before bool // it is pressed before the other side has gone, which does not hear it
		refuse []error
		tries  int
		within time.Duration
	}{
		{"taken", false, nil, 1, 0},
		{"said, but not heard", true, nil, 1, 0},
		{"msgd starts a little later", false, []error{down, down, down, nil}, 4, time.Second},
		{"nothing waits", false, []error{msg.ErrNothing}, 1, 0},
		{"nobody takes it", false, make([]error, 0), 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, c.refuse...)
				s.show(1, true, false)
				if c.before {
					s.press <- yes
					s.want(1, msg.OutcomeAnswered)
				}
				s.conn.Close()
				synctest.Wait()
				if !c.before {
					select {
					case <-s.ended:
						t.Fatal("the helper ended with a question on the screen")
					case <-time.After(time.Hour):
					}
					s.press <- yes
				}
				begin := time.Now()
				<-s.ended
				if len(s.late) != c.tries || time.Since(begin) > c.within {
					t.Errorf("%d tries in %v", len(s.late), time.Since(begin))
				}
				if a := <-s.late; a != (msg.Answer{Message: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Button: "Yes"}) {
					t.Errorf("answer %+v", a)
				}
			})
		})
	}
}

// TestServantGivesUp has an msgd that never comes back.
func TestServantGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		s.servant.late = func(context.Context, msg.Answer) error { return errors.New("connection refused") }
		s.show(1, true, false)
		s.conn.Close()
		synctest.Wait()
		begin := time.Now()
		s.press <- yes
		<-s.ended
		if after := time.Since(begin); after != lateFor {
			t.Errorf("gave up after %v", after)
		}
	})
}

// TestServantAlone holds how long a helper stays when nobody listens.
func TestServantAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		s.show(1, false, false) // it has to take that off the screen
		s.conn.Close()
		synctest.Wait()
		if len(s.ended) > 0 {
			t.Fatal("the helper ended with a window on the screen")
		}
		s.press <- ending{outcome: msg.OutcomeExpired}
		<-s.ended
		if len(s.late) > 0 {
			t.Error("an answer came from a message that has none")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		s.show(1, false, true) // a popup looks after itself
		s.conn.Close()
		<-s.ended
		s.press <- ending{outcome: msg.OutcomeExpired}
	})
}

func TestServantBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		for id := range uint64(maxWindows) {
			s.show(id+1, true, false)
		}
		s.send(request{ID: 1000, Within: time.Second, Notice: notice{Text: "text", Buttons: []string{"OK"}}, Tmux: &tmuxRequest{PID: 1, TTY: "pts/0"}})
		s.want(1000, msg.OutcomeFailed)
		for range maxWindows {
			s.press <- ending{outcome: msg.OutcomeDismissed}
			s.lines.Scan()
		}
		_, _ = s.conn.Write([]byte("not a request\n"))
		<-s.ended
	})
}
