package host

import (
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"msg"
)

// runPopup is the program inside a popup of tmux: it fetches the message,
// draws it, and stays until it is closed or its time is over. Further messages
// for the same client come to it, because tmux shows one popup at a time.
func runPopup(address string, in *os.File, out io.Writer) int {
	link, err := dialPopup(address)
	if err != nil {
		return 1
	}
	defer link.Close()
	p, err := link.take()
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
	mail := mail{more: make(chan *item), away: make(chan *item), done: make(chan struct{})}
	defer close(mail.done)
	if l, err := listenPopup(clientName(p.Client)); err == nil {
		defer l.Close()
		go mail.takeAll(l)
	}
	first := newItem(link, p.Notice)
	go mail.watch(link, first)
	pile.push(first)
	pile.run(keys(in), mail.more, mail.away)
	return 0
}

// mail is how messages come to a popup, and how they are taken away again.
type mail struct {
	more, away chan *item
	done       chan struct{} // closed when the popup is
}

// takeAll takes messages until the listener is closed.
func (m mail) takeAll(l popupListener) {
	places := make(chan struct{}, maxWindows)
	for {
		link, err := l.accept()
		if err != nil {
			return
		}
		select {
		case places <- struct{}{}:
			go func() {
				defer func() { <-places }()
				m.takeOne(link)
			}()
		default:
			link.Close()
		}
	}
}

// takeOne takes one message and stays with it.
func (m mail) takeOne(link *popupLink) {
	defer link.Close()
	p, err := link.take()
	if err != nil {
		return
	}
	it := newItem(link, p.Notice)
	select {
	case m.more <- it:
		m.watch(link, it)
	case <-m.done:
	}
}

func newItem(link *popupLink, n notice) *item {
	return &item{notice: n, tell: link.tell, ended: make(chan struct{})}
}

// watch takes the message off the screen when whoever handed it over says so,
// or, if that one waited for the answer, has gone.
func (m mail) watch(link *popupLink, it *item) {
	gone := make(chan bool, 1)
	go func() {
		_ = link.SetReadDeadline(time.Time{})
		gone <- link.lines.Scan() || it.notice.Wait
	}()
	select {
	case away := <-gone:
		if !away {
			<-it.ended
			return
		}
	case <-it.ended:
		return
	}
	select {
	case m.away <- it:
	case <-it.ended:
	case <-m.done:
	}
}

// tell says something of the message. Whoever does not read it has gone, or is
// about to.
func (l *popupLink) tell(outcome msg.Outcome, answer string) {
	_ = writeLine(l, popupReply{outcome, answer})
}
