package route

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"msg"
	"msg/internal/control"
	"msg/internal/hosttest"
	"msg/internal/ssh"
)

// TestContract runs the contract of a Host through the msgd of this computer
// that is not running.
func TestContract(t *testing.T) {
	hosttest.Contract(t, func(t *testing.T) hosttest.Fixture {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		fake := hosttest.NewFake(
			hosttest.Person{Session: msg.Session{Host: "here", ID: "1", Name: "pts/1", User: "alice", Account: "1001", Kind: msg.KindTerminal, State: msg.StateActive, Source: "fake"}},
			hosttest.Person{Session: msg.Session{Host: "here", ID: "2", Name: "pts/2", User: "alice", Account: "1001", Kind: msg.KindTerminal, State: msg.StateActive, Source: "fake"}},
			hosttest.Person{Session: msg.Session{Host: "here", ID: "3", Name: "pts/3", User: "bob", Account: "1002", Kind: msg.KindTerminal, State: msg.StateActive, Source: "fake"}},
		)
		r := Router{Open: func() (msg.Host, error) { return fake, nil }, Sender: func() string { return "root@here" }, Socket: filepath.Join(dir, "msgd.sock"), OwnDir: dir,
			Warn: func(err error) { t.Log(err) }}
		c, err := r.To(t.Context(), "localhost")
		if err != nil {
			t.Fatal(err)
		}
		return hosttest.Fixture{Host: c, Screen: fake.Screen, Waits: true}
	})
}

func TestTo(t *testing.T) {
	var r Router
	for name, want := range map[string]string{
		"RPC://web1":          `"RPC://web1": no route: msg-remote is not installed on this computer`,
		"http://web1":         `"http://web1": no route: there is none that is called "http"`,
		"ssh://":              `"ssh://": no host is named`,
		"ssh://a b":           `"ssh://a b": that is not the name of a host`,
		"-oProxyCommand=evil": `"-oProxyCommand=evil": that is not the name of a host`,
		"x\x1b[2J\u202e":      `"x^[[2J<U+202E>": that is not the name of a host`,
	} {
		if c, err := r.To(t.Context(), name); err == nil || err.Error() != want {
			t.Errorf("%q: %v, %v; want %s", name, c, err, want)
		}
	}
	for _, name := range []string{"localhost", ".", "127.0.0.1", `\\localhost`} {
		if c, err := r.To(t.Context(), name); err != nil || c.By != "" {
			t.Errorf("%q: %+v, %v", name, c, err)
		}
	}
	for name, member := range map[string]string{"fleet://web1": "web1", "FLEET://tag:lab/": "tag:lab"} {
		if c, err := r.To(t.Context(), name); err != nil || c.By != "the fleet" || len(c.members) != 1 || c.members[0] != member {
			t.Errorf("%q: %+v, %v", name, c, err)
		}
	}
	for name, why := range map[string]string{"ssh://web1": "its name says so", "SSH://bob@web1:22/": "its name says so"} {
		if c, err := r.To(t.Context(), name); err != nil || c.By != "ssh" || c.Why != why {
			t.Errorf("%q: %+v, %v", name, c, err)
		}
	}
}

// TestLimited holds that a request ends some time, unless it is to wait until
// somebody answers.
func TestLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			message msg.Message
			ask     bool
			want    time.Duration
		}{
			{msg.Message{Timeout: time.Hour, Queue: time.Hour}, false, answerTime},
			{msg.Message{Timeout: time.Hour, Wait: true}, false, time.Hour + answerTime},
			{msg.Message{Timeout: time.Hour, Wait: true, Queue: time.Hour}, false, 2*time.Hour + answerTime},
			{msg.Message{}, true, answerTime + ssh.AskTimeout},
		} {
			computer := Computer{router: Router{Ask: c.ask}}
			ctx, cancel := computer.limited(t.Context(), c.message)
			begin := time.Now()
			<-ctx.Done()
			if got := time.Since(begin); got != c.want || context.Cause(ctx).Error() != "there was no reply for "+c.want.String() {
				t.Errorf("%+v: %v, %v", c.message, got, context.Cause(ctx))
			}
			cancel()
		}
		ctx, cancel := new(Computer).limited(t.Context(), msg.Message{Wait: true})
		defer cancel()
		if _, ends := ctx.Deadline(); ends {
			t.Error("a message that waits until it is answered ends by itself")
		}
	})
}

// TestAnswers holds that a msg that waits offers nothing but to answer, on a
// socket that goes with it.
func TestAnswers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run") // takeAnswers makes it
	s := msg.Session{Host: "here", ID: "1", Name: "pts/1", User: "alice", Account: "1001", Kind: msg.KindTerminal}
	fake := hosttest.NewFake(hosttest.Person{Session: s})
	var warned error
	r := Router{Socket: filepath.Join(dir, "msgd.sock"), OwnDir: dir, Warn: func(err error) { warned = err }}
	stop := r.takeAnswers(fake)
	sockets, err := filepath.Glob(filepath.Join(dir, answerSockets))
	if err != nil || len(sockets) != 1 {
		t.Skipf("there are no such sockets on this system: %q, %v, %v", sockets, err, warned)
	}
	c := control.NewClient(control.DialLocal(sockets[0]), "")
	_, sessionsErr := c.Sessions(t.Context())
	_, dndErr := c.DND(t.Context())
	target, err := msg.ParseTarget("*")
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"sessions": sessionsErr, "dnd": dndErr, "set dnd": c.SetDND(t.Context(), msg.DND{On: true}),
		"send":     c.Send(t.Context(), target, hosttest.Message("never"), func(msg.Receipt) { t.Error("a receipt") }),
		"messages": c.Messages(t.Context(), "", 1, func(msg.Record) { t.Error("a record") }),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if fake.Screen(s).String() != "" {
		t.Error("something is shown")
	}
	if _, err := r.Answer(t.Context(), msg.Answer{Button: "OK"}); !errors.Is(err, msg.ErrNothing) {
		t.Errorf("Answer: %v", err)
	}
	stop()
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := r.Answer(t.Context(), msg.Answer{Button: "OK"}); !errors.Is(err, control.ErrNoDaemon) {
		t.Errorf("Answer when it is over: %v", err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	r.takeAnswers(fake)()
	if warned == nil {
		t.Error("answers are taken in a folder of everybody's")
	}
}

// taker takes every answer, or says what is wrong with it.
type taker struct {
	id  string
	err error
}

func (x taker) Answer(context.Context, msg.Principal, msg.Answer) (msg.Receipt, error) {
	return msg.Receipt{Message: x.id, Outcome: msg.OutcomeAnswered, Answer: "No", At: time.Now(), Final: true}, x.err
}

// TestAnswersNewest: of several that wait, the one that came last is meant, and
// no other if it has no such button.
func TestAnswersNewest(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := Router{Socket: filepath.Join(dir, "msgd.sock"), OwnDir: dir}
	wait := func(name string, age time.Duration, x taker) {
		path := filepath.Join(dir, name)
		l, err := control.Listen(path, 0o666)
		if err != nil {
			t.Skipf("there are no such sockets on this system: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- (&control.Server{Service: answers{x}, Host: "here"}).Serve(ctx, l) }()
		t.Cleanup(func() {
			cancel()
			<-ended
		})
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	wait("answer-100.sock", time.Hour, taker{id: "01K4EXYZ0123456789ABCDEFG1"})
	wait("answer-99.sock", time.Minute, taker{id: "01K4EXYZ0123456789ABCDEFG2"})
	wait("answer-98.sock", 2*time.Hour, taker{id: "01K4EXYZ0123456789ABCDEFG3"})
	if receipt, err := r.Answer(t.Context(), msg.Answer{Button: "no"}); err != nil || receipt.Message != "01K4EXYZ0123456789ABCDEFG2" {
		t.Errorf("%+v, %v", receipt, err)
	}
	wait("answer-97.sock", time.Second, taker{err: msg.ErrButton})
	if receipt, err := r.Answer(t.Context(), msg.Answer{Button: "no"}); !errors.Is(err, msg.ErrButton) {
		t.Errorf("another message is answered: %+v, %v", receipt, err)
	}
}
