package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"msg"
)

// tmuxes shows notices over clients of tmux. It is part of the helper.
type tmuxes struct {
	self string // path of this program

	mu    sync.Mutex
	turns map[string]chan struct{} // by client; whoever can send may open a popup
}

// turn waits until no other message is opening a popup on a client: tmux shows
// one, and the others have to find it.
func (t *tmuxes) turn(ctx context.Context, client string) (done func(), err error) {
	t.mu.Lock()
	turn := t.turns[client]
	if turn == nil {
		turn = make(chan struct{}, 1)
		t.turns[client] = turn
	}
	t.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, errSlowTmux
	}
}

var errSlowTmux = errors.New("tmux does not answer")

// surface shows notices over one client.
func (t *tmuxes) surface(c tmuxRequest, within time.Duration) surface {
	return func(ctx context.Context, n notice, up func(string, bool)) ending {
		client, err := unix.PidfdOpen(c.PID, 0)
		if err != nil {
			return failed(fmt.Errorf("looking at the client of tmux: %w", err))
		}
		defer unix.Close(client)
		showing, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		link, err := t.show(showing, c, popup{Notice: n, Client: c.TTY})
		if err != nil {
			return failed(err)
		}
		defer link.Close()
		up("", false)
		return link.wait(ctx, n, client)
	}
}

// popupRace is how long the popup of another helper may take to come up, or to
// close, when it is in the way of this one.
const popupRace = 300 * time.Millisecond

// show shows p over one client, and returns when it is on the screen: in the
// popup that is open for an earlier message, else in one of its own.
func (t *tmuxes) show(ctx context.Context, c tmuxRequest, p popup) (*popupLink, error) {
	done, err := t.turn(ctx, c.TTY)
	if err != nil {
		return nil, err
	}
	defer done()
	again := time.NewTicker(popupRace / 10)
	defer again.Stop()
	for end := time.Now().Add(popupRace); ; {
		link, err := handToOpen(ctx, p)
		if err == nil {
			return link, nil
		}
		link, err = openPopup(ctx, t.self, c, p)
		if err == nil || !errors.Is(err, errNoPopup) || time.Now().After(end) {
			return link, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, err
		}
	}
}

// handToOpen hands p to a popup that is open for an earlier message.
func handToOpen(ctx context.Context, p popup) (*popupLink, error) {
	link, err := dialPopup(clientName(p.Client))
	if err != nil {
		return nil, err
	}
	if err := link.hand(ctx, p); err != nil {
		link.Close()
		return nil, err
	}
	return link, nil
}

// openPopup opens a popup. That it is on the screen its program says itself:
// tmux reports success also when it shows nothing because another popup is
// open.
func openPopup(ctx context.Context, self string, c tmuxRequest, p popup) (*popupLink, error) {
	socket, err := clientSocket(c.PID)
	if err != nil {
		return nil, err
	}
	l, err := listenPopup(freshName())
	if err != nil {
		return nil, err
	}
	defer l.Close()
	width, height := p.Notice.size(filepath.Join("/dev", c.TTY))
	// Neither title nor text is given to tmux: it would expand formats in the
	// one, and the other would be seen in the list of processes. No context:
	// this process lives as long as the popup and ends with it.
	cmd := exec.Command("tmux", "-S", socket, "display-popup", "-c", filepath.Join("/dev", c.TTY),
		"-w", fmt.Sprint(width), "-h", fmt.Sprint(height), "-E", "exec "+shellWord(self)+" "+helperPopup+l.name)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting tmux: %w", err)
	}
	tmux := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(tmux)
	}()
	shown := make(chan *popupLink, 1) // nil if nobody came
	go func() { shown <- l.first(ctx, p) }()
	var link *popupLink
	select {
	case link = <-shown:
	case <-tmux:
		l.Close()
		link = <-shown // it may have been closed right after it was drawn
	case <-ctx.Done():
		l.Close()
		go func() { (<-shown).takeAway() }()
		return nil, errSlowTmux
	}
	if link == nil {
		return nil, errNoPopup
	}
	return link, nil
}

// first hands p to the first program that comes for it, and returns the
// connection to it when p is on the screen.
func (l popupListener) first(ctx context.Context, p popup) *popupLink {
	link, err := l.accept()
	if err != nil {
		return nil
	}
	if err := link.hand(ctx, p); err != nil {
		link.Close()
		return nil
	}
	return link
}

// takeAway takes the notice off the screen without waiting for it.
func (l *popupLink) takeAway() {
	if l == nil {
		return
	}
	_ = l.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, _ = l.Write([]byte(popupAway))
	l.Close()
}

// wait waits until the notice ends, which its popup says, or until the popup
// is closed from outside: together with the client of tmux, or alone.
func (l *popupLink) wait(ctx context.Context, n notice, client int) ending {
	stop := context.AfterFunc(ctx, l.takeAway)
	defer stop()
	e, err := l.result(n)
	switch {
	case err == nil:
		return e
	case ctx.Err() != nil:
		return failed(errTaken)
	case !errors.Is(err, errNoPopup):
		return failed(err)
	case endsNow(client):
		return ending{outcome: msg.OutcomeGone, detail: "tmux has ended, or was detached"}
	}
	return ending{outcome: msg.OutcomeDismissed}
}

// endsNow reports whether a process has ended, or does so in a moment.
func endsNow(pidfd int) bool {
	const moment = 300 // milliseconds
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, moment)
		if err != unix.EINTR {
			return err == nil && n == 1
		}
	}
}

// clientSocket finds out which server a client of tmux talks to. The process
// is looked at through one handle, so that all of it is about the same process,
// and has to be this very user's; so has the socket, in a folder in which
// nobody else can put another in its place. A tmux that is somebody else's could
// make this user's tmux do anything.
func clientSocket(pid int) (string, error) {
	proc, err := os.OpenRoot((procFS{root: "/proc"}).path(pid, ""))
	if err != nil {
		return "", err
	}
	defer proc.Close()
	var text [3]string
	for i, name := range []string{"status", "cmdline", "environ"} {
		b, err := proc.ReadFile(name)
		if err != nil {
			return "", err
		}
		text[i] = string(b)
	}
	if !onlyUID(text[0], uint32(os.Getuid())) {
		return "", fmt.Errorf("process %d is not this user's: %w", pid, os.ErrPermission)
	}
	path := tmuxSocket(text[1], text[2], os.Getuid())
	return path, ownSocket(path)
}

// ownSocket makes sure that path is a socket of this user.
func ownSocket(path string) error {
	var socket, dir unix.Stat_t
	if err := unix.Lstat(path, &socket); err != nil {
		return fmt.Errorf("socket %q: %w", path, err)
	}
	if err := unix.Stat(filepath.Dir(path), &dir); err != nil {
		return fmt.Errorf("socket %q: %w", path, err)
	}
	me := uint32(os.Getuid())
	shared := dir.Mode&0o022 != 0 && dir.Mode&unix.S_ISVTX == 0
	if socket.Mode&unix.S_IFMT != unix.S_IFSOCK || socket.Uid != me || dir.Uid != me && dir.Uid != 0 || shared {
		return fmt.Errorf("socket %q is not this user's alone: %w", path, os.ErrPermission)
	}
	return nil
}

// shellWord quotes a path for the shell that tmux starts.
func shellWord(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
