package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"msg"
	"msg/internal/account"
	"msg/internal/hosttest"
)

// The accounts of the computer in these tests: zoe is in group msg.
const (
	testPasswd = "root:x:0:0::/:/bin/sh\nalice:x:70001:70001::/:/bin/sh\nbob:x:70002:70002::/:/bin/sh\nzoe:x:70003:70003::/:/bin/sh\n"
	testGroup  = "root:x:0:\nmsg:x:70100:zoe\nadm:x:70101:bob\n"
)

var accountOf = map[string]string{"root": "0", "alice": "70001", "bob": "70002", "zoe": "70003"}

var signedIn = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

// seat is a terminal with somebody who does nothing but look.
func seat(id, user string) hosttest.Person {
	return hosttest.Person{Session: msg.Session{Host: "test", ID: id, Name: "pts/" + id, User: user, Account: accountOf[user],
		Kind: msg.KindTerminal, State: msg.StateActive, Type: "tty", Idle: msg.IdleUnknown, Since: signedIn, Source: "fake"}}
}

func does(p hosttest.Person, o msg.Outcome, after time.Duration) hosttest.Person {
	p.Does, p.After, p.Answer = o, after, ""
	if o == msg.OutcomeAnswered {
		p.Answer = msg.LabelOK
	}
	return p
}

func principal(user string) msg.Principal {
	p := msg.Principal{User: user, Account: accountOf[user], Host: "test", Superuser: user == "root", Groups: []string{user}}
	switch user {
	case "zoe":
		p.Groups = append(p.Groups, "msg")
	case "bob":
		p.Groups = append(p.Groups, "adm")
	}
	return p
}

// office is a Daemon that runs in front of a fake computer.
type office struct {
	*Daemon
	t    testing.TB
	fake *hosttest.Fake
	stop func() // ends it as a service manager does; more than once is fine
}

func quietLog() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func testAccounts(t testing.TB) *account.DB {
	t.Helper()
	etc := t.TempDir()
	for name, content := range map[string]string{"passwd": testPasswd, "group": testGroup} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return account.NewAt(etc)
}

func testConfig(t testing.TB) Config {
	t.Helper()
	c := DefaultConfig()
	c.Journal.Path = filepath.Join(t.TempDir(), "journal.db")
	return c
}

// run opens a Daemon and runs it until the test ends.
func run(t testing.TB, c Config, fake *hosttest.Fake) *office {
	t.Helper()
	return runOn(t, c, fake, fake)
}

// runOn is run with a computer around the fake one.
func runOn(t testing.TB, c Config, computer Computer, fake *hosttest.Fake) *office {
	t.Helper()
	return runFor(t, c, computer, fake, testAccounts(t))
}

// runFor is runOn where these are the accounts.
func runFor(t testing.TB, c Config, computer Computer, fake *hosttest.Fake, accounts *account.DB) *office {
	t.Helper()
	d, err := Open(c, computer, accounts, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	o := &office{Daemon: d, t: t, fake: fake, stop: sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-ended, d.Close()); err != nil {
			t.Error(err)
		}
	})}
	t.Cleanup(o.stop)
	return o
}

// newMessage is what a client asks for.
func newMessage(text string) msg.Message { return msg.Message{Text: text, Timeout: time.Minute} }

func question(text string) msg.Message {
	return msg.Message{Text: text, Timeout: time.Minute, Wait: true}
}

// send sends as somebody, and waits for the end.
func (o *office) send(user, to string, m msg.Message) ([]msg.Receipt, error) {
	return o.sendUntil(context.Background(), user, to, m)
}

func (o *office) sendUntil(ctx context.Context, user, to string, m msg.Message) (receipts []msg.Receipt, err error) {
	o.t.Helper()
	t, err := msg.ParseTarget(to)
	if err != nil {
		o.t.Fatal(err)
	}
	err = o.Send(ctx, principal(user), t, m, func(r msg.Receipt) { receipts = append(receipts, r) })
	return receipts, err
}

// must is send for what has to go well.
func (o *office) must(user, to string, m msg.Message) []msg.Receipt {
	o.t.Helper()
	receipts, err := o.send(user, to, m)
	if err != nil {
		o.t.Fatalf("%s to %s: %v", user, to, err)
	}
	return receipts
}

// records reads what somebody may know of, the newest first.
func (o *office) records(user, id string) (list []msg.Record) {
	o.t.Helper()
	if err := o.Messages(context.Background(), principal(user), id, 0, func(r msg.Record) { list = append(list, r) }); err != nil {
		o.t.Fatal(err)
	}
	return list
}

func (o *office) shows(id, text string) int {
	return strings.Count(o.fake.Screen(msg.Session{ID: id}).String(), text)
}

// last sums up receipts: "1 accepted, 2 refused", the last of each session and
// in the order of these.
func last(receipts []msg.Receipt) string {
	outcomes := map[string]string{}
	for _, r := range receipts {
		key := r.Session.ID
		if key == "" {
			key = r.Session.User
		}
		outcomes[key] = string(r.Outcome)
		if !r.Final {
			outcomes[key] += "..."
		}
	}
	var list []string
	for key, o := range outcomes {
		list = append(list, key+" "+o)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func want(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
