package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"msg"
)

// mainSeat is the seat of the machine's own screen and keyboard.
const mainSeat = "seat0"

// found is what the three sources say, before it is put together.
type found struct {
	logind    []logindEntry
	hasLogind bool
	whole     bool        // no source that is there has failed
	logins    []utmpEntry // of utmp
	processes map[int]process
	ttys      map[uint64][]*tty
}

// merged puts together all places where a person can see text: the sessions of
// logind; then logins that only utmp knows; and terminals that only /proc
// shows where logind is missing, or where neither of the two knows anybody.
// Each terminal is listed once, by its device number.
//
// early are terminals that have to be listed in any case, see run.early.
func (l *Local) merged(f found, early map[uint64]bool) []place {
	m := merge{Local: l, found: f, taken: map[uint64]bool{}, scopes: map[int]cgroup{}, early: early}
	m.addLogind()
	m.addUtmp()
	if !f.hasLogind || len(m.places) == 0 {
		m.addProc()
	}
	m.markOwn()
	m.markFront(m.places)
	for i := range m.places {
		p := &m.places[i]
		p.Account = strconv.FormatUint(uint64(p.uid), 10)
		p.holders = m.holdersOf(*p)
	}
	slices.SortFunc(m.places, func(a, b place) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return m.places
}

// holdersOf finds the processes that a session lasts as long as: those that
// lead on its terminal, else the one that opened it.
func (m *merge) holdersOf(p place) []holder {
	var holders []holder
	if p.tty != "" {
		for _, t := range m.ttys[p.rdev] {
			holders = append(holders, holder{t.leader.pid, t.leader.start})
		}
	}
	if q, ok := m.processes[p.leader]; ok && len(holders) == 0 {
		holders = append(holders, holder{q.pid, q.start})
	}
	return holders
}

// ask asks logind, and reads /proc and utmp meanwhile.
func (l *Local) ask(ctx context.Context) (found, error) {
	type answer struct {
		entries []logindEntry
		err     error
	}
	logind := make(chan answer, 1)
	go func() {
		entries, err := logindSessions(ctx, l.bus)
		logind <- answer{entries, err}
	}()
	var f found
	var err, utmpErr error
	f.processes, err = l.proc.processes()
	f.ttys = ttys(f.processes, l.ours())
	var records utmpFile
	records, utmpErr = readUtmp(l.utmp)
	f.logins = records.logins()
	a := <-logind
	f.logind, f.hasLogind = a.entries, a.err == nil
	if ctx.Err() != nil {
		return f, ctx.Err()
	}
	if errors.Is(a.err, errNoLogind) {
		a.err = nil
	}
	f.whole = a.err == nil && err == nil && utmpErr == nil
	// One source may fail as long as another shows somebody.
	if err != nil && !f.hasLogind && len(f.logins) == 0 {
		return f, fmt.Errorf("listing sessions: %w", errors.Join(a.err, utmpErr, err))
	}
	return f, nil
}

// merge puts the sources together.
type merge struct {
	*Local
	found
	places []place
	taken  map[uint64]bool // terminals that are accounted for, listed or not
	scopes map[int]cgroup  // by process
	early  map[uint64]bool // terminals that have the message already
}

// cgroup is the answer of procFS.scope.
type cgroup struct {
	scope   string
	managed bool
}

// addLogind lists logind's sessions: the terminal that logind names, and those
// that only /proc shows in it. Often that is the only one, because sshd opens
// its session before there is a terminal, and without utmp logind never learns
// of it; sometimes there are several, because connections of ssh can be shared.
func (m *merge) addLogind() {
	for _, e := range m.logind {
		if !e.person() {
			continue
		}
		p := place{uid: e.uid, leader: e.leader, scope: e.scope}
		p.Session = msg.Session{
			Host: m.name, ID: e.id, User: e.user, Type: e.typ, State: logindState(e),
			Idle: msg.IdleUnknown, Since: e.since, Source: "logind",
			Console: e.seat == mainSeat && e.active,
		}
		if e.desktop() || e.display != "" && e.tty == "" {
			m.addDesktop(p, e)
			continue
		}
		// A session without any terminal is scp, cron or the like: nothing
		// that a person sees.
		listed := false
		if d, err := m.dev.stat(e.tty); err == nil {
			listed = m.addTerminal(p, d)
		}
		for _, d := range m.ttysOf(e) {
			p.Source = "logind+proc"
			if listed {
				p.ID = d.name // logind has one ID for all of them
			}
			listed = m.addTerminal(p, d) || listed
		}
	}
}

func logindState(e logindEntry) msg.State {
	if e.state == "active" || e.seat == "" {
		return msg.StateActive
	}
	return msg.StateDisconnected // signed in, but another session is in front
}

// addDesktop lists a graphical session under the name of its display. Its
// virtual terminal is accounted for with it.
func (m *merge) addDesktop(p place, e logindEntry) {
	p.Kind, p.display = msg.KindDesktop, e.display
	for _, name := range []string{e.display, e.tty, e.typ} {
		if name != "" {
			p.Name = name
			break
		}
	}
	for _, name := range []string{e.tty, fmt.Sprintf("tty%d", e.vt)} {
		if name == "tty0" {
			continue // no virtual terminal
		}
		if d, err := m.dev.stat(name); err == nil {
			m.taken[d.rdev] = true
		}
	}
	if !e.idleSince.IsZero() {
		p.Idle = 0
		if e.idle {
			p.idleSince = e.idleSince
			p.Idle = max(0, time.Since(e.idleSince))
		}
	}
	m.places = append(m.places, p)
}

// addTerminal lists p on the terminal d, unless d is listed already.
func (m *merge) addTerminal(p place, d device) bool {
	if m.taken[d.rdev] {
		return false
	}
	m.taken[d.rdev] = true
	p.Kind, p.Name, p.tty, p.rdev, p.Idle = msg.KindTerminal, d.name, d.name, d.rdev, d.idle
	for _, t := range m.ttys[d.rdev] {
		if isTmuxClient(t.foreground) && m.proc.runsAs(t.foreground.pid, p.uid) {
			p.client = &tmuxClient{pid: t.foreground.pid}
		}
	}
	m.places = append(m.places, p)
	return true
}

// ttysOf finds the terminals of a session of logind, the oldest first: those
// that belong to its user and are in its control group or, where there are
// none (elogind), descend from its leader, and are not inside one another
// (tmux panes, script, sudo).
func (m *merge) ttysOf(e logindEntry) []device {
	var ttys []*tty
	for rdev, candidates := range m.ttys {
		i := slices.IndexFunc(candidates, func(t *tty) bool { return m.inSession(t.leader, e) && !m.nested(t) })
		if i >= 0 && !m.taken[rdev] {
			ttys = append(ttys, candidates[i])
		}
	}
	slices.SortFunc(ttys, func(a, b *tty) int { return cmp.Compare(a.leader.start, b.leader.start) })
	var devices []device
	for _, t := range ttys {
		if d, ok := m.device(t.rdev); ok && d.owner == e.uid {
			devices = append(devices, d)
		}
	}
	return devices
}

// inSession reports whether a process belongs to a session.
func (m *merge) inSession(p process, e logindEntry) bool {
	if g := m.cgroupOf(p.pid); g.scope != "" && e.scope != "" {
		return g.scope == e.scope
	}
	return e.leader != 0 && m.descends(p, func(q process) bool { return q.pid == e.leader })
}

// cgroupOf is procFS.scope, remembered: every session is compared with the
// leader of every terminal.
func (m *merge) cgroupOf(pid int) cgroup {
	g, ok := m.scopes[pid]
	if !ok {
		g.scope, g.managed = m.proc.scope(pid)
		m.scopes[pid] = g
	}
	return g
}

// descends reports whether p or one of its ancestors fits.
func (m *merge) descends(p process, fits func(process) bool) bool {
	// The bound is against a loop in what was read while processes changed.
	for depth := 0; depth < 64 && p.pid != 0; depth++ {
		if fits(p) {
			return true
		}
		p = m.processes[p.parent]
	}
	return false
}

// device looks at a terminal by its number.
func (m *merge) device(rdev uint64) (device, bool) {
	name, ok := m.dev.nameOf(rdev)
	if !ok {
		return device{}, false
	}
	d, err := m.dev.stat(name)
	return d, err == nil && d.rdev == rdev
}

// ours returns what reports whether the terminal of a process is on this
// system's /dev.
func (l *Local) ours() func(process) bool {
	mounts := l.proc.mounts(l.dev.root)
	return func(p process) bool {
		return l.proc.in(mounts, p.pid, func() (uint32, bool) {
			name, ok := l.dev.nameOf(p.tty)
			if !ok {
				return 0, false
			}
			d, err := l.dev.stat(name)
			return d.owner, err == nil
		})
	}
}

// addUtmp lists logins that logind does not know. An entry counts while its
// process lives and its terminal belongs to its user; entries are left behind
// by programs that crash, and /run/utmp may be written by many.
func (m *merge) addUtmp() {
	for _, e := range m.logins {
		if e.multiplexed() {
			continue
		}
		p := place{leader: e.pid}
		p.Session = msg.Session{
			Host: m.name, ID: e.line, User: e.user, Type: "tty", State: msg.StateActive,
			Idle: msg.IdleUnknown, Since: e.since, Source: "utmp",
		}
		if e.graphical() {
			m.addUtmpDesktop(p, e)
			continue
		}
		d, err := m.dev.stat(e.line)
		if err != nil || m.taken[d.rdev] || !m.early[d.rdev] && (!m.alive(e.pid) || m.ofLogind(e.pid)) {
			continue
		}
		if uid, known := m.users.UID(e.user); known && uid != d.owner {
			continue
		} else if name := m.users.Name(d.owner); !known && name != strconv.FormatUint(uint64(d.owner), 10) {
			p.User = name // utmp cuts names off, and rules ask for the whole one
		}
		p.uid = d.owner
		m.addTerminal(p, d)
	}
}

// addUtmpDesktop lists a display that a display manager wrote to utmp, on a
// system without logind.
func (m *merge) addUtmpDesktop(p place, e utmpEntry) {
	d, err := m.dev.stat(e.line)
	if err == nil && m.taken[d.rdev] || m.hasLogind || !m.alive(e.pid) {
		return
	}
	if err == nil {
		m.taken[d.rdev] = true
	}
	p.Kind, p.Type, p.Name, p.ID = msg.KindDesktop, "x11", e.line, e.line
	if strings.HasPrefix(e.host, ":") {
		p.Name = e.host
	}
	p.display = p.Name
	var known bool
	if p.uid, known = m.users.UID(e.user); known {
		m.places = append(m.places, p)
	}
}

func (m *merge) alive(pid int) bool {
	if m.processes == nil {
		return true // /proc could not be read
	}
	_, ok := m.processes[pid]
	return ok
}

// ofLogind reports whether a process is inside a session of logind that is
// listed with a surface of its own: the terminal windows of a desktop.
func (m *merge) ofLogind(pid int) bool {
	if !m.hasLogind {
		return false
	}
	g := m.cgroupOf(pid)
	return g.managed || slices.ContainsFunc(m.places, func(p place) bool {
		return g.scope != "" && p.scope == g.scope
	})
}

// addProc lists the terminals that only /proc knows.
func (m *merge) addProc() {
	for rdev, candidates := range m.ttys {
		i := slices.IndexFunc(candidates, func(t *tty) bool { return !isGetty(t.foreground) && !m.nested(t) })
		if i < 0 || m.taken[rdev] {
			continue
		}
		d, ok := m.device(rdev)
		if !ok {
			continue
		}
		leader := candidates[i].leader
		p := place{uid: d.owner, leader: leader.pid}
		p.Session = msg.Session{
			Host: m.name, ID: d.name, User: m.users.Name(d.owner), Type: "tty",
			State: msg.StateActive, Since: m.proc.started(leader), Source: "proc",
		}
		m.addTerminal(p, d)
	}
}

// isGetty reports whether a terminal waits for somebody to sign in.
func isGetty(p process) bool {
	switch p.comm {
	case "agetty", "getty", "mingetty", "fgetty", "mgetty", "login":
		return true
	}
	return false
}

// nested reports whether a terminal is shown inside another one: it was
// opened by a program that has a terminal itself (script, sudo), or is a
// window of tmux or screen. A login service is where somebody new comes in,
// even if the service itself was started from a terminal.
func (m *merge) nested(t *tty) bool {
	inside := false
	m.descends(m.processes[t.leader.parent], func(p process) bool {
		if isLoginService(p) {
			return true
		}
		inside = p.tty != 0 && p.tty != t.rdev || isMultiplexer(p)
		return inside
	})
	return inside
}

// isLoginService reports whether a process brings people in.
func isLoginService(p process) bool {
	switch p.comm {
	case "sshd", "sshd-session", "dropbear", "telnetd", "in.telnetd", "login":
		return true
	}
	return false
}

// markOwn finds the session of the caller: by the terminal of this process,
// else by its control group.
func (m *merge) markOwn() {
	self := m.processes[os.Getpid()]
	scope, _ := m.proc.scope(os.Getpid())
	for i := range m.places {
		p := &m.places[i]
		p.Own = p.rdev != 0 && p.rdev == self.tty
		if p.Own {
			return
		}
	}
	for i := range m.places {
		if p := &m.places[i]; scope != "" && p.scope == scope {
			p.Own = true
			return
		}
	}
}

// markFront finds the session on the virtual terminal that is in front, for
// places that logind did not speak of.
func (l *Local) markFront(places []place) {
	unknown := func(p place) bool { return p.Source == "utmp" || p.Source == "proc" }
	if slices.ContainsFunc(places, func(p place) bool { return p.Console && !unknown(p) }) {
		return
	}
	b, err := os.ReadFile(l.seat)
	if err != nil {
		return
	}
	front := strings.TrimSpace(string(b))
	for i := range places {
		if p := &places[i]; unknown(*p) {
			p.Console = front != "" && (p.tty == front || p.ID == front)
		}
	}
}
