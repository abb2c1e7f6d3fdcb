package host

import (
	"context"
	"os"
	"testing"
	"time"

	"msg"
	"msg/internal/dialog"
	"msg/internal/hosttest"
)

// inX is a desktop on a real X server, in the session of that scope.
func inX(t *testing.T) (*desk, *hosttest.X, func(context.Context, msg.Message) *window) {
	t.Helper()
	x := hosttest.XServer(t, "800x600x24")
	d := newDesk(t)
	d.windows.desktop.X11 = "/tmp/.X11-unix"
	d.program(11, "session-3.scope", "DISPLAY="+x.Display+"\x00XAUTHORITY="+x.Xauthority+"\x00")
	return d, x, func(ctx context.Context, m msg.Message) *window {
		p := desktopOf(uint32(os.Getuid()))
		p.scope = "session-3.scope"
		return d.windows.show(ctx, p, m)
	}
}

// TestDialog asks where no service, or none with buttons, shows notifications.
func TestDialog(t *testing.T) {
	d, x, show := inX(t)
	w := show(t.Context(), ask("hello", msg.ButtonsYesNo))
	want(t, w, msg.OutcomeAccepted, "", "")
	title := x.Windows(t)[0]
	x.Protocol(t, title, "WM_DELETE_WINDOW")
	want(t, w, msg.OutcomeDismissed, "", "")

	n := hosttest.StartNotifications(t, d.bus, hosttest.MakoNotifier)
	w = show(t.Context(), ask("hello", msg.ButtonsYesNo))
	want(t, w, msg.OutcomeAccepted, "", "")
	w.close()
	want(t, w, msg.OutcomeFailed, "", "taken off")
	x.Until(t, "the dialog is taken down", func() bool { return len(x.Windows(t)) == 0 })
	if len(n.Shown) > 0 {
		t.Error("a notification without buttons was shown")
	}
	want(t, show(t.Context(), hosttest.Message("needs no answer")), msg.OutcomeAccepted, "", "")
	n.Next(inTime(t))
}

// TestDialogLongText holds that long text does not push the buttons off the
// screen, and that a missing character is told of.
func TestDialogLongText(t *testing.T) {
	t.Parallel()
	d, x, show := inX(t)
	hosttest.StartNotifications(t, d.bus, hosttest.XfceNotifier)
	m := ask("a\nb\nc\nd\ne\nf\ng\nh\ni\n\U00014400", msg.ButtonsOK)
	m.Timeout = 1500 * time.Millisecond
	w := show(t.Context(), m)
	want(t, w, msg.OutcomeAccepted, "", "no font for \U00014400 (U+14400)")
	if len(x.Windows(t)) == 0 {
		t.Error("no dialog")
	}
	want(t, w, msg.OutcomeExpired, "", "")
}

// TestDialogServerEnds ends the X server under a dialog.
func TestDialogServerEnds(t *testing.T) {
	_, x, show := inX(t)
	w, v := show(t.Context(), ask("one", msg.ButtonsOK)), show(t.Context(), ask("two", msg.ButtonsOK))
	want(t, w, msg.OutcomeAccepted, "", "")
	want(t, v, msg.OutcomeAccepted, "", "")
	if all := x.Windows(t); len(all) != 2 || all[0].Area.Min == all[1].Area.Min {
		t.Errorf("one dialog hides the other: %v", all)
	}
	x.Kill()
	want(t, w, msg.OutcomeGone, "", "X server")
	want(t, v, msg.OutcomeGone, "", "X server")
}

// TestDialogSilentServer has an X server that does not answer, and then a
// plain notification.
func TestDialogSilentServer(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a time-out")
	}
	d := newDesk(t)
	d.xServer("7")
	n := hosttest.StartNotifications(t, d.bus, hosttest.OSDNotifier)
	w := d.show(ask("hello", msg.ButtonsYesNo))
	if e := next(t, w); e.Outcome != msg.OutcomeAccepted || !e.NoAnswer {
		t.Errorf("event %+v", e)
	}
	n.Next(inTime(t))
}

// TestDialogOutcomes holds that the words of package dialog are ours.
func TestDialogOutcomes(t *testing.T) {
	for theirs, ours := range map[dialog.Outcome]msg.Outcome{
		dialog.Answered: msg.OutcomeAnswered, dialog.Dismissed: msg.OutcomeDismissed,
		dialog.Expired: msg.OutcomeExpired, dialog.Gone: msg.OutcomeGone,
	} {
		if msg.Outcome(theirs) != ours {
			t.Errorf("%q is not %q", theirs, ours)
		}
	}
}
