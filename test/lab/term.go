package lab

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// termLimit is how long a person waits for the prompt: thirty may sign in at
// once.
const termLimit = 30 * time.Second

// A Term is the terminal of a person: a pseudo-terminal of the test computer,
// with a program in it that has signed in to a host. It collects all that comes
// to the screen. It is closed with the test.
type Term struct {
	t    testing.TB
	what string
	cmd  *exec.Cmd
	pty  *os.File
	out  *tape
	end  sync.Once
}

// SSH signs a user in with an ssh client on a terminal of its own. Without a
// command it is an interactive login; with one, that is run by the user's
// shell, on a terminal too.
//
// It returns at once, so that many may sign in side by side; [Term.TTY] waits
// until the person is there.
func (h *Host) SSH(user string, command ...string) *Term {
	h.t.Helper()
	return h.openTerm("ssh "+user+"@"+h.Name, h.network.command(h.sshArgs(user, command)...))
}

// SSHTwice signs a user in and opens a second terminal over the same connection,
// as ssh clients do that are told to share connections (ControlMaster). To the
// host that is one login with two terminals. It returns when both are there.
func (h *Host) SSHTwice(user string) (first, second *Term) {
	h.t.Helper()
	terms := h.SSHMany(2, user)
	return terms[0], terms[1]
}

// SSHMany signs users in on n terminals, by turns and in that order, and returns
// when all are there. Those of a user share one connection, as with SSHTwice,
// which is quicker than one connection each; the first closes the others with
// it. A user can have 200.
func (h *Host) SSHMany(n int, users ...string) []*Term {
	h.t.Helper()
	dir := h.t.TempDir()
	terms := make([]*Term, n)
	open := func(from, to int) {
		for i := from; i < to; i++ {
			terms[i] = h.sshShared(users[i%len(users)], dir)
		}
		for _, term := range terms[from:to] {
			term.TTY()
		}
	}
	first := min(n, len(users))
	open(0, first) // these make the connections
	open(first, n)
	return terms
}

// sshShared signs a user in over the connection whose socket is in a directory,
// or makes that connection.
func (h *Host) sshShared(user, dir string) *Term {
	h.t.Helper()
	args := append(h.sshArgs(user, nil), "-o", "ControlMaster=auto", "-o", "ControlPath="+filepath.Join(dir, user))
	return h.openTerm("ssh "+user+"@"+h.Name, h.network.command(args...))
}

// sshArgs is the ssh client with none of the settings of whoever runs the test.
func (h *Host) sshArgs(user string, command []string) []string {
	args := []string{"ssh", "-tt", "-F", "none", "-i", h.rootfs.key(),
		"-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
		user + "@" + h.Addr}
	if len(command) > 0 {
		// The same words that the prompt says, for TTY.
		args = append(args, `printf 'lab[%s]\n' "$(tty)"; exec `+strings.Join(command, " "))
	}
	return args
}

// Login signs a user in with login(1) on a terminal of the host, as on its
// console. It returns at once, as SSH does.
func (h *Host) Login(user string) *Term {
	h.t.Helper()
	// script makes the terminal: one of the test computer would bear a name
	// that means another one on the host.
	cmd := h.command(context.WithoutCancel(h.t.Context()), "script", "--quiet", "--return", "--command",
		"login -f "+user, "/dev/null")
	return h.openTerm("login "+user+" on "+h.Name, cmd)
}

// openTerm starts a program in a terminal of the usual size.
func (h *Host) openTerm(what string, cmd *exec.Cmd) *Term {
	h.t.Helper()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TERM=xterm-256color", "LANG=C.UTF-8"}
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		h.t.Fatalf("lab: %s: %v", what, err)
	}
	t := &Term{t: h.t, what: what, cmd: cmd, pty: file, out: newTape()}
	go func() {
		_, _ = io.Copy(t.out, file) // ends with an error when the last program in the terminal has ended
		_ = t.out.Close()
	}()
	h.t.Cleanup(t.Close)
	return t
}

// WaitFor returns nil as soon as the terminal has shown the substring, at any
// time since it was opened.
func (t *Term) WaitFor(substring string, timeout time.Duration) error {
	ctx, cancel := within(t.t, timeout)
	defer cancel()
	if err := t.out.wait(ctx, contains(substring)); err != nil {
		return fmt.Errorf("%s: no %q: %w; it shows:\n%s", t.what, substring, err, tail(t.Output()))
	}
	return nil
}

// WaitQuiet returns nil when the terminal has not shown anything new for a
// while.
func (t *Term) WaitQuiet(while, timeout time.Duration) error {
	ctx, cancel := within(t.t, timeout)
	defer cancel()
	length, since := -1, time.Now()
	err := poll(ctx, func() bool {
		if now := len(t.Output()); now != length {
			length, since = now, time.Now()
		}
		return time.Since(since) >= while
	})
	if err != nil {
		return fmt.Errorf("%s: not quiet: %w", t.what, err)
	}
	return nil
}

// Output returns everything that the terminal has shown, as the bytes that
// came.
func (t *Term) Output() string { return t.out.String() }

// Type types on the keyboard of the terminal. The key Enter is "\r".
func (t *Term) Type(keys string) {
	t.t.Helper()
	if _, err := io.WriteString(t.pty, keys); err != nil {
		t.t.Fatalf("lab: %s: %v", t.what, err)
	}
}

// prompt is what the shells of the lab say first.
var prompt = regexp.MustCompile(`lab\[/dev/([^\]]+)\]`)

// TTY waits until the person is signed in and returns the name of the terminal
// on the host, such as "pts/3".
func (t *Term) TTY() string {
	t.t.Helper()
	if err := t.waitPrompt(); err != nil {
		t.t.Fatalf("lab: %v", err)
	}
	return prompt.FindStringSubmatch(t.Output())[1]
}

func (t *Term) waitPrompt() error {
	ctx, cancel := within(t.t, termLimit)
	defer cancel()
	if err := t.out.wait(ctx, prompt.Match); err != nil {
		return fmt.Errorf("%s: no prompt: %w; it shows:\n%s", t.what, err, tail(t.Output()))
	}
	return nil
}

// Close ends the program in the terminal, as if the power of the person's
// computer had failed.
func (t *Term) Close() {
	t.end.Do(func() {
		_ = t.cmd.Process.Kill() // has ended already: the same to us
		_ = t.cmd.Wait()
		_ = t.pty.Close()
	})
}
