package fleetchaos

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/fleet"
	"msg/internal/hosttest"
)

// service is a process that says when it is ready, as systemd wants it:
// sd_notify(3).
type service struct {
	cmd  *exec.Cmd
	log  *hosttest.Screen
	done chan struct{}
}

// serve starts a service and returns when it is ready.
func serve(t testing.TB, log *hosttest.Screen, name string, args ...string) *service {
	t.Helper()
	dir, err := os.MkdirTemp("", "n") // the path of a socket has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "n"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	s := &service{cmd: exec.Command(name, args...), log: log, done: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(dir, "n"))
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.done)
		_ = s.cmd.Wait() // how it ended is of no interest
		_ = ready.SetReadDeadline(time.Unix(1, 0))
	}()
	_ = ready.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 4096)
	if n, err := ready.Read(b); err != nil || string(b[:n]) != "READY=1" {
		t.Fatalf("%s does not get ready: %v\n%s", name, err, log)
	}
	return s
}

// end ends it with a signal, and waits for its end.
func (s *service) end(how os.Signal) {
	_ = s.cmd.Process.Signal(how) // it may have ended already
	<-s.done
}

// office is a hub, which is a process, and members.
type office struct {
	t     testing.TB
	dir   string
	hub   *service
	log   *hosttest.Screen
	token fleet.JoinToken
	*board
	crews []*crew
}

// newOffice starts a hub that listens on a free port of an address.
func newOffice(t testing.TB, address string) *office {
	t.Helper()
	o := &office{t: t, dir: filepath.Join(t.TempDir(), "hub"), log: &hosttest.Screen{}, board: newBoard()}
	l, err := net.Listen("tcp", address+":0")
	if err != nil {
		t.Fatal(err)
	}
	listen := l.Addr().String()
	l.Close()
	if _, err := fleet.InitHub(o.dir, listen, []string{listen}, true, time.Now()); err != nil {
		t.Fatal(err)
	}
	if o.token, err = fleet.Invite(o.dir, 1000, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	o.start()
	t.Cleanup(o.close)
	return o
}

func (o *office) close() {
	for _, c := range o.crews {
		c.end()
	}
	for _, e := range o.errors {
		o.t.Error(e)
	}
	o.hub.end(os.Kill)
	if o.t.Failed() {
		lines := strings.SplitAfter(o.log.String(), "\n")
		o.t.Logf("the hub says in the end:\n%s", strings.Join(lines[max(0, len(lines)-20):], ""))
	}
}

func (o *office) start() {
	o.t.Helper()
	o.hub = serve(o.t, o.log, program(o.t, "msgd"), "hub", "serve", "--hub", o.dir)
}

// event is what the program crew says.
type event struct {
	Member  string       `json:"member"`
	Log     string       `json:"log"`
	MaySend bool         `json:"may_send"`
	Shown   string       `json:"shown"`
	Refused string       `json:"refused"`
	Receipt *msg.Receipt `json:"receipt"`
	Sent    string       `json:"sent"`
	Error   string       `json:"error"`
}

// crew is a process with members.
type crew struct {
	*office
	cmd  *exec.Cmd
	in   io.WriteCloser
	done chan struct{}
}

// crew starts a process with members; in front of it may stand what runs it
// elsewhere.
func (o *office) crew(front ...string) *crew {
	o.t.Helper()
	args := append(front, program(o.t, "crew"))
	c := &crew{office: o, cmd: exec.Command(args[0], args[1:]...), done: make(chan struct{})}
	c.cmd.Stderr = o.log
	in, err1 := c.cmd.StdinPipe()
	out, err2 := c.cmd.StdoutPipe()
	if err := errors.Join(err1, err2, c.cmd.Start()); err != nil {
		o.t.Fatal(err)
	}
	c.in = in
	go func() {
		defer close(c.done)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var e event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				e.Error = err.Error()
			}
			o.note(e)
		}
		_ = c.cmd.Wait() // how it ended is of no interest
	}()
	o.crews = append(o.crews, c)
	return c
}

func (c *crew) end() {
	c.in.Close()
	<-c.done
}

func (c *crew) order(v any) {
	c.t.Helper()
	b, err := json.Marshal(v)
	if err == nil {
		_, err = c.in.Write(append(b, '\n'))
	}
	if err != nil {
		c.t.Error(err)
	}
}

// join makes members, and waits until they are in the fleet.
func (c *crew) join(kind string, count int, answers bool) {
	c.t.Helper()
	var names []string
	for i := range count {
		names = append(names, fmt.Sprintf("%s-%03d", kind, i))
	}
	c.order(map[string]any{"join": names, "token": c.token.String(), "answers": answers})
	c.untilOnline(kind, count)
}

// desk joins a member that may send.
func (c *crew) desk(may string) {
	c.t.Helper()
	c.order(map[string]any{"join": []string{"desk"}, "token": c.token.String()})
	c.untilOnline("desk", 1)
	c.allow("desk", may)
}

// send has desk send a message and waits until it is over, as far as it waits.
func (c *crew) send(m msg.Message, hosts ...string) *letter {
	l := &letter{m: m, receipts: map[string]msg.Receipt{}, sessions: map[string]msg.Receipt{}}
	c.change(func() { c.letters[m.ID] = l })
	c.order(map[string]any{"send": map[string]any{"by": "desk", "hosts": hosts, "message": m}})
	return l
}

// recall asks desk once more what it knows of a message that is over, until all
// is known: a member that is slow counts as failed, and what it says then counts.
func (c *crew) recall(l *letter) {
	c.t.Helper()
	c.until(c.t, l.m.Text+" is known", func() bool {
		if !l.over {
			return false
		}
		for _, r := range l.receipts {
			if strings.HasPrefix(r.Detail, "it did not answer") {
				l.over = false
				c.order(map[string]any{"recall": l.m.ID, "by": "desk"})
				return false
			}
		}
		return true
	})
}

// outcomes are those of each session of a message that is over. A receipt about
// the host alone is for as long as there is no other.
func (l *letter) outcomes() map[string]string {
	list := map[string]string{}
	for key, r := range l.sessions {
		if r.Session.ID != "" || len(l.sessions) == 1 {
			list[key] = string(r.Outcome)
		}
	}
	return list
}

// note puts on the board what a crew says.
func (o *office) note(e event) {
	o.change(func() {
		switch {
		case e.Sent != "":
			l := o.letters[e.Sent]
			l.over, l.err = true, e.Error
		case e.Error != "":
			o.errors = append(o.errors, e.Member+": "+e.Error)
		case e.Shown != "":
			o.show(e.Member, e.Shown)
		case e.Refused != "":
			o.refused[e.Refused]++
		case e.Receipt != nil:
			l := o.letters[e.Receipt.Message]
			l.receipts[e.Receipt.Session.Host] = *e.Receipt
			l.sessions[e.Receipt.Session.Host+"/"+e.Receipt.Session.ID] = *e.Receipt
			if e.Receipt.Final && e.Receipt.Outcome != msg.OutcomeFailed {
				o.heard++
			}
		case e.Log == "in the fleet":
			o.set(e.Member, true)
			if e.MaySend {
				o.maySend[e.Member]++
			}
		case e.Log == "the hub of the fleet is gone", e.Log == "the connection to the hub is ended here":
			o.set(e.Member, false)
		}
	})
}

// untilOnline waits until so many members of a kind are in the fleet.
func (o *office) untilOnline(kind string, count int) {
	o.t.Helper()
	o.until(o.t, fmt.Sprintf("%d of %s are in the fleet", count, kind), func() bool { return o.there[kind] >= count })
}

// untilConnected waits until the hub has a connection of a member. Nothing tells
// when that is, so it is asked again and again.
func (o *office) untilConnected(t testing.TB, name string) {
	t.Helper()
	admin, err := fleet.OpenAdministrator(o.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		list, err := admin.Members(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			if m.Name == name && m.Online {
				return
			}
		}
	}
	t.Fatalf("%s is never connected", name)
}

// grant lets a member send.
func (o *office) grant(name, may string) {
	o.t.Helper()
	admin, err := fleet.OpenAdministrator(o.dir)
	if err != nil {
		o.t.Fatal(err)
	}
	defer admin.Close()
	key, err := fleet.LoadKey(filepath.Join(o.dir, fleet.OrgKeyFile))
	if err != nil {
		o.t.Fatal(err)
	}
	m, err := fleet.ParseMay(may, time.Now())
	if err == nil {
		_, _, err = admin.Allow(context.Background(), key, name, nil, m)
	}
	if err != nil {
		o.t.Fatal(err)
	}
}

// allow lets a member of a crew send, and waits until it knows.
func (o *office) allow(name, may string) {
	o.t.Helper()
	before := 0
	o.change(func() { before = o.maySend[name] })
	o.grant(name, may)
	o.until(o.t, name+" may send", func() bool { return o.maySend[name] > before })
}
