package lab_test

import (
	"strings"
	"testing"
	"time"

	"msg"
	"msg/test/lab"
)

// asked is a msg that waits for an answer.
type asked struct {
	t      *testing.T
	result <-chan lab.Result
}

// askDesktop sends a message that waits, as root.
func askDesktop(t *testing.T, host *lab.Host, args ...string) asked {
	result := make(chan lab.Result, 1)
	go func() { result <- host.Run(t.Context(), append([]string{"msg", "/w", "/json"}, args...)...) }()
	return asked{t, result}
}

// answer waits for the end of msg, and returns the last receipt, of which there
// must be one session. since is when the robot was told to click; how long it
// took from then includes the robot.
func (a asked) answer(since time.Time) msg.Receipt {
	a.t.Helper()
	select {
	case r := <-a.result:
		a.t.Logf("msg ended %v after the robot was called", time.Since(since).Round(time.Millisecond))
		receipts := receiptsOf(a.t, r.Stdout)
		if len(receipts) == 0 {
			a.t.Fatalf("msg: %+v", r)
		}
		last := receipts[len(receipts)-1]
		for _, x := range receipts {
			if x.Session.ID != last.Session.ID {
				a.t.Errorf("a receipt of another session: %+v", x)
			}
		}
		a.t.Logf("the answer was there %v after the robot was called", last.At.Sub(since).Round(time.Millisecond))
		return last
	case <-time.After(soon):
		a.t.Fatal("msg does not end")
	}
	return msg.Receipt{}
}

func wantDesktop(t *testing.T, r msg.Receipt, answer string) {
	t.Helper()
	if r.Outcome != msg.OutcomeAnswered || r.Answer != answer || r.Surface != "desktop" {
		t.Errorf("%+v, want the answer %q", r, answer)
	}
}

func desktopWithDaemon(t *testing.T, host *lab.Host) *lab.Host {
	install(t, host)
	startDaemon(t, withUsers(host))
	return host
}

// TestMessageOnXFCE answers a notification with a click, and long text in a
// dialog with Enter. The terminal window of the desktop gets nothing.
func TestMessageOnXFCE(t *testing.T) {
	host := desktopWithDaemon(t, lab.Desktop(t))
	d := host.XFCE("alice")
	d.Start("xterm -title shell -l -lf /tmp/xterm.log")
	must(t)(d.WaitWindow("shell", soon))
	before := d.Screenshot("message-before")

	question := askDesktop(t, host, "/buttons:yesno", "alice", text)
	no := must(t)(d.WaitButton("No", soon))
	d.Screenshot("message-notification")
	began := time.Now()
	d.Click(no)
	wantDesktop(t, question.answer(began), "No")
	if err := d.WaitLike(before, soon); err != nil {
		t.Error(err)
	}

	question = askDesktop(t, host, "/title:Long", "alice", strings.Repeat("many words of a long text ", 60))
	must(t)(d.WaitWindow("Long", soon))
	host.Must("sleep", "1.5") // it ignores keys in its first second
	d.Screenshot("message-dialog")
	began = time.Now()
	d.Press("Return")
	wantDesktop(t, question.answer(began), "OK")
	if err := d.WaitLike(before, soon); err != nil {
		t.Error(err)
	}
	if log := host.Must("cat", "/tmp/xterm.log"); strings.Contains(log, "many words") || strings.Contains(log, "restarts") {
		t.Errorf("the terminal window shows it too:\n%s", log)
	}

	host.Must("msg", "/time:3", "alice", "nobody-waits")
	must(t)(d.WaitChange(before, soon))
	d.Screenshot("message-plain")
	if err := d.WaitLike(before, soon); err != nil {
		t.Errorf("it stays: %v", err)
	}
}

// TestMessageOnSway has a notification server without buttons: the question is
// a dialog, on Xwayland.
func TestMessageOnSway(t *testing.T) {
	host := desktopWithDaemon(t, lab.Desktop(t))
	d := host.Sway("bob", "mako")
	before := d.Screenshot("sway-before")
	question := askDesktop(t, host, "/buttons:yesno", "/title:Question", "bob", text)
	must(t)(d.WaitWindow("Question", soon))
	host.Must("sleep", "1.5")
	d.Screenshot("sway-dialog")
	began := time.Now()
	d.Press("Tab")
	d.Press("Return")
	wantDesktop(t, question.answer(began), "No")
	if err := d.WaitLike(before, soon); err != nil {
		t.Error(err)
	}
}

// TestMessageOnGNOME clicks a button of a notification of GNOME Shell.
func TestMessageOnGNOME(t *testing.T) {
	host := desktopWithDaemon(t, lab.DesktopGNOME(t))
	d := host.GNOME("alice")
	question := askDesktop(t, host, "alice", text)
	ok := must(t)(d.WaitButton("OK", soon))
	d.Screenshot("gnome-notification")
	began := time.Now()
	d.Click(ok)
	wantDesktop(t, question.answer(began), "OK")
}
