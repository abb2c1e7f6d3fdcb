//go:build darwin || linux

package host

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"msg"
	"msg/internal/account"
)

// mac is a Mac as a msg.Host: terminals, and one desktop for each user who is
// signed in at the screen. It is compiled on Linux as well, because its tests
// run there, with real terminals, made records and tools that note how they are
// called. It has never run on a Mac.
type mac struct {
	name    string
	dev     string            // folder of the terminals
	isTTY   func(string) bool // names in it that are terminals
	console string            // belongs to whoever is signed in at the screen
	utmpx   string            // file of records
	tools   macTools
	users   *account.DB
	uid     int                     // of this process
	settled func() <-chan time.Time // see macSettle
}

// macTools are programs of the system, by their full paths: what a caller's
// PATH says must not run with the rights of root.
type macTools struct{ osascript, launchctl, sudo, who string }

// macConsole is the line that utmpx has for a desktop.
const macConsole = "console"

// macPlace is a session with what delivery needs to know about it.
type macPlace struct {
	msg.Session
	uid  uint32
	rdev uint64 // of a terminal
	pid  int    // process that the session lasts as long as; 0 if unknown
}

// macTTY reports whether a name is that of a terminal of macOS: ttys003, and
// ttyp3 as they were called before.
func macTTY(name string) bool {
	number, ok := strings.CutPrefix(name, "tty")
	return ok && len(number) > 1 && len(number) < 6 && strings.Trim(number[1:], "0123456789abcdef") == "" &&
		number[0] >= 'p' && number[0] <= 'w'
}

// Sessions lists who is signed in.
func (m *mac) Sessions(ctx context.Context) ([]msg.Session, error) {
	places, err := m.places(ctx)
	if err != nil {
		return nil, err
	}
	return macSessions(places), nil
}

func macSessions(places []macPlace) []msg.Session {
	sessions := make([]msg.Session, len(places))
	for i, p := range places {
		sessions[i] = p.Session
	}
	return sessions
}

// places puts together what utmpx tells of, without what has ended, and whoever
// the console belongs to.
func (m *mac) places(ctx context.Context) ([]macPlace, error) {
	entries, source, err := m.logins(ctx)
	front, atScreen := m.front()
	if err != nil && !atScreen {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	var places []macPlace
	seen := map[string]bool{}
	add := func(p macPlace, ok bool) {
		if ok && !seen[p.ID] {
			seen[p.ID] = true
			places = append(places, p)
		}
	}
	for _, e := range entries {
		if e.line == macConsole {
			add(m.desktop(e, source, front))
		} else {
			add(m.terminal(e, source))
		}
	}
	if atScreen {
		add(m.desktop(utmpxEntry{user: m.users.Name(front)}, macConsole, front))
	}
	m.markOwn(places)
	slices.SortFunc(places, func(a, b macPlace) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	return places, nil
}

// logins asks utmpx, or who(1) where its file cannot be read.
func (m *mac) logins(ctx context.Context) (entries []utmpxEntry, source string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	f, err := os.Open(m.utmpx)
	if err == nil {
		defer f.Close()
		var b []byte
		if b, err = io.ReadAll(io.LimitReader(f, utmpxMaxFile)); err == nil {
			return parseUtmpx(b), "utmpx", nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, macToolTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, m.tools.who)
	cmd.Env = []string{"LC_ALL=C"}
	cmd.WaitDelay = macToolDelay
	out, whoErr := cmd.Output()
	if whoErr != nil {
		return nil, "", errors.Join(err, fmt.Errorf("running who: %w", whoErr))
	}
	return parseWho(out), "who", nil
}

const (
	macToolTimeout = 2 * time.Second
	macToolDelay   = 100 * time.Millisecond
)

// parseWho reads what who(1) prints: the user, the line, and a time without a
// year, which is left alone.
func parseWho(out []byte) []utmpxEntry {
	var entries []utmpxEntry
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) >= 2 {
			entries = append(entries, utmpxEntry{user: fields[0], line: fields[1]})
		}
	}
	return entries
}

// front is whoever the console belongs to. It is root's while nobody is signed
// in.
func (m *mac) front() (uint32, bool) {
	var st unix.Stat_t
	if err := unix.Stat(m.console, &st); err != nil {
		return 0, false
	}
	return st.Uid, st.Uid != 0
}

// desktop is what somebody who is signed in at the screen sees, perhaps after
// the screen is switched back from somebody else. Its ID is what launchd calls
// it: there is one for each user, and utmpx has the same line for all of them.
func (m *mac) desktop(e utmpxEntry, source string, front uint32) (macPlace, bool) {
	uid, ok := m.users.UID(e.user)
	if !ok || !livesOrUnknown(e.pid) {
		return macPlace{}, false
	}
	p := macPlace{uid: uid, pid: e.pid}
	p.Session = m.session(e, source, uid)
	p.ID, p.Name, p.Kind, p.Type = fmt.Sprintf("gui/%d", uid), macConsole, msg.KindDesktop, "aqua"
	p.State, p.Console = msg.StateDisconnected, uid == front
	if p.Console {
		p.State = msg.StateActive
	}
	return p, true
}

// terminal is a login on a terminal that is there and belongs to its user.
func (m *mac) terminal(e utmpxEntry, source string) (macPlace, bool) {
	uid, ok := m.users.UID(e.user)
	if !ok || !m.isTTY(e.line) || !livesOrUnknown(e.pid) {
		return macPlace{}, false
	}
	st, err := m.stat(e.line)
	if err != nil || st.Uid != uid {
		return macPlace{}, false
	}
	p := macPlace{uid: uid, pid: e.pid, rdev: uint64(st.Rdev)}
	p.Session = m.session(e, source, uid)
	p.ID, p.Name, p.Kind, p.Type, p.State = e.line, e.line, msg.KindTerminal, "tty", msg.StateActive
	p.Idle = max(0, time.Since(time.Unix(st.Atim.Unix())))
	return p, true
}

func (m *mac) session(e utmpxEntry, source string, uid uint32) msg.Session {
	return msg.Session{Host: m.name, User: e.user, Account: strconv.FormatUint(uint64(uid), 10),
		Idle: msg.IdleUnknown, Since: e.since, Source: source}
}

// stat looks at a terminal by name.
func (m *mac) stat(name string) (unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Lstat(filepath.Join(m.dev, name), &st); err != nil {
		return st, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return st, fmt.Errorf("%q is not a device", name)
	}
	return st, nil
}

// livesOrUnknown reports whether a process may still be there.
func livesOrUnknown(pid int) bool {
	return pid == 0 || !errors.Is(unix.Kill(pid, 0), unix.ESRCH)
}

// markOwn finds the session of this process: one of its first three files is
// the terminal.
func (m *mac) markOwn(places []macPlace) {
	for fd := range 3 {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR {
			continue
		}
		for i := range places {
			if p := &places[i]; p.Kind == msg.KindTerminal && p.rdev == uint64(st.Rdev) {
				p.Own = true
				return
			}
		}
	}
}

// gone reports why there is nobody in a place any more.
func (m *mac) gone(p macPlace) error {
	if p.Kind == msg.KindTerminal {
		switch st, err := m.stat(p.Name); {
		case err != nil:
			return errGone
		case st.Uid != p.uid || uint64(st.Rdev) != p.rdev:
			return errChanged
		}
	}
	if !livesOrUnknown(p.pid) {
		return errEnded
	}
	return nil
}
