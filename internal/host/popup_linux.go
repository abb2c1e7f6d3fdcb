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
	"strings"
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

// popupButton is the last line.
const popupButton = "[ OK ]  press Enter"

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

// popupListener waits for the program in one popup.
type popupListener struct {
	*net.UnixListener
	name string
}

// listenPopup listens on a fresh abstract name. Names of that kind have no
// owner, so serve looks at who calls.
func listenPopup() (popupListener, error) {
	name := "@msg-popup-" + rand.Text()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	return popupListener{l, name}, err
}

// serve hands p to the first caller who is the same user, and returns when
// that one says that it is on the screen.
func (l popupListener) serve(p popup) error {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return err
		}
		if peerUID(conn) == os.Getuid() {
			defer conn.Close()
			return hand(conn, p)
		}
		conn.Close()
	}
}

func hand(conn net.Conn, p popup) error {
	_ = conn.SetDeadline(time.Now().Add(helperTimeout))
	if err := json.NewEncoder(conn).Encode(p); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || line != popupShown {
		return errors.Join(errNoPopup, err)
	}
	return nil
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

// runPopup is the program inside the popup: it fetches the message, draws it,
// and stays until a key or the time-out.
func runPopup(address string, in *os.File, out io.Writer) int {
	conn, err := net.DialTimeout("unix", address, helperTimeout)
	if err != nil {
		return 1
	}
	uconn, ok := conn.(*net.UnixConn)
	if !ok || peerUID(uconn) != os.Getuid() {
		return 1
	}
	var p popup
	if err := json.NewDecoder(io.LimitReader(conn, 64<<10)).Decode(&p); err != nil {
		return 1
	}
	state, err := term.MakeRaw(int(in.Fd()))
	if err == nil {
		defer term.Restore(int(in.Fd()), state)
	}
	width, height, err := term.GetSize(int(in.Fd()))
	if err != nil {
		return 1
	}
	pages := p.pages(width, height)
	drawPage(out, pages[0], len(pages) > 1)
	_, _ = io.WriteString(conn, popupShown)
	conn.Close()
	turnPages(out, pages, keys(in), p.Timeout)
	return 0
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

// drawPage draws on the popup's own terminal, which is always tmux.
func drawPage(out io.Writer, lines []string, more bool) {
	const clear = "\x1b[H\x1b[2J"
	button := popupButton
	if more {
		button = "[ More ]  press Enter"
	}
	fmt.Fprint(out, clear, " ", strings.Join(lines, "\r\n "), "\r\n\r\n ", button)
}

// keyGuard is how long keys are ignored: somebody who is typing must not
// close a message that has just come up.
const keyGuard = time.Second

// turnPages turns a page at each key and returns after the last page or when
// the time is over.
func turnPages(out io.Writer, pages [][]string, keys <-chan byte, timeout time.Duration) {
	var over <-chan time.Time
	if timeout > 0 {
		over = time.After(timeout)
	}
	shown := time.Now()
	for {
		select {
		case key, ok := <-keys:
			switch {
			case !ok:
				return
			case time.Since(shown) < keyGuard || !strings.ContainsRune("\r\n \x1b\x03q", rune(key)):
			case len(pages) == 1:
				return
			default:
				pages = pages[1:]
				drawPage(out, pages[0], len(pages) > 1)
			}
		case <-over:
			return
		}
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
