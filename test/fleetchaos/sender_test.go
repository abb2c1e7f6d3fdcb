package fleetchaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/control"
	"msg/internal/hosttest"
)

// computer is the real msgd with folders of its own.
type computer struct {
	t      *testing.T
	name   string
	config string
	fleet  string // its folder as a member
	socket string
	log    *hosttest.Screen
	msgd   *service
}

// computer makes a member that is a process of msgd. Nobody is signed in there.
func (o *office) computer(t *testing.T, name, socket string) *computer {
	t.Helper()
	dir := t.TempDir()
	c := &computer{t: t, name: name, config: filepath.Join(dir, "msgd.toml"), socket: socket, log: &hosttest.Screen{}}
	c.fleet = filepath.Join(dir, "fleet")
	config := fmt.Sprintf("[journal]\npath = %q\n[fleet]\npath = %q\n", filepath.Join(dir, "journal.db"), c.fleet)
	if err := os.WriteFile(c.config, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program(t, "msgd"), "join", "--config", c.config, "--name", name, o.token.String()).CombinedOutput(); err != nil {
		t.Fatalf("msgd join: %v\n%s", err, out)
	}
	c.start()
	t.Cleanup(func() { c.msgd.end(os.Kill) })
	o.untilConnected(t, name)
	return c
}

func (c *computer) start() {
	c.t.Helper()
	c.msgd = serve(c.t, c.log, program(c.t, "msgd"), "serve", "--config", c.config, "--socket", c.socket)
}

func (c *computer) client() *control.Client {
	return control.NewClient(control.DialLocal(c.socket), c.name)
}

// maySend gives it a grant, and waits until it has it.
func (c *computer) maySend(o *office, may string) {
	c.t.Helper()
	before := c.log.Len()
	o.grant(c.name, may)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if !c.log.WaitAfter(ctx, before, "may_send=true") {
		c.t.Fatalf("%s may never send:\n%s", c.name, c.log)
	}
}

// record asks for what came of a message until it is so.
func (c *computer) record(id string, is func(msg.Record) bool) msg.Record {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var last msg.Record
	for ctx.Err() == nil {
		if err := c.client().Messages(ctx, id, 0, func(r msg.Record) { last = r }); err != nil {
			c.t.Fatal(err)
		}
		if is(last) {
			return last
		}
	}
	c.t.Fatalf("the sender never knows: %+v", last)
	return last
}

// TestSenderKilled holds that the msgd of the sender may be killed while answers
// come: it goes on when it is back, and query message shows all.
func TestSenderKilled(t *testing.T) {
	needNamespaces(t)
	t.Parallel()
	o := newOffice(t, "127.0.0.1")
	c := o.crew()
	const people = 30
	c.join("lab", people, false)
	desk := o.computer(t, "desk-1", control.Socket)
	desk.maySend(o, "send to lab-*, broadcast, 100 a minute")

	m := msg.Message{ID: msg.NewID(time.Now()), Sent: time.Now(), Timeout: time.Hour, Wait: true, Text: "Done?"}
	sending := make(chan error, 1)
	answered, asked := 0, map[string]bool{}
	go func() {
		sending <- desk.client().SendTo(context.Background(), []string{"lab-*"}, msg.Target{msg.ParseSelector("*")}, m, func(r msg.Receipt) {
			o.change(func() {
				asked[r.Session.Host] = true
				if r.Outcome == msg.OutcomeAnswered {
					answered++
				}
			})
		}, nil)
	}()
	o.until(t, "all are asked", func() bool { return len(asked) == people })
	var third [3][]string
	for i := range people {
		third[i%3] = append(third[i%3], fmt.Sprintf("lab-%03d", i))
	}
	answer := func(names []string) { c.order(map[string]any{"answer": names, "to": m.ID}) }
	answer(third[0])
	o.until(t, "the first answer has come", func() bool { return answered > 0 })
	desk.msgd.end(os.Kill)
	if err := <-sending; err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("the sender was told: %v", err)
	}
	answer(third[1])
	desk.start()
	answer(third[2])
	r := desk.record(m.ID, func(r msg.Record) bool {
		n := 0
		for _, x := range r.Receipts {
			if x.Outcome == msg.OutcomeAnswered && x.Final {
				n++
			}
		}
		return n == people
	})
	if len(r.Receipts) != people {
		t.Errorf("there are %d receipts", len(r.Receipts))
	}
	for i := range people {
		if n := o.counts("Done?")[fmt.Sprintf("lab-%03d", i)]; n != 1 {
			t.Errorf("lab-%03d was asked %d times", i, n)
		}
	}
	out, err := exec.Command(program(t, "query"), "message", m.ID).CombinedOutput()
	if err != nil || strings.Count(string(out), "(bob): OK, ") != people {
		t.Errorf("query message: %v\n%s", err, out)
	}
	o.change(func() {
		if len(o.refused) > 0 {
			t.Errorf("what was sent again is refused as a replay: %v", o.refused)
		}
	})
}
