package fleetchaos

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"msg"
)

const (
	crowd   = 500
	senders = 4
)

// TestHub holds that a hub which ends in the middle of sends, killed or in
// order, loses nothing that was accepted, and has nothing shown twice.
func TestHub(t *testing.T) {
	needLinux(t)
	t.Parallel()
	o := newOffice(t, "127.0.0.1")
	c := o.crew()
	c.desk("send to lab-*, broadcast, up to 1000 hosts, 1000 a minute")
	c.join("lab", crowd, true)

	// Each moment is a number of things that have happened: final receipts that
	// the sender has heard, and messages that were shown.
	t.Run("killed", func(t *testing.T) {
		c.sendDuring(t, 20, os.Kill, []moment{{heard: 1}, {shown: 1800}, {heard: 4321}, {shown: 7500}})
	})
	t.Run("upgraded", func(t *testing.T) {
		c.sendDuring(t, 10, syscall.SIGTERM, []moment{{shown: 1}, {heard: 2750}})
	})
}

// moment is when a hub ends: when so much was heard, or shown.
type moment struct{ heard, shown int }

// sending is what one run of sends has come to.
type sending struct {
	*crew
	t        *testing.T
	accepted []*letter // board.mu guards it
}

// sendDuring sends messages and ends the hub at these moments.
func (c *crew) sendDuring(t *testing.T, messages int, how os.Signal, moments []moment) {
	s := &sending{crew: c, t: t}
	c.change(func() { c.total, c.heard = 0, 0 })
	ending := make(chan struct{})
	go func() {
		defer close(ending)
		for _, m := range moments {
			if !c.wait(func() bool { return m.heard > 0 && c.heard >= m.heard || m.shown > 0 && c.total >= m.shown }) {
				t.Errorf("the hub was not ended at %+v", m)
				return
			}
			c.hub.end(how)
			c.start()
		}
	}()
	numbers := make(chan int)
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for i := range numbers {
				s.send(i)
			}
		})
	}
	for i := range messages {
		numbers <- i
	}
	close(numbers)
	all.Wait()
	<-ending
	c.untilOnline("lab", crowd)
	s.check(messages)
	c.change(func() {
		t.Logf("%d messages accepted, %d shown, the hub ended %d times; refused: %v", len(s.accepted), c.total, len(moments), c.refused)
	})
}

// send sends one message, anew for as long as it is not accepted: nothing was
// sent then. Every other one waits for answers and is kept for whoever is away.
func (s *sending) send(i int) {
	for {
		m := msg.Message{ID: msg.NewID(time.Now()), Sent: time.Now(), Timeout: time.Hour}
		m.Text = fmt.Sprintf("message %d %s", i, m.ID)
		if i%2 == 0 {
			m.Wait, m.Queue = true, time.Hour
		}
		l := s.crew.send(m, "lab-*")
		s.until(s.t, m.Text+" is over", func() bool { return l.over })
		switch {
		case l.err == "":
			s.change(func() { s.accepted = append(s.accepted, l) })
			return
		case !strings.Contains(l.err, "hub"):
			s.t.Errorf("%s: %s", m.Text, l.err)
			return
		case len(s.counts(m.Text)) > 0:
			s.t.Errorf("%s was shown, and the sender was told: %s", m.Text, l.err)
		}
		s.until(s.t, "the sender is in the fleet again", func() bool { return s.online["desk"] })
	}
}

// check is the promise.
func (s *sending) check(messages int) {
	if len(s.accepted) != messages {
		s.t.Fatalf("%d of %d messages were accepted", len(s.accepted), messages)
	}
	wrong := 0
	fail := func(format string, args ...any) {
		if wrong++; wrong <= 20 {
			s.t.Errorf(format, args...)
		}
	}
	for _, l := range s.accepted {
		s.recall(l)
		shown := s.counts(l.m.Text)
		for i := range crowd {
			host := fmt.Sprintf("lab-%03d", i)
			x, known := l.receipts[host]
			absent := x.Outcome == msg.OutcomeFailed && x.Detail == "it is not connected" && l.m.Queue == 0
			switch {
			case !known || !x.Final:
				fail("%s: of %s the sender knows %+v", l.m.Text, host, x)
			case shown[host] > 1:
				fail("%s: %s was shown it %d times", l.m.Text, host, shown[host])
			case absent: // the sender was told at once; it may have come in that moment
			case shown[host] != 1:
				fail("%s: %s was shown it %d times, and the sender knows %+v", l.m.Text, host, shown[host], x)
			case l.m.Wait && x.Outcome != msg.OutcomeAnswered, !l.m.Wait && x.Outcome != msg.OutcomeAccepted:
				fail("%s: %s was shown it, and the sender knows %+v", l.m.Text, host, x)
			}
		}
	}
}
