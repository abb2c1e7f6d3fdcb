package host

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"msg"
	"msg/internal/text"
)

// popup is what a popup is handed: a notice, and for whom.
type popup struct {
	Notice notice `json:"notice"`
	Client string `json:"client"` // terminal of the tmux client, below /dev
}

// popupReply is what a popup says of a notice: that it is on the screen, and
// how it ended.
type popupReply struct {
	Outcome msg.Outcome `json:"outcome"`
	Answer  string      `json:"answer,omitempty"`
}

// popupAway is what a popup is told to take a notice off the screen.
const popupAway = "away\n"

// Sizes of a popup in cells: what it is at most, and what the border of tmux
// and our margin take.
const (
	popupWidth   = 64
	popupBorder  = 2
	popupMargin  = 2
	popupMinimum = 10
)

// size works out how large the popup is on that terminal, border included.
func (n notice) size(path string) (width, height int) {
	columns, rows := defaultColumns, 24
	if f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0); err == nil {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			columns, rows = w, h
		}
		f.Close()
	}
	width = max(min(popupWidth, columns-popupMargin), popupMinimum)
	lines := n.lines(width - popupBorder)
	return width, max(min(len(lines)+2+popupBorder, rows), popupBorder+3)
}

// lines lays the popup out, without the buttons.
func (n notice) lines(width int) []string {
	width = max(width-popupMargin, 1)
	lines := append(text.Wrap(n.Title, width), "")
	lines = append(lines, text.Wrap(n.Text, width)...)
	if n.By != "" {
		lines = append(lines, "")
		lines = append(lines, text.Wrap(n.By, width)...)
	}
	return lines
}

// pages divides the lines so that the last line of each page is free for what
// can be pressed.
func (n notice) pages(width, height int) [][]string {
	lines := n.lines(width)
	fit := max(height-2, 1)
	var pages [][]string
	for len(lines) > fit {
		pages, lines = append(pages, lines[:fit]), lines[fit:]
	}
	return append(pages, lines)
}

// popupListener is where a popup is handed over.
type popupListener struct {
	*net.UnixListener
	name string
}

// listenPopup listens on an abstract name. Names of that kind have no owner,
// so whoever accepts or connects looks at who is at the other end.
func listenPopup(name string) (popupListener, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	return popupListener{l, name}, err
}

// freshName is the name under which a helper waits for the program of a new
// popup. Whoever knows it was started by that helper.
func freshName() string { return "@msg-popup-" + rand.Text() }

// clientName is the name under which the program of a popup that is open takes
// further messages for the same tmux client.
func clientName(client string) string {
	return fmt.Sprintf("@msg-popup-%d-%s", os.Getuid(), client)
}

// accept returns the next connection from the same user.
func (l popupListener) accept() (*popupLink, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if peerUID(conn) == os.Getuid() {
			return newPopupLink(conn), nil
		}
		conn.Close()
	}
}

// dialPopup connects to a listener of the same user.
func dialPopup(name string) (*popupLink, error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if peerUID(conn) != os.Getuid() {
		conn.Close()
		return nil, fmt.Errorf("%s: %w", name, os.ErrPermission)
	}
	return newPopupLink(conn), nil
}

// popupLink is the connection between a helper and the program of a popup. It
// lasts as long as one notice does.
type popupLink struct {
	*net.UnixConn
	lines *bufio.Scanner
}

func newPopupLink(conn *net.UnixConn) *popupLink {
	s := bufio.NewScanner(conn)
	s.Buffer(nil, maxRequest)
	return &popupLink{conn, s}
}

// receive reads one line before that time; zero is for ever.
func (l *popupLink) receive(v any, end time.Time) error {
	if err := l.SetReadDeadline(end); err != nil {
		return err
	}
	if !l.lines.Scan() {
		return errors.Join(errNoPopup, l.lines.Err())
	}
	return json.Unmarshal(l.lines.Bytes(), v)
}

// hand hands p over and returns when the other end says that it is on the
// screen.
func (l *popupLink) hand(ctx context.Context, p popup) error {
	if err := writeLine(l, p); err != nil {
		return err
	}
	var r popupReply
	end, _ := ctx.Deadline()
	if err := l.receive(&r, end); err != nil {
		return err
	}
	if r.Outcome != msg.OutcomeAccepted {
		return errNoPopup
	}
	return nil
}

// handTimeout is how long a popup waits for a message after the connection.
const handTimeout = 3 * time.Second

// take is the other end of hand; the caller says when it is on the screen.
func (l *popupLink) take() (popup, error) {
	var p popup
	err := l.receive(&p, time.Now().Add(handTimeout))
	if err == nil {
		err = p.Notice.check()
	}
	return p, err
}

// result reads how a notice ended. What a popup says is checked like anything
// else that its user could have written.
func (l *popupLink) result(n notice) (ending, error) {
	var r popupReply
	if err := l.receive(&r, time.Time{}); err != nil {
		return ending{}, err
	}
	return parseResult(r, n)
}

func parseResult(r popupReply, n notice) (ending, error) {
	if !slices.Contains(endings, r.Outcome) || (r.Outcome == msg.OutcomeAnswered) != slices.Contains(n.Buttons, r.Answer) {
		return ending{}, errors.New("the popup says what it cannot say")
	}
	return ending{outcome: r.Outcome, answer: r.Answer}, nil
}

var errNoPopup = errors.New("no popup was shown: another one is open, the terminal is too small, or tmux is older than 3.2")

// peerUID asks the kernel who is at the other end; -1 if it does not say.
func peerUID(conn *net.UnixConn) int {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1
	}
	uid := -1
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid = int(cred.Uid)
		}
	})
	return uid
}
