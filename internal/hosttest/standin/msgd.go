// Package standin has what the scripts of the commands need beside a fake
// computer: a msgd, an ssh and Windows computers that
// reach nobody.
//
// It is imported by tests only. Start with Setup and Daemon.
package standin

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"msg"
	"msg/internal/control"
	"msg/internal/hosttest"
)

// Daemon is the testscript command
//
//	daemon [HOST [PEOPLE]]
//
// It runs a msgd until the script ends: that of this computer or of HOST, which
// the fake ssh reaches, with the people in a file (people.json). What they are
// shown is in the folder screens, or screens/HOST. If there is a file
// members.json, the msgd may send to the fleet in it; each of its members that
// is online has the same people.
func Daemon(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 2 {
		ts.Fatalf("usage: daemon [HOST [PEOPLE]]")
	}
	host, dir, people, screens := "here", ts.MkAbs("run"), "people.json", ts.MkAbs("screens")
	if len(args) > 0 {
		host = args[0]
		dir, screens = ts.MkAbs(filepath.Join("ssh", host)), filepath.Join(screens, host)
	}
	if len(args) > 1 {
		people = args[1]
	}
	fake, err := hosttest.ReadFake(strings.NewReader(ts.ReadFile(people)))
	ts.Check(err)
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(os.MkdirAll(screens, 0o755))
	l, err := control.Listen(filepath.Join(dir, socket), 0o666)
	ts.Check(err)
	d := &msgd{desk: Desk{fake}, screens: screens}
	server := control.Server{Service: d, Host: host, Fleet: fleetOf(ts, d)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, l) }()
	ts.Defer(func() {
		cancel()
		<-ended
	})
}

// msgd is the smallest control.Service that behaves: it trusts everybody.
type msgd struct {
	desk    Desk
	screens string

	mu      sync.Mutex
	dnd     msg.DND
	records []msg.Record // the newest last
}

// Sessions lists the sessions.
func (d *msgd) Sessions(ctx context.Context, _ msg.Principal) ([]msg.Session, error) {
	return d.desk.Sessions(ctx)
}

// Send sends, and keeps for whoever is not there.
func (d *msgd) Send(ctx context.Context, p msg.Principal, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
	if strings.Contains(m.Text, "forbidden") {
		return fmt.Errorf("%w: %s may not send to %s", msg.ErrRefused, p.Sender(), strings.Join(t.Strings(), ", "))
	}
	m.From = "root@here" // not the one of the message
	record := msg.Record{Message: m, Account: p.Account, To: t.Strings()}
	final := func(r msg.Receipt) {
		if r.Final {
			record.Receipts = append(record.Receipts, r)
		}
		report(r)
	}
	err := d.desk.Send(ctx, t, m, final)
	if none, ok := err.(*msg.NoSessionError); ok && m.Queue > 0 {
		for _, name := range none.Selectors {
			final(msg.Receipt{Message: m.ID, Session: msg.Session{Host: "here", User: name}, Outcome: msg.OutcomeQueued, At: time.Now(), Final: true})
		}
		err = nil
	}
	d.mu.Lock()
	d.records = append(d.records, record)
	d.mu.Unlock()
	if saved := d.desk.Save(d.screens); saved != nil {
		return saved
	}
	return err
}

// Answer answers.
func (d *msgd) Answer(ctx context.Context, p msg.Principal, a msg.Answer) (msg.Receipt, error) {
	return d.desk.Answer(ctx, p, a)
}

// SetDND sets it for everybody.
func (d *msgd) SetDND(_ context.Context, _ msg.Principal, dnd msg.DND) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dnd = dnd
	return nil
}

// DND tells it.
func (d *msgd) DND(context.Context, msg.Principal) (msg.DND, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dnd, nil
}

// Messages tells what was sent through it.
func (d *msgd) Messages(_ context.Context, _ msg.Principal, id string, limit int, report func(msg.Record)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, r := range slices.Backward(d.records) {
		if id != "" && msg.IsID(id, r.Message.ID) || id == "" && len(d.records)-i <= limit {
			report(r)
		}
	}
	return nil
}
