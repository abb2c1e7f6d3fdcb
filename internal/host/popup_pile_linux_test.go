package host

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"msg"
	"msg/internal/hosttest"
)

// bubble is a popup with a person in front of it, in a time that only passes
// in the test.
type bubble struct {
	pile
	screen     hosttest.Screen
	keys       chan key
	more, away chan *item
	begin      time.Time
	closed     chan struct{}

	mu   sync.Mutex
	said map[string][]said
}

// said is what the popup said of a message, and when.
type said struct {
	outcome msg.Outcome
	answer  string
	after   time.Duration
}

func newBubble(width, height int) *bubble {
	b := &bubble{
		keys: make(chan key), more: make(chan *item), away: make(chan *item),
		begin: time.Now(), closed: make(chan struct{}), said: map[string][]said{},
	}
	b.pile = pile{out: &b.screen, width: width, height: height}
	return b
}

func (b *bubble) item(n notice) *item {
	return &item{notice: n, ended: make(chan struct{}), tell: func(o msg.Outcome, answer string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.said[n.Title] = append(b.said[n.Title], said{o, answer, time.Since(b.begin)})
	}}
}

// open shows the first messages.
func (b *bubble) open(notices ...notice) {
	for _, n := range notices {
		b.push(b.item(n))
	}
	go func() {
		b.run(b.keys, b.more, b.away)
		close(b.closed)
	}()
}

// press presses keys, if the popup is still there.
func (b *bubble) press(keys ...key) {
	for _, k := range keys {
		select {
		case b.keys <- k:
		case <-b.closed:
		}
	}
	synctest.Wait()
}

// ended says how a message ended; empty if it has not.
func (b *bubble) ended(title string) said {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	last := b.said[title][len(b.said[title])-1]
	if last.outcome == msg.OutcomeAccepted {
		return said{}
	}
	return last
}

func questionOf(title string, set msg.Buttons) notice {
	return notice{Title: title, Text: "text", Buttons: set.Labels(), Wait: true}
}

func TestPopupKeys(t *testing.T) {
	for _, c := range []struct {
		name string
		set  msg.Buttons
		keys []key
		want said
	}{
		{"Enter is the first button", msg.ButtonsYesNo, []key{keyEnter}, said{outcome: msg.OutcomeAnswered, answer: "Yes"}},
		{"Tab, then Enter", msg.ButtonsYesNo, []key{keyNext, keyEnter}, said{outcome: msg.OutcomeAnswered, answer: "No"}},
		{"around to the right", msg.ButtonsYesNoCancel, []key{keyNext, keyNext, keyNext, keyEnter}, said{outcome: msg.OutcomeAnswered, answer: "Yes"}},
		{"around to the left", msg.ButtonsYesNoCancel, []key{keyBack, keyEnter}, said{outcome: msg.OutcomeAnswered, answer: "Cancel"}},
		{"y", msg.ButtonsYesNoCancel, []key{'y'}, said{outcome: msg.OutcomeAnswered, answer: "Yes"}},
		{"n", msg.ButtonsYesNoCancel, []key{'n'}, said{outcome: msg.OutcomeAnswered, answer: "No"}},
		{"c", msg.ButtonsYesNoCancel, []key{'c'}, said{outcome: msg.OutcomeAnswered, answer: "Cancel"}},
		{"r", msg.ButtonsRetryCancel, []key{'r'}, said{outcome: msg.OutcomeAnswered, answer: "Retry"}},
		{"o", msg.ButtonsOK, []key{'o'}, said{outcome: msg.OutcomeAnswered, answer: "OK"}},
		{"Escape is Cancel", msg.ButtonsOKCancel, []key{keyEscape}, said{outcome: msg.OutcomeAnswered, answer: "Cancel"}},
		{"Escape without Cancel", msg.ButtonsYesNo, []key{keyEscape}, said{outcome: msg.OutcomeDismissed}},
		{"a letter of no button", msg.ButtonsYesNo, []key{'o', 'x', keyOther}, said{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(60, 10)
				b.open(questionOf("title", c.set))
				<-time.After(2 * time.Second)
				b.press(c.keys...)
				c.want.after = b.ended("title").after
				if got := b.ended("title"); got != c.want {
					t.Errorf("got %+v, want %+v", got, c.want)
				}
				close(b.keys)
			})
		})
	}
}

// TestPopupGuard holds that somebody who is typing does not answer.
func TestPopupGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(60, 10)
		b.open(questionOf("title", msg.ButtonsYesNo))
		for range 20 { // into the third second, without a pause
			<-time.After(150 * time.Millisecond)
			b.press('n', keyEnter)
		}
		if got := b.ended("title"); got != (said{}) {
			t.Fatalf("typing answered: %+v", got)
		}
		<-time.After(typingPause)
		b.press('n')
		if got := b.ended("title"); got.answer != "No" {
			t.Errorf("after a pause: %+v", got)
		}
		<-b.closed
	})
}

func TestTurnPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(40, 6)
		n := questionOf("title", msg.ButtonsYesNo)
		n.Text, n.Timeout = "one\n\n\n\ntwo", time.Minute
		b.open(n)
		<-time.After(2 * time.Second)
		b.press('y', keyOther)
		if got := b.ended("title"); got != (said{}) || !strings.Contains(b.screen.String(), popupMore) {
			t.Fatalf("answered before it was read: %+v", got)
		}
		b.press(keyEnter)
		if n := strings.Count(b.screen.String(), "two"); n != 1 {
			t.Errorf("the second page was drawn %d times", n)
		}
		b.press(keyEnter)
		if got := b.ended("title"); got.answer != "Yes" || got.after != 2*time.Second {
			t.Errorf("got %+v", got)
		}
		<-b.closed
	})
}

func TestPile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(40, 10)
		b.open(notice{Title: "first", Text: "text", Buttons: []string{"OK"}, Timeout: 10 * time.Second})
		<-time.After(2 * time.Second)
		b.more <- b.item(questionOf("second", msg.ButtonsYesNo))
		b.press(keyEnter) // too early to be meant
		if !strings.Contains(b.screen.String(), "(1 more)") {
			t.Error("nothing tells of the message underneath")
		}
		<-time.After(2 * time.Second)
		b.press(keyEnter)
		if got := b.ended("second"); got.answer != "Yes" || got.after != 4*time.Second {
			t.Errorf("second: %+v", got)
		}
		if got := strings.Count(b.screen.String(), "first"); got != 2 {
			t.Errorf("the first message was drawn %d times, want again when the second is closed", got)
		}
		<-b.closed
		if got := b.ended("first"); got != (said{outcome: msg.OutcomeExpired, after: 10 * time.Second}) {
			t.Errorf("first: %+v", got)
		}
	})
}

// TestPileAway takes messages out of the middle and off the top.
func TestPileAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(40, 10)
		b.open(questionOf("first", msg.ButtonsOK), questionOf("second", msg.ButtonsOK), questionOf("third", msg.ButtonsOK))
		items := slices.Clone(b.items)
		<-time.After(keyGuard)
		b.away <- items[1]
		synctest.Wait()
		b.away <- items[1] // twice does no harm
		b.press(keyEnter)  // the third was not drawn anew
		if got := b.ended("third"); got.answer != "OK" {
			t.Errorf("third: %+v", got)
		}
		b.away <- items[0]
		<-b.closed
		if b.ended("first") != (said{}) || b.ended("second") != (said{}) {
			t.Error("what was taken away was reported as ended")
		}
	})
}

func TestPopupButtons(t *testing.T) {
	it := &item{notice: questionOf("title", msg.ButtonsYesNoCancel), pages: [][]string{nil}, selected: 1}
	if got, want := it.buttons(40), "[ Yes ]  \x1b[7m[ No ]\x1b[m  [ Cancel ]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := it.buttons(12); got != "< No >" {
		t.Errorf("in 12 cells: %q", got)
	}
}

func TestDecodeKeys(t *testing.T) {
	for typed, want := range map[string][]key{
		"\r\n ":              {keyEnter, keyEnter, keyEnter},
		"yN":                 {'y', 'n'},
		"\x1b[C\x1b[D\x1b[Z": {keyNext, keyBack, keyBack},
		"\x1bOB\x1bOA\t":     {keyNext, keyBack, keyNext},
		"\x1b[1;5C\x1b[3~y":  {keyNext, keyOther, 'y'},
		"\x1bx\x1b[200~":     {keyOther, keyOther},
		"q\x03\x1b":          {keyEscape, keyEscape, keyEscape},
		"\x1b[":              {keyOther},
	} {
		synctest.Test(t, func(t *testing.T) {
			var got []key
			for k := range keys(strings.NewReader(typed)) {
				got = append(got, k)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q: %v, want %v", typed, got, want)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) { // Escape, and something else later
		typed := make(chan byte)
		go func() {
			<-time.After(2 * escapePause)
			typed <- '['
		}()
		if k := decodeKey(0x1b, typed); k != keyEscape {
			t.Errorf("Escape is %v", k)
		}
		<-typed
	})
}
