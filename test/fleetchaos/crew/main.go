// Command crew is members of a fleet in one process, with people who are not
// there, for the tests of test/fleetchaos. It takes orders as lines of JSON on
// standard input, tells what happens as lines of JSON on standard output, and
// ends when standard input does. It is a program of its own because signatures
// cost far more in a test program, with the race detector.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"msg"
	"msg/internal/fleet"
	"msg/internal/hosttest"
)

// order is one line of the input; one of its first fields is set.
type order struct {
	Join []string `json:"join"` // names of computers that become members
	Send *send    `json:"send"`

	// Answer is what people answer to the message To, on these members.
	Answer []string `json:"answer"`
	To     string   `json:"to"`

	Recall string `json:"recall"` // an ID: what the sender By knows by now
	By     string `json:"by"`

	Answers bool   `json:"answers"` // with join: people answer at once
	Token   string `json:"token"`   // with join
}

// send has one member send a message.
type send struct {
	By      string      `json:"by"`
	Hosts   []string    `json:"hosts"`
	Message msg.Message `json:"message"`
}

// event is one line of the output.
type event struct {
	Member  string       `json:"member,omitempty"`
	Log     string       `json:"log,omitempty"`      // a line that it logged
	MaySend bool         `json:"may_send,omitempty"` // with that line
	Shown   string       `json:"shown,omitempty"`    // a text
	Refused string       `json:"refused,omitempty"`  // why
	Receipt *msg.Receipt `json:"receipt,omitempty"`
	Sent    string       `json:"sent,omitempty"` // the ID of a message that is over
	Error   string       `json:"error,omitempty"`
}

// hurry is how long members wait at most before they try again.
const hurry = 300 * time.Millisecond

// crew is all that is here.
type crew struct {
	dir string

	mu      sync.Mutex
	members map[string]*fleet.Node
	people  map[string]*hosttest.Fake
	out     *json.Encoder
}

func main() {
	dir, err := os.MkdirTemp("", "crew")
	if err != nil {
		fmt.Fprintln(os.Stderr, "crew:", err)
		os.Exit(1)
	}
	defer os.RemoveAll(dir)
	c := &crew{dir: dir, members: map[string]*fleet.Node{}, people: map[string]*hosttest.Fake{}, out: json.NewEncoder(os.Stdout)}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			c.tell(event{Error: err.Error()})
			continue
		}
		switch {
		case o.Send != nil:
			go c.send(*o.Send)
		case o.Answer != nil:
			c.answer(o)
		case o.Recall != "":
			c.recall(o)
		default:
			c.join(o)
		}
	}
}

func (c *crew) tell(e event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.out.Encode(e) // without a reader this process ends anyway
}

// join makes members, several at a time, and runs them.
func (c *crew) join(o order) {
	token, err := fleet.ParseJoinToken(o.Token)
	if err != nil {
		c.tell(event{Error: err.Error()})
		return
	}
	names := make(chan string)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for name := range names {
				if err := c.run(name, token, o.Answers); err != nil {
					c.tell(event{Member: name, Error: err.Error()})
				}
			}
		})
	}
	for _, name := range o.Join {
		names <- name
	}
	close(names)
	all.Wait()
}

// run runs one member until the process ends.
func (c *crew) run(name string, token fleet.JoinToken, answers bool) error {
	dir := filepath.Join(c.dir, name)
	if err := fleet.Join(context.Background(), dir, name, token); err != nil {
		return err
	}
	p := hosttest.Person{Session: msg.Session{Host: name, ID: "1", Name: "pts/1", User: "bob", Account: "1000", Kind: msg.KindTerminal, State: msg.StateActive, Idle: msg.IdleUnknown, Source: "fake"}}
	if answers {
		p.Does, p.Answer = msg.OutcomeAnswered, msg.LabelOK
	}
	fake := hosttest.NewFake(p)
	fake.Shown = func(_ msg.Session, m msg.Message) { c.tell(event{Member: name, Shown: m.Text}) }
	n, err := fleet.Open(dir, "1.0", fleet.Local{
		Send: func(ctx context.Context, _ msg.Principal, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
			return fake.Send(ctx, t, m, report)
		},
		Follow:   func(context.Context, string, func(msg.Receipt)) (bool, error) { return false, nil },
		Refuse:   func(_, _, reason string) { c.tell(event{Member: name, Refused: reason}) },
		Sessions: func(ctx context.Context, _ msg.Principal) ([]msg.Session, error) { return fake.Sessions(ctx) },
		InGroup:  func(string, string) bool { return false },
	}, slog.New(teller{c, name}))
	if err != nil {
		return err
	}
	n.Hurry(hurry)
	c.mu.Lock()
	c.members[name], c.people[name] = n, fake
	c.mu.Unlock()
	go func() {
		if err := n.Run(context.Background()); err != nil {
			c.tell(event{Member: name, Error: err.Error()})
		}
	}()
	return nil
}

// recall tells what the sender of a message has written down.
func (c *crew) recall(o order) {
	c.mu.Lock()
	n := c.members[o.By]
	c.mu.Unlock()
	for _, r := range n.Records(root, o.Recall) {
		for _, x := range r.Receipts {
			c.tell(event{Member: o.By, Receipt: &x})
		}
	}
	c.tell(event{Member: o.By, Sent: o.Recall})
}

// answer has people answer, who were asked before.
func (c *crew) answer(o order) {
	for _, name := range o.Answer {
		c.mu.Lock()
		fake := c.people[name]
		c.mu.Unlock()
		if _, err := fake.Answer(context.Background(), msg.Principal{Account: "1000"}, msg.Answer{Message: o.To, Button: msg.LabelOK}); err != nil {
			c.tell(event{Member: name, Error: err.Error()})
		}
	}
}

var root = msg.Principal{User: "root", Account: "0", Superuser: true}

// send sends a message as root.
func (c *crew) send(s send) {
	c.mu.Lock()
	n := c.members[s.By]
	c.mu.Unlock()
	e := event{Member: s.By, Sent: s.Message.ID}
	err := fmt.Errorf("there is no member %q here", s.By)
	if n != nil {
		err = n.Send(context.Background(), root, s.Hosts, msg.Target{msg.ParseSelector("*")}, s.Message,
			func(r msg.Receipt) { c.tell(event{Member: s.By, Receipt: &r}) }, func(msg.Reach) {})
	}
	if err != nil {
		e.Error = err.Error()
	}
	c.tell(e)
}

// teller is the log of a member.
type teller struct {
	crew   *crew
	member string
}

// Enabled implements slog.Handler.
func (teller) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

// Handle implements slog.Handler.
func (t teller) Handle(_ context.Context, r slog.Record) error {
	e := event{Member: t.member, Log: r.Message}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "may_send" {
			e.MaySend = a.Value.Bool()
		}
		return true
	})
	t.crew.tell(e)
	return nil
}

// WithAttrs implements slog.Handler.
func (t teller) WithAttrs([]slog.Attr) slog.Handler { return t }

// WithGroup implements slog.Handler.
func (t teller) WithGroup(string) slog.Handler { return t }
