package host

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"
)

// runPopup is the program inside a popup of tmux: it fetches the message,
// draws it, and stays until it is closed or its time is over. Further messages
// for the same client come to it, because tmux shows one popup at a time.
func runPopup(address string, in *os.File, out io.Writer) int {
	conn, err := dialPopup(address)
	if err != nil {
		return 1
	}
	defer conn.Close()
	p, err := take(conn)
	if err != nil {
		return 1
	}
	width, height, err := term.GetSize(int(in.Fd()))
	if err != nil {
		return 1
	}
	if state, err := term.MakeRaw(int(in.Fd())); err == nil {
		defer term.Restore(int(in.Fd()), state)
	}
	pile := &pile{out: out, width: width, height: height}
	pile.push(p)
	_, _ = io.WriteString(conn, popupShown)

	more := make(chan handed)
	done := make(chan struct{})
	defer close(done)
	if l, err := listenPopup(clientName(p.Client)); err == nil {
		defer l.Close()
		go l.takeAll(more, done)
	}
	pile.run(keys(in), more)
	return 0
}

// handed is a further message, and where to say that it is on the screen.
type handed struct {
	popup popup
	shown chan<- struct{}
}

// takeAll takes messages until the listener is closed.
func (l popupListener) takeAll(more chan<- handed, done <-chan struct{}) {
	for {
		conn, err := l.accept()
		if err != nil {
			return
		}
		p, err := take(conn)
		if err != nil {
			conn.Close()
			continue
		}
		shown := make(chan struct{})
		select {
		case more <- handed{p, shown}:
			<-shown
			_, _ = io.WriteString(conn, popupShown)
		case <-done:
		}
		conn.Close()
	}
}

// pile is the messages in one popup; the newest is on top and is seen.
type pile struct {
	out           io.Writer
	width, height int
	items         []item
	drawn         time.Time // when the one on top came up
}

type item struct {
	pages [][]string
	ends  time.Time // zero: it stays until it is closed
}

// push puts a message on top.
func (s *pile) push(p popup) {
	it := item{pages: p.pages(s.width, s.height)}
	if p.Timeout > 0 {
		it.ends = time.Now().Add(p.Timeout)
	}
	s.items = append(s.items, it)
	s.draw()
}

// draw draws the top. The popup's terminal is always tmux.
func (s *pile) draw() {
	const clear = "\x1b[H\x1b[2J"
	top := s.items[len(s.items)-1]
	button := popupOK
	if len(top.pages) > 1 {
		button = popupMore
	}
	if n := len(s.items) - 1; n > 0 {
		button += fmt.Sprintf("   (%d more)", n)
	}
	fmt.Fprint(s.out, clear, " ", strings.Join(top.pages[0], "\r\n "), "\r\n\r\n ", button)
	s.drawn = time.Now()
}

// The last line of a popup.
const (
	popupOK   = "[ OK ]  press Enter"
	popupMore = "[ More ]  press Enter"
)

// keyGuard is how long keys are ignored: somebody who is typing must not
// close a message that has just come up.
const keyGuard = time.Second

// run turns pages, closes messages and takes further ones until none is left.
func (s *pile) run(keys <-chan byte, more <-chan handed) {
	for len(s.items) > 0 {
		over := s.nextEnd()
		select {
		case key, ok := <-keys:
			if !ok {
				return
			}
			s.key(key)
		case h := <-more:
			s.push(h.popup)
			close(h.shown)
		case <-over:
			s.expire()
		}
	}
}

// nextEnd is ready when the first time-out is there.
func (s *pile) nextEnd() <-chan time.Time {
	var first time.Time
	for _, it := range s.items {
		if !it.ends.IsZero() && (first.IsZero() || it.ends.Before(first)) {
			first = it.ends
		}
	}
	if first.IsZero() {
		return nil
	}
	return time.After(time.Until(first))
}

// expire takes away what has been shown for long enough.
func (s *pile) expire() {
	now, before := time.Now(), len(s.items)
	s.items = slices.DeleteFunc(s.items, func(it item) bool {
		return !it.ends.IsZero() && !now.Before(it.ends)
	})
	if len(s.items) > 0 && len(s.items) != before {
		s.draw()
	}
}

// key turns the page, or closes the message on its last page.
func (s *pile) key(key byte) {
	if time.Since(s.drawn) < keyGuard || !strings.ContainsRune("\r\n \x1b\x03q", rune(key)) {
		return
	}
	top := &s.items[len(s.items)-1]
	if len(top.pages) > 1 {
		top.pages = top.pages[1:]
		shown := s.drawn
		s.draw()
		s.drawn = shown // whoever turns pages is reading
		return
	}
	s.items = s.items[:len(s.items)-1]
	if len(s.items) > 0 {
		s.draw()
	}
}

// keys reads what is typed into the popup, until it is closed.
func keys(in io.Reader) <-chan byte {
	typed := make(chan byte)
	go func() {
		defer close(typed)
		buf := make([]byte, 1)
		for {
			if _, err := in.Read(buf); err != nil {
				return
			}
			typed <- buf[0]
		}
	}()
	return typed
}
