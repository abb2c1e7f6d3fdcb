package fleetchaos

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"msg"
	"msg/internal/account"
	"msg/internal/daemon"
	"msg/internal/fleet"
	"msg/internal/hosttest"
)

// A member that is killed at a point of its own choosing: the folder is in
// markMember, the point in markPoint. It says on standard output what happens.
const markPoint = "MSG_TEST_CHAOS_POINT"

// Where it stops, to be killed.
const (
	pointSpooled = "spooled" // in the inbox, and msgd's journal has not heard of it
	pointDrawing = "drawing" // in the journal, and about to be on the screens
	pointShown   = "shown"   // over in the journal, and the inbox does not know
	pointAsked   = "asked"   // four of five have answered
	pointNone    = "none"    // it lives; the fifth answers
)

// seats is how many people are signed in there.
const seats = 5

// memberMain is that member, made of what cmd/msgd makes a member of.
func memberMain() int {
	if err := runMember(os.Getenv(markMember), os.Getenv(markPoint)); err != nil {
		fmt.Println("error", err)
		return 1
	}
	return 0
}

func runMember(dir, point string) error {
	stop := func(at string) {
		if at == point {
			fmt.Println("at", at)
			select {} // until it is killed
		}
	}
	var people []hosttest.Person
	for i := range seats {
		id := fmt.Sprint(i + 1)
		p := hosttest.Person{Session: msg.Session{Host: "lab-07", ID: id, Name: "pts/" + id, User: "bob", Account: "70002", Kind: msg.KindTerminal, State: msg.StateActive, Idle: msg.IdleUnknown, Source: "fake"}}
		if i < seats-1 || point == pointNone {
			p.Does, p.Answer = msg.OutcomeAnswered, msg.LabelOK
		}
		people = append(people, p)
	}
	fake := hosttest.NewFake(people...)
	fake.Shown = func(s msg.Session, m msg.Message) {
		stop(pointDrawing)
		fmt.Println("shown", s.ID, m.Again, m.Text)
	}
	config := daemon.DefaultConfig()
	config.Journal.Path = filepath.Join(dir, "journal.db")
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	d, err := daemon.Open(config, fake, account.NewAt(dir), log)
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- d.Run(context.Background()) }()
	n, err := fleet.Open(filepath.Join(dir, "fleet"), "1.0", fleet.Local{
		Send: func(ctx context.Context, p msg.Principal, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
			stop(pointSpooled)
			answered := 0
			err := d.Send(ctx, p, t, m, func(r msg.Receipt) {
				report(r)
				if r.Outcome == msg.OutcomeAnswered {
					if answered++; answered == seats-1 {
						stop(pointAsked)
					}
				}
			})
			stop(pointShown)
			return err
		},
		Follow: d.Follow, Refuse: d.NoteRefused, Sessions: d.Sessions,
		InGroup: func(string, string) bool { return false },
	}, log)
	if err != nil {
		return err
	}
	n.Hurry(100 * time.Millisecond)
	go func() { ended <- n.Run(context.Background()) }()
	go func() { // whoever started it is gone
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		os.Exit(1)
	}()
	return <-ended
}
