package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"msg"
	"msg/internal/cli"
)

// ui is the one place of this command that speaks to the user. It takes
// receipts from several hosts at the same time, prints them and remembers what
// the exit code has to be.
type ui struct {
	ctx     context.Context // of the command
	out     *cli.Output
	err     io.Writer
	verbose bool
	json    bool
	many    bool // several hosts: name them

	// Set before the first receipt.
	message msg.Message
	words   []string
	target  msg.Target

	mu         sync.Mutex
	begun      map[string]bool // sessions that have a line already
	failed     bool
	unanswered bool
}

// problem prints an error that is about more than one session, of one host or,
// if that is empty, of all.
func (u *ui) problem(err error, host string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.failed = true
	if !u.many {
		host = ""
	}
	if lines := cli.MissingLines(err, host); lines != nil {
		for _, line := range lines {
			fmt.Fprintln(u.err, line)
		}
		u.noteFiles(err)
		return
	}
	fmt.Fprintln(u.err, cli.ErrorLine("msg", err))
}

// note prints something that does not change the exit code.
func (u *ui) note(line string) { fmt.Fprintln(u.err, line) }

// receipt prints what became of one session.
func (u *ui) receipt(r msg.Receipt) {
	u.mu.Lock()
	defer u.mu.Unlock()
	label := cli.SessionLabel(r.Session, u.many)
	u.begin(r, label)
	switch {
	case r.Final && r.Outcome.Bad() && u.interrupted():
		// Whoever has pressed Ctrl-C knows.
	case r.Final && r.Outcome.Bad():
		u.failed = true
		fmt.Fprintln(u.err, cli.FailedLine(r, label))
	case r.Final && r.Outcome == msg.OutcomeExpired:
		u.unanswered = true
	}
	if u.json {
		u.printJSON(r)
		return
	}
	if !u.verbose || !r.Final || r.Outcome.Bad() {
		return
	}
	if u.message.Wait {
		fmt.Fprintln(u.out, cli.WaitedLine(r, label, u.message))
	} else {
		fmt.Fprintln(u.out, cli.SentLine(label, r.Detail))
	}
}

// interrupted reports whether the user has ended the command.
func (u *ui) interrupted() bool { return errors.Is(u.ctx.Err(), context.Canceled) }

// begin prints the first line of a session.
func (u *ui) begin(r msg.Receipt, label string) {
	key := r.Session.Host + "\x00" + r.Session.ID
	if u.begun[key] {
		return
	}
	if u.begun == nil {
		u.begun = map[string]bool{}
	}
	u.begun[key] = true
	u.noteOnly(r.Session)
	if u.verbose && !u.json {
		fmt.Fprintln(u.out, cli.SendingLine(label, u.message.Timeout))
	}
}

// noteOnly tells how to reach one session of a user, when the word after the
// user is the ID of one: "msg bob 5 minutes left".
func (u *ui) noteOnly(s msg.Session) {
	if len(u.words) > 0 && len(u.target) == 1 && !u.target.All() && u.words[0] == s.ID {
		u.note(cli.OnlySessionLine(s.User, s.ID))
	}
}

// noteFiles tells of recipients that are nobody, but files.
func (u *ui) noteFiles(err error) {
	var none *msg.NoSessionError
	if !errors.As(err, &none) {
		return
	}
	for _, name := range none.Selectors {
		if exists(name) {
			u.note(cli.FileLine(name))
		}
	}
}

func (u *ui) printJSON(r msg.Receipt) {
	line, err := cli.JSONLine(r)
	if err != nil {
		fmt.Fprintln(u.err, cli.ErrorLine("msg", err))
		return
	}
	fmt.Fprint(u.out, line)
}

// exit is the exit code for all that was printed.
func (u *ui) exit() int {
	switch {
	case u.interrupted():
		return cli.ExitInterrupted
	case u.out.Err != nil:
		fmt.Fprintln(u.err, cli.ErrorLine("msg", cli.OutputError(u.out.Err)))
		return cli.ExitFailed
	case u.failed:
		return cli.ExitFailed
	case u.unanswered:
		return cli.ExitNoAnswer
	}
	return cli.ExitOK
}
