package host

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"msg"
	"msg/internal/text"
)

// popup is what one popup shows. All of it is plain text already.
type popup struct {
	Title   string        `json:"title"`
	By      string        `json:"by,omitempty"`
	Text    string        `json:"text"`
	Timeout time.Duration `json:"timeout"` // 0: until it is closed
	Client  string        `json:"client"`  // terminal of the tmux client, below /dev
}

func newPopup(m msg.Message) popup {
	title, by := heading(m)
	return popup{Title: title, By: by, Text: text.Plain(m.Text), Timeout: m.Timeout}
}

// Sizes of a popup in cells: what it is at most, and what the border of tmux
// and our margin take.
const (
	popupWidth   = 64
	popupBorder  = 2
	popupMargin  = 2
	popupMinimum = 10
)

// size works out how large the popup is on that terminal, border included.
func (p popup) size(path string) (width, height int) {
	columns, rows := defaultColumns, 24
	if f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0); err == nil {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			columns, rows = w, h
		}
		f.Close()
	}
	width = max(min(popupWidth, columns-popupMargin), popupMinimum)
	lines := p.lines(width - popupBorder)
	return width, max(min(len(lines)+2+popupBorder, rows), popupBorder+3)
}

// lines lays the popup out, without the button.
func (p popup) lines(width int) []string {
	width = max(width-popupMargin, 1)
	lines := append(text.Wrap(p.Title, width), "")
	lines = append(lines, text.Wrap(p.Text, width)...)
	if p.By != "" {
		lines = append(lines, "")
		lines = append(lines, text.Wrap(p.By, width)...)
	}
	return lines
}

// pages divides the lines so that the last line of each page is free for what
// can be pressed.
func (p popup) pages(width, height int) [][]string {
	lines := p.lines(width)
	n := max(height-2, 1)
	var pages [][]string
	for len(lines) > n {
		pages, lines = append(pages, lines[:n]), lines[n:]
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
// popup.
func freshName() string { return "@msg-popup-" + rand.Text() }

// clientName is the name under which the program of a popup that is open takes
// further messages for the same tmux client.
func clientName(client string) string {
	return fmt.Sprintf("@msg-popup-%d-%s", os.Getuid(), client)
}

// accept returns the next connection from the same user.
func (l popupListener) accept() (*net.UnixConn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if peerUID(conn) == os.Getuid() {
			_ = conn.SetDeadline(time.Now().Add(helperTimeout))
			return conn, nil
		}
		conn.Close()
	}
}

// dialPopup connects to a listener of the same user.
func dialPopup(name string) (*net.UnixConn, error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if peerUID(conn) != os.Getuid() {
		conn.Close()
		return nil, fmt.Errorf("%s: %w", name, os.ErrPermission)
	}
	_ = conn.SetDeadline(time.Now().Add(helperTimeout))
	return conn, nil
}

// hand hands p over and returns when the other end says that it is on the
// screen.
func hand(conn net.Conn, p popup) error {
	defer conn.Close()
	if err := json.NewEncoder(conn).Encode(p); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || line != popupShown {
		return errors.Join(errNoPopup, err)
	}
	return nil
}

// maxPopup bounds what take reads: the longest message when all of it is
// written as codes.
const maxPopup = 256 << 10

// take is the other end of hand; the caller writes popupShown.
func take(conn net.Conn) (popup, error) {
	var p popup
	err := json.NewDecoder(io.LimitReader(conn, maxPopup)).Decode(&p)
	return p, err
}

const popupShown = "shown\n"

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
