package lab

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A Screen is a terminal of which one can see what a person would: the
// characters in their places, after all the drawing and wiping. It is closed
// with the test.
type Screen struct {
	t      testing.TB
	host   *Host
	what   string
	socket string
}

// Screen signs a user in by ssh, on a screen of 80 columns and 24 lines. It
// returns at once.
func (h *Host) Screen(user string) *Screen {
	h.t.Helper()
	need(h.t, "tmux")
	s := &Screen{t: h.t, host: h, what: "screen of " + user + " on " + h.Name,
		socket: filepath.Join(h.t.TempDir(), "tmux")}
	// tmux is a terminal emulator that can be asked for its screen. Its server
	// leaves us, but not the network.
	s.tmux(append([]string{"-f", "/dev/null", "start-server", ";", "set-option", "-g", "status", "off", ";",
		"new-session", "-d", "-x", "80", "-y", "24", "--"}, h.sshArgs(user, nil)...)...)
	h.t.Cleanup(s.Close)
	return s
}

// Show returns the lines of the screen as they are now.
func (s *Screen) Show() string {
	s.t.Helper()
	return s.tmux("capture-pane", "-p")
}

// Type types text as it is. For keys that have a name, see Press.
func (s *Screen) Type(text string) {
	s.t.Helper()
	s.tmux("send-keys", "-l", "--", text)
}

// Press presses keys by their names in tmux, such as "Enter" or "C-s".
func (s *Screen) Press(keys ...string) {
	s.t.Helper()
	s.tmux(append([]string{"send-keys", "--"}, keys...)...)
}

// WaitFor returns nil as soon as the screen is as wanted.
func (s *Screen) WaitFor(wanted func(screen string) bool, timeout time.Duration) error {
	s.t.Helper()
	ctx, cancel := within(s.t, timeout)
	defer cancel()
	if err := poll(ctx, func() bool { return wanted(s.Show()) }); err != nil {
		return fmt.Errorf("%s: %w; it shows:\n%s", s.what, err, s.Show())
	}
	return nil
}

// Shows is a condition for WaitFor: the text is on the screen.
func Shows(text string) func(screen string) bool {
	return func(screen string) bool { return strings.Contains(screen, text) }
}

// Close ends the ssh client and its terminal.
func (s *Screen) Close() {
	_, _ = s.run("kill-server") // fails when the person has signed out, and tmux ended with it
}

// tmux runs a command of tmux and returns what it printed.
func (s *Screen) tmux(args ...string) string {
	s.t.Helper()
	out, err := s.run(args...)
	if err != nil {
		s.t.Fatalf("lab: %s: tmux %s: %v\n%s", s.what, args[0], err, out)
	}
	return out
}

func (s *Screen) run(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := s.host.network.heldCommand(ctx, append([]string{"tmux", "-u", "-S", s.socket}, args...)...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "TERM=xterm-256color", "LANG=C.UTF-8"}
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}
