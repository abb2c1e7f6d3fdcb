package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

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
	done       int             // sessions that have their final receipt
	answered   int
	failed     bool
	unanswered bool
	progress   progress
	late       bool // the wait is long enough for a progress line
	timer      *time.Timer
	reach      *msg.Reach // of a message to the fleet; nil before anything is known
	wholes     int        // members that it did not reach
}

// progressAfter is when a wait is long enough to tell how it goes.
const progressAfter = time.Second

// showProgress lets a long wait be told of on a terminal.
func (u *ui) showProgress(terminal io.Writer) {
	u.progress.w = terminal
	u.timer = time.AfterFunc(progressAfter, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.late = true
		u.redraw()
	})
}

// hideProgress is for the end.
func (u *ui) hideProgress() {
	if u.timer != nil {
		u.timer.Stop()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.progress.erase()
	u.late = false
}

// redraw brings the progress line up to date. The caller holds mu.
func (u *ui) redraw() {
	if u.late && u.reach != nil {
		u.progress.draw(cli.ReachLine(*u.reach))
		return
	}
	if total := len(u.begun); u.late && total > u.done {
		u.progress.draw(cli.ProgressLine(u.answered, total-u.done, total))
	}
}

// say prints a line on standard output.
func (u *ui) say(line string) { u.print(u.out, line) }

// warn prints a line on standard error.
func (u *ui) warn(line string) { u.print(u.err, line) }

// print writes where the progress line is not. The caller holds mu.
func (u *ui) print(w io.Writer, line string) {
	u.progress.erase()
	fmt.Fprintln(w, line)
}

// problem prints an error that is about more than one session, of one host or,
// if that is empty, of all.
func (u *ui) problem(err error, host string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	defer u.redraw()
	u.failed = true
	if !u.many {
		host = ""
	}
	if lines := cli.MissingLines(err, host); lines != nil {
		for _, line := range lines {
			u.warn(line)
		}
		u.noteFiles(err)
		return
	}
	if lines := cli.SystemLines("msg", err); lines != nil {
		for _, line := range lines {
			u.warn(line)
		}
		return
	}
	u.warn(cli.ErrorLine("msg", err))
}

// note prints something that does not change the exit code.
func (u *ui) note(line string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.warn(line)
	u.redraw()
}

// route says by which way another computer is reached.
func (u *ui) route(host, by, why string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.verbose && !u.json {
		u.say(cli.RouteLine(host, by, why))
	}
}

// receipt prints what became of one session.
func (u *ui) receipt(r msg.Receipt) {
	u.mu.Lock()
	defer u.mu.Unlock()
	defer u.redraw()
	if cli.IsWhole(r.Session) {
		u.whole(r)
		return
	}
	label := cli.SessionLabel(r.Session, u.many)
	u.begin(r, label)
	if r.Final {
		u.count(r, label)
	}
	if u.json {
		u.printJSON(r)
		return
	}
	switch {
	case !u.verbose:
	case r.Outcome == msg.OutcomeQueued: // and final only if nobody waits
		u.say(cli.QueuedLine(label, u.message.Queue))
	case !r.Final || r.Outcome.Bad():
	case u.message.Wait:
		u.say(cli.WaitedLine(r, label, u.message))
	default:
		u.say(cli.SentLine(label, r.Detail))
	}
}

// count remembers how a session ended, and tells of a failure.
func (u *ui) count(r msg.Receipt, label string) {
	u.done++
	switch {
	case r.Outcome.Bad() && u.interrupted():
		// Whoever has pressed Ctrl-C knows.
	case r.Outcome.Bad():
		u.failed = true
		u.warn(cli.FailedLine(r, label))
	case r.Outcome == msg.OutcomeAnswered:
		u.answered++
	case r.Outcome != msg.OutcomeDismissed && u.message.Wait:
		u.unanswered = true
	}
}

// interrupted reports whether the user has ended the command.
func (u *ui) interrupted() bool { return errors.Is(u.ctx.Err(), context.Canceled) }

// begin prints the first line of a session. A person for whom the message was
// kept has none, until it is shown.
func (u *ui) begin(r msg.Receipt, label string) {
	person := r.Session.Host + "\x00\x00" + r.Session.User
	key := r.Session.Host + "\x00" + r.Session.ID
	if r.Session.ID == "" {
		key = person
	} else {
		delete(u.begun, person)
	}
	if u.begun[key] {
		return
	}
	if u.begun == nil {
		u.begun = map[string]bool{}
	}
	u.begun[key] = true
	u.noteOnly(r.Session)
	if u.verbose && !u.json && r.Outcome != msg.OutcomeQueued {
		u.say(cli.SendingLine(label, u.message.Timeout))
	}
}

// noteOnly tells how to reach one session of a user, when the word after the
// user is the ID of one: "msg bob 5 minutes left".
func (u *ui) noteOnly(s msg.Session) {
	if len(u.words) > 0 && len(u.target) == 1 && !u.target.All() && u.words[0] == s.ID {
		u.warn(cli.OnlySessionLine(cli.UserLabel(s), s.ID))
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
			u.warn(cli.FileLine(name))
		}
	}
}

// result prints what came of a question that is not about sessions.
func (u *ui) result(line string, v any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.json {
		u.printJSON(v)
	} else {
		u.say(line)
	}
}

func (u *ui) printJSON(v any) {
	line, err := cli.JSONLine(v)
	if err != nil {
		u.warn(cli.ErrorLine("msg", err))
		return
	}
	u.progress.erase()
	fmt.Fprint(u.out, line)
}

// exit ends the output and returns the exit code for all that was printed.
func (u *ui) exit() int {
	u.hideProgress()
	switch {
	case u.interrupted():
		return cli.ExitInterrupted
	case u.out.Err != nil:
		u.warn(cli.ErrorLine("msg", cli.OutputError(u.out.Err)))
		return cli.ExitFailed
	case u.failed:
		return cli.ExitFailed
	case u.unanswered:
		return cli.ExitNoAnswer
	}
	return cli.ExitOK
}
