package host

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"msg"
	"msg/internal/text"
)

// pile is the messages in one popup; the newest is on top and is seen.
type pile struct {
	out           io.Writer
	width, height int
	items         []*item
	drawn         time.Time // when the one on top came up
	typed         time.Time // when a key came that was not meant for it
}

// item is one message in a pile.
type item struct {
	notice notice
	tell   func(outcome msg.Outcome, answer string)
	ended  chan struct{}

	pages    [][]string
	selected int       // which button
	ends     time.Time // zero: it stays until it is closed
}

// push puts a message on top.
func (s *pile) push(it *item) {
	it.pages = it.notice.pages(s.width, s.height)
	if it.notice.Timeout > 0 {
		it.ends = time.Now().Add(it.notice.Timeout)
	}
	s.items = append(s.items, it)
	s.draw()
	it.tell(msg.OutcomeAccepted, "")
}

// remove takes a message off the pile.
func (s *pile) remove(it *item) {
	i := slices.Index(s.items, it)
	if i < 0 {
		return
	}
	close(it.ended)
	s.items = slices.Delete(s.items, i, i+1)
	if len(s.items) > 0 {
		top := i == len(s.items)
		drawn := s.drawn
		s.draw()
		if !top {
			s.drawn = drawn // the one that is being read has not changed
		}
	}
}

// end says how a message ended, and removes it.
func (s *pile) end(it *item, outcome msg.Outcome, answer string) {
	it.tell(outcome, answer)
	s.remove(it)
}

// draw draws the top. The popup's terminal is always tmux.
func (s *pile) draw() {
	const clear = "\x1b[?25l\x1b[H\x1b[2J"
	top := s.items[len(s.items)-1]
	last := top.buttons(s.width - popupMargin)
	if n := len(s.items) - 1; n > 0 {
		last += fmt.Sprintf("   (%d more)", n)
	}
	fmt.Fprint(s.out, clear, " ", strings.Join(top.pages[0], "\r\n "), "\r\n\r\n ", last)
	s.drawn = time.Now()
}

// The last line of a popup without a choice.
const (
	popupOK   = "[ OK ]  press Enter"
	popupMore = "[ More ]  press Enter"
)

// buttons is what can be pressed, in that many cells: all of them, or else the
// one that is selected.
func (it *item) buttons(width int) string {
	labels := it.notice.Buttons
	switch {
	case len(it.pages) > 1:
		return popupMore
	case len(labels) == 1:
		return "[ " + labels[0] + " ]  press Enter"
	}
	if plain := "[ " + strings.Join(labels, " ]  [ ") + " ]"; text.Width(plain) > width {
		return "< " + labels[it.selected] + " >"
	}
	const chosen, normal = "\x1b[7m", "\x1b[m"
	var b strings.Builder
	for i, label := range labels {
		if i > 0 {
			b.WriteString("  ")
		}
		if i == it.selected {
			b.WriteString(chosen + "[ " + label + " ]" + normal)
		} else {
			b.WriteString("[ " + label + " ]")
		}
	}
	return b.String()
}

// Somebody who is typing must not answer a message that has just come up:
// keys are ignored for a second, and after that until there is a pause.
const (
	keyGuard    = time.Second
	typingPause = 300 * time.Millisecond
)

// meant reports whether a key that comes now is for the message on top.
func (s *pile) meant() bool {
	now := time.Now()
	if now.Sub(s.drawn) < keyGuard || now.Sub(s.typed) < typingPause {
		s.typed = now
		return false
	}
	return true
}

// run turns pages, closes messages and takes further ones until none is left.
func (s *pile) run(keys <-chan key, more, away <-chan *item) {
	for len(s.items) > 0 {
		over := s.nextEnd()
		select {
		case k, ok := <-keys:
			if !ok {
				return
			}
			if s.meant() {
				s.key(k)
			}
		case it := <-more:
			s.push(it)
		case it := <-away:
			s.remove(it)
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
	now := time.Now()
	for _, it := range slices.Clone(s.items) {
		if !it.ends.IsZero() && !now.Before(it.ends) {
			s.end(it, msg.OutcomeExpired, "")
		}
	}
}

// key turns the page, or presses a button on the last page.
func (s *pile) key(k key) {
	top := s.items[len(s.items)-1]
	labels := top.notice.Buttons
	switch {
	case k == keyEscape:
		s.escape(top)
	case len(top.pages) > 1:
		if k == keyEnter {
			top.pages = top.pages[1:]
			s.redraw()
		}
	case k == keyEnter:
		s.end(top, msg.OutcomeAnswered, labels[top.selected])
	case k == keyNext:
		top.selected = (top.selected + 1) % len(labels)
		s.redraw()
	case k == keyBack:
		top.selected = (top.selected + len(labels) - 1) % len(labels)
		s.redraw()
	default:
		// The first letters of the labels of one message are different.
		for _, label := range labels {
			if key(unicode.ToLower(rune(label[0]))) == k {
				s.end(top, msg.OutcomeAnswered, label)
				return
			}
		}
	}
}

// escape presses Cancel, where there is one.
func (s *pile) escape(it *item) {
	if slices.Contains(it.notice.Buttons, msg.LabelCancel) {
		s.end(it, msg.OutcomeAnswered, msg.LabelCancel)
		return
	}
	s.end(it, msg.OutcomeDismissed, "")
}

// redraw draws the top again for somebody who has been reading it.
func (s *pile) redraw() {
	drawn := s.drawn
	s.draw()
	s.drawn = drawn
}
