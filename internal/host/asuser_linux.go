package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"msg/internal/account"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Helpers: how many run at the same time, how long one may take, and how much
// it may say.
const (
	maxHelpers    = 64 // they only wait
	helperTimeout = 3 * time.Second
	helperGrace   = 300 * time.Millisecond // to notice that it is over
	maxReplies    = 1 << 20
)

// userReply is one line from the helper: what became of one terminal.
type userReply struct {
	TTY   string `json:"tty"`
	Error string `json:"error,omitempty"`
}

// asUser runs this program again with one user's rights and no others, hands
// it the request and returns what it said of each terminal. Everything that
// the user controls (tmux, its socket, the environment of its processes) is
// touched only there.
func asUser(ctx context.Context, users *account.DB, uid uint32, request popupRequest) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, helperTimeout)
	defer cancel()
	cmd, err := helperCommand(ctx, users, uid)
	if err != nil {
		return nil, err
	}
	input, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	cmd.Stdin = bytes.NewReader(input)
	out := &limited{left: maxReplies}
	cmd.Stdout = out
	ended := make(chan error, 1)
	go func() {
		// The kernel ends the helper with the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		ended <- cmd.Run()
	}()
	select {
	case err = <-ended:
		return parseReplies(out.b.Bytes()), err
	case <-time.After(helperTimeout + helperGrace):
		// It cannot be ended; its user may see to that. It is left behind.
		return nil, fmt.Errorf("helper of user %d does not end", uid)
	}
}

// limited is a buffer that takes so much and no more.
type limited struct {
	b    bytes.Buffer
	left int
}

// Write takes what fits and drops the rest.
func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), l.left)
	l.left -= n
	l.b.Write(b[:n])
	return len(b), nil
}

// parseReplies reads what the helper said of each terminal.
func parseReplies(b []byte) map[string]string {
	replies := map[string]string{}
	for line := range bytes.Lines(b) {
		var r userReply
		if json.Unmarshal(line, &r) == nil {
			replies[r.TTY] = r.Error
		}
	}
	return replies
}

// helperCommand prepares the process: credentials before exec, an
// environment that nobody chose, no terminal, gone when we are gone.
func helperCommand(ctx context.Context, users *account.DB, uid uint32) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	a, err := users.Account(uid)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, helperUser)
	// Whatever this process was started with stays here.
	if err := unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return nil, fmt.Errorf("closing what the helper must not have: %w", err)
	}
	cmd.WaitDelay = helperGrace / 2 // its user may hold its output
	cmd.Dir = "/"
	cmd.Env = []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + a.Home, "USER=" + a.Name,
		"LOGNAME=" + a.Name, "LANG=C.UTF-8",
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	switch me := uint32(os.Getuid()); {
	case me == 0:
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}
	case me != uid:
		return nil, fmt.Errorf("acting for %s: %w", a.Name, os.ErrPermission)
	}
	return cmd, nil
}

// RunHelper is the whole life of a helper process; it returns the exit code.
func RunHelper() int {
	if address, ok := strings.CutPrefix(os.Args[1], helperPopup); ok {
		return runPopup(address, os.Stdin, os.Stdout)
	}
	return runUser(os.Stdin, os.Stdout)
}

// runUser is the helper of one user: it shows the popups side by side.
func runUser(in io.Reader, out io.Writer) int {
	var request popupRequest
	if err := json.NewDecoder(in).Decode(&request); err != nil {
		return 1
	}
	self, err := os.Executable()
	if err != nil {
		return 1
	}
	// Less than the parent allows, so that it can still say so.
	ctx, cancel := context.WithTimeout(context.Background(), helperTimeout*5/6)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, c := range request.Clients {
		wg.Go(func() {
			reply := userReply{TTY: c.TTY}
			if err := showPopup(ctx, self, c, request.Popup); err != nil {
				reply.Error = err.Error()
			}
			mu.Lock()
			defer mu.Unlock()
			_ = json.NewEncoder(out).Encode(reply)
		})
	}
	wg.Wait()
	return 0
}

// showPopup shows p over one tmux client, and returns when it is on the
// screen: in the popup that is open for an earlier message, else in one of its
// own.
func showPopup(ctx context.Context, self string, c popupClient, p popup) error {
	p.Client = c.TTY
	if handToOpen(p) == nil {
		return nil
	}
	err := openPopup(ctx, self, c, p)
	// Another message may have opened a popup at this very moment; it takes
	// this one too when it is up.
	for end := time.Now().Add(popupRace); err != nil && time.Now().Before(end); time.Sleep(popupRace / 10) {
		if handToOpen(p) == nil {
			return nil
		}
	}
	return err
}

// popupRace is how long to look for a popup that another message has opened.
const popupRace = 300 * time.Millisecond

// handToOpen hands p to a popup that is open for an earlier message.
func handToOpen(p popup) error {
	conn, err := dialPopup(clientName(p.Client))
	if err != nil {
		return err
	}
	return hand(conn, p)
}

// openPopup opens a popup. That it is on the screen its program says itself:
// tmux reports success also when it shows nothing because another popup is
// open.
func openPopup(ctx context.Context, self string, c popupClient, p popup) error {
	socket, err := clientSocket(c.PID)
	if err != nil {
		return err
	}
	l, err := listenPopup(freshName())
	if err != nil {
		return err
	}
	defer l.Close()
	width, height := p.size(filepath.Join("/dev", c.TTY))
	// Neither title nor text is given to tmux: it would expand formats in the
	// one, and the other would be seen in the list of processes. No context:
	// this process lives as long as the popup and ends with it.
	cmd := exec.Command("tmux", "-S", socket, "display-popup", "-c", filepath.Join("/dev", c.TTY),
		"-w", fmt.Sprint(width), "-h", fmt.Sprint(height), "-E", "exec "+shellWord(self)+" "+helperPopup+l.name)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting tmux: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	shown := make(chan error, 1)
	go func() {
		conn, err := l.accept()
		if err == nil {
			err = hand(conn, p)
		}
		shown <- err
	}()
	select {
	case err := <-shown:
		return err
	case <-ended:
	case <-ctx.Done():
	}
	// The popup may have been closed right after it was drawn.
	select {
	case err := <-shown:
		return err
	default:
		return errNoPopup
	}
}

var errNoPopup = errors.New("no popup was shown: another one is open, or tmux is older than 3.2")

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
		return fmt.Errorf("socket of tmux: %w", err)
	}
	if err := unix.Stat(filepath.Dir(path), &dir); err != nil {
		return fmt.Errorf("socket of tmux: %w", err)
	}
	me := uint32(os.Getuid())
	shared := dir.Mode&0o022 != 0 && dir.Mode&unix.S_ISVTX == 0
	if socket.Mode&unix.S_IFMT != unix.S_IFSOCK || socket.Uid != me || dir.Uid != me && dir.Uid != 0 || shared {
		return fmt.Errorf("socket of tmux: %q is not this user's alone: %w", path, os.ErrPermission)
	}
	return nil
}

// shellWord quotes a path for the shell that tmux starts.
func shellWord(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
