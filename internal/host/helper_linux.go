package host

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"msg"
)

// helper is the process with one user's rights, seen from this side. Everything
// that the user controls is touched only there, and that process itself is in
// the user's hands as well: what it says is checked, what it takes is bounded
// in time, and what goes wrong with it concerns this user's windows only.
type helper struct {
	uid     uint32
	idleFor time.Duration
	forget  func()
	once    sync.Once // start

	sending sync.Mutex

	mu      sync.Mutex
	conn    *net.UnixConn
	process *os.Process
	home    string
	live    map[uint64]*remote
	next    uint64
	over    error // why it gets no more windows
	resting *time.Timer
}

// Why a helper is over.
var (
	errIdle   = errors.New("the helper was not needed any more")
	errHelper = errors.New("the helper ended")
)

// start runs the process. What it fails with the first window says.
func (h *helper) start(w *windows) {
	w.starts <- struct{}{}
	err := h.run(w)
	<-w.starts
	if err != nil {
		h.giveUp(err)
		return
	}
	go h.read()
}

func (h *helper) run(w *windows) error {
	account, err := w.users.Account(h.uid)
	if err != nil {
		return err
	}
	cmd, err := w.command(account)
	if err != nil {
		return err
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return fmt.Errorf("connecting a helper: %w", err)
	}
	defer theirs.Close()
	cmd.Stdin = theirs
	if err := cmd.Start(); err != nil {
		ours.Close()
		return fmt.Errorf("starting a helper: %w", err)
	}
	preferEnding(cmd.Process.Pid)
	h.mu.Lock()
	h.conn, h.process, h.home = ours, cmd.Process, account.Home
	if h.over != nil { // let go meanwhile
		ours.Close()
	}
	h.mu.Unlock()
	w.ran(h.uid, 1)
	w.reaping.Go(func() {
		_ = cmd.Wait()
		w.ran(h.uid, -1)
	})
	return nil
}

// socketPair makes one connection for both directions: a process that writes
// to a pipe as its standard output is ended when nobody reads it.
func socketPair() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	own := os.NewFile(uintptr(fds[0]), "helper")
	defer own.Close()
	theirs = os.NewFile(uintptr(fds[1]), "helper")
	conn, err := net.FileConn(own)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn.(*net.UnixConn), theirs, nil
}

// preferEnding makes the kernel end the helper first when memory is short: it
// may share its limit with this process, and its user decides what it uses.
func preferEnding(pid int) {
	_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte("500"), 0)
}

// open asks for a window.
func (h *helper) open(r request) (*remote, error) {
	h.mu.Lock()
	if h.over != nil {
		h.mu.Unlock()
		return nil, h.over
	}
	if len(h.live) >= maxWindows {
		h.mu.Unlock()
		return nil, fmt.Errorf("%d messages are on the screen of this user already", maxWindows)
	}
	if h.resting != nil {
		h.resting.Stop()
	}
	h.next++
	r.ID = h.next
	if r.Desktop != nil {
		r.Desktop.Home = h.home
	}
	x := &remote{helper: h, id: r.ID, buttons: r.Notice.Buttons, replies: make(chan reply, 2), ended: make(chan struct{})}
	h.live[r.ID] = x
	h.mu.Unlock()
	h.send(r)
	return x, nil
}

// send sends a request; one that cannot be sent ends the helper.
func (h *helper) send(r request) {
	h.sending.Lock()
	err := writeLine(h.conn, r)
	h.sending.Unlock()
	switch {
	case gone(err):
		h.giveUp(errHelper)
	case err != nil:
		h.giveUp(fmt.Errorf("the helper takes no messages: %w", err))
	}
}

// gone reports whether an error says no more than that the other end is closed.
// Which call finds out first is chance.
func gone(err error) bool {
	return errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET)
}

// read reads what the helper says until it ends or says what it cannot say.
func (h *helper) read() {
	err := lines(h.conn, maxReply, func(line []byte) error {
		r, err := parseReply(line)
		if err != nil {
			return err
		}
		return h.take(r)
	})
	switch {
	case errors.Is(err, errReply):
	case errors.Is(err, bufio.ErrTooLong):
		err = errReply
	case err != nil && !gone(err):
		err = fmt.Errorf("%w: %w", errHelper, err)
	default:
		err = errHelper
	}
	h.giveUp(err)
}

// take hands a reply to its window.
func (h *helper) take(r reply) error {
	h.mu.Lock()
	x := h.live[r.ID]
	if x == nil || !x.expects(r) {
		h.mu.Unlock()
		return errReply
	}
	x.accepted = true
	x.replies <- r
	if r.End {
		h.drop(x)
	}
	h.mu.Unlock()
	if r.Outcome == msg.OutcomeAnswered {
		h.send(request{ID: r.ID, Close: true}) // it has arrived
	}
	return nil
}

// drop ends a window. After the last of them the helper is let go when no other
// comes; it is locked.
func (h *helper) drop(x *remote) {
	delete(h.live, x.id)
	close(x.replies)
	close(x.ended)
	if len(h.live) == 0 && h.over == nil {
		h.resting = time.AfterFunc(h.idleFor, func() { h.letGo(errIdle) })
	}
}

// why says why the helper is over.
func (h *helper) why() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.over
}

// letGo closes the connection, after which the helper ends when what it has on
// the screen has ended. One that was not needed stays if it is needed again.
func (h *helper) letGo(why error) bool {
	h.mu.Lock()
	if h.over != nil || why == errIdle && len(h.live) > 0 {
		h.mu.Unlock()
		return false
	}
	h.over = why
	for _, x := range h.live {
		h.drop(x)
	}
	conn := h.conn
	h.mu.Unlock()
	h.forget()
	if conn != nil {
		conn.Close()
	}
	return true
}

// giveUp ends the helper, and with it every window that it has.
func (h *helper) giveUp(why error) {
	if !h.letGo(why) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.process != nil {
		_ = h.process.Kill()
	}
}
