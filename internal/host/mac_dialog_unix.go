//go:build darwin || linux

package host

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"msg"
	"msg/internal/text"
)

// macScript shows a dialog. It is the same for every message: text, title, time
// and buttons are arguments, so that nothing in them is ever read as a program.
// A button called Cancel is a Cancel button, which the language tells as an
// error, with the number that closing without a button has.
const macScript = `on run argv
	set theLimit to (item 3 of argv) as integer
	set theLabels to items 4 thru -1 of argv
	try
		activate
	end try
	try
		if theLimit > 0 then
			set theReply to display dialog (item 1 of argv) with title (item 2 of argv) buttons theLabels default button (count of theLabels) giving up after theLimit
		else
			set theReply to display dialog (item 1 of argv) with title (item 2 of argv) buttons theLabels default button (count of theLabels)
		end if
	on error number -128
		return "closed"
	end try
	if theLimit > 0 then
		if gave up of theReply then return "gave up"
	end if
	return "pressed " & (button returned of theReply)
end run`

// What macScript returns.
const (
	macClosed  = "closed"
	macGaveUp  = "gave up"
	macPressed = "pressed "
)

// macDialogArgs are the arguments of osascript. "--" ends its options: the text
// may begin with a hyphen.
func macDialogArgs(m msg.Message) []string {
	title, by := heading(m)
	body := text.Plain(m.Text)
	if by != "" {
		body += "\n\n" + by
	}
	args := []string{"-e", macScript, "--", body, title, strconv.Itoa(macSeconds(m.Timeout))}
	return append(args, macLabels(m)...)
}

// macLabels are the buttons from left to right; on a Mac the default, which
// comes first elsewhere, is the one on the right.
func macLabels(m msg.Message) []string {
	if !m.Wait { // nobody would learn of another answer
		return []string{msg.LabelOK}
	}
	labels := m.Buttons.Labels()
	slices.Reverse(labels)
	return labels
}

// macSeconds is a time-out in whole seconds, 0 for none. An integer of
// AppleScript has 30 bits.
func macSeconds(d time.Duration) int {
	return int(min((d+time.Second-1)/time.Second, 1<<29-1))
}

// errMacOther is why a dialog is not shown.
var errMacOther = errors.New("permission denied: only root may show a window to somebody else (try sudo)")

// dialogCommand is the program that shows m on the desktop of p: osascript, for
// root as the user and inside of that user's part of launchd, without which
// nothing has a screen.
func (m *mac) dialogCommand(ctx context.Context, p macPlace, message msg.Message) (*exec.Cmd, error) {
	argv := append([]string{m.tools.osascript}, macDialogArgs(message)...)
	switch {
	case m.uid == int(p.uid):
	case m.uid == 0:
		uid := strconv.FormatUint(uint64(p.uid), 10)
		argv = append([]string{m.tools.launchctl, "asuser", uid, m.tools.sudo, "-n", "-H", "-u", "#" + uid, "--"}, argv...)
	default:
		return nil, errMacOther
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LANG=en_US.UTF-8"}
	cmd.Dir = "/"
	// A group of its own: Ctrl-C is ours, and all of it can be ended.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = macToolTimeout
	return cmd, nil
}

// macEnd is how a dialog has ended.
type macEnd struct {
	out, errors macSaid
	err         error
}

// macSaid keeps the beginning of what a program prints.
type macSaid struct{ strings.Builder }

// maxSaid is far more than the programs print.
const maxSaid = 8192

// Write takes everything and never fails, so that a program is not held up.
func (s *macSaid) Write(b []byte) (int, error) {
	s.Builder.Write(b[:min(len(b), maxSaid-s.Len())])
	return len(b), nil
}

// startDialog starts the program; the channel says how it has ended.
func (m *mac) startDialog(ctx context.Context, p macPlace, message msg.Message) (<-chan *macEnd, error) {
	cmd, err := m.dialogCommand(ctx, p, message)
	if err != nil {
		return nil, err
	}
	end := &macEnd{}
	cmd.Stdout, cmd.Stderr = &end.out, &end.errors
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting osascript: %w", err)
	}
	ended := make(chan *macEnd, 1)
	go func() {
		end.err = cmd.Wait()
		ended <- end
	}()
	return ended, nil
}

// onDesktop shows the dialog. Without an answer it stays when this process
// ends: osascript closes it when its time is over.
func (r *macRun) onDesktop(p macPlace) {
	answer := r.answers[p.Account]
	defer close(answer.ended)
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.ctx))
	var ended <-chan *macEnd
	err := r.ctx.Err()
	if err == nil {
		ended, err = r.startDialog(ctx, p, r.message)
	}
	if err != nil {
		cancel()
		answer.receipt = r.send(p, macFailed(err), true)
		return
	}
	if r.message.Wait {
		defer cancel()
	}
	answer.receipt = r.send(p, r.dialogOutcome(p, ended, cancel), true)
}

func macFailed(err error) msg.Receipt {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = errInterrupted
	}
	return msg.Receipt{Outcome: msg.OutcomeFailed, Surface: surfaceDesktop, Detail: err.Error()}
}

// dialogOutcome waits until it is clear that the dialog is on the screen and, if
// the message waits, how it ends. That it is on the screen is reported before
// anything else is.
func (r *macRun) dialogOutcome(p macPlace, ended <-chan *macEnd, cancel func()) msg.Receipt {
	shown := msg.Receipt{Outcome: msg.OutcomeAccepted, Surface: surfaceDesktop}
	select {
	case end := <-ended:
		x := r.dialogReceipt(end)
		switch {
		case x.Outcome == msg.OutcomeFailed:
		case !r.message.Wait:
			return shown // and read, but nobody asked
		default:
			r.send(p, shown, false)
		}
		return x
	case <-r.ctx.Done():
		cancel()
		return macFailed(r.ctx.Err())
	case <-r.settled():
	}
	if !r.message.Wait {
		return shown
	}
	r.send(p, shown, false)
	return r.dialogEnd(p, ended)
}

// dialogEnd waits for the end of a dialog that is on the screen. Its time is
// also ours: a dialog that does not close itself is closed.
func (r *macRun) dialogEnd(p macPlace, ended <-chan *macEnd) msg.Receipt {
	var late <-chan time.Time
	if r.message.Timeout > 0 {
		timer := time.NewTimer(r.message.Timeout + macGrace)
		defer timer.Stop()
		late = timer.C
	}
	look := time.NewTicker(macLook)
	defer look.Stop()
	for {
		select {
		case end := <-ended:
			return r.dialogReceipt(end)
		case <-late:
			return msg.Receipt{Outcome: msg.OutcomeExpired, Surface: surfaceDesktop}
		case <-r.ctx.Done():
			return macFailed(r.ctx.Err())
		case <-look.C:
			if err := r.gone(p); err != nil {
				return msg.Receipt{Outcome: msg.OutcomeGone, Surface: surfaceDesktop, Detail: err.Error()}
			}
		}
	}
}

// macGrace is what a dialog gets beyond the time-out to say itself how it ended.
const macGrace = 2 * time.Second

// dialogReceipt reads what the script has returned, or why it has not.
func (r *macRun) dialogReceipt(end *macEnd) msg.Receipt {
	x := msg.Receipt{Surface: surfaceDesktop}
	result, labels := strings.TrimSuffix(end.out.String(), "\n"), macLabels(r.message)
	pressed, isButton := strings.CutPrefix(result, macPressed)
	switch {
	case end.err != nil:
		return macFailed(fmt.Errorf("osascript: %s", macReason(end)))
	case result == macGaveUp:
		x.Outcome = msg.OutcomeExpired
	case result == macClosed && slices.Contains(labels, msg.LabelCancel):
		x.Outcome, x.Answer = msg.OutcomeAnswered, msg.LabelCancel
	case result == macClosed:
		x.Outcome = msg.OutcomeDismissed
	case isButton && slices.Contains(labels, pressed):
		x.Outcome, x.Answer = msg.OutcomeAnswered, pressed
	default:
		return macFailed(fmt.Errorf("osascript printed %q, which is no answer", text.Cut(text.Line(result), maxReason)))
	}
	return x
}

// maxReason is the longest reason that is passed on, in cells.
const maxReason = 200

// macReason is why a dialog was not shown: the last line of what the programs
// said, which is the one that gave up.
func macReason(end *macEnd) string {
	lines := strings.Split(strings.TrimSpace(end.errors.String()), "\n")
	if last := text.Line(lines[len(lines)-1]); last != "" {
		return text.Cut(last, maxReason)
	}
	return end.err.Error()
}
