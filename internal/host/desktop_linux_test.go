package host

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/hosttest"
)

// desk is the desktop of whoever runs the test, on a bus of its own.
type desk struct {
	*world
	bus string
	dir string // of the user, with the sockets
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{world: newWorld(t)}
	run, err := os.MkdirTemp("", "msg") // the path of a socket must not be long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(run) })
	d.windows.desktop.Runtime = run
	d.dir = filepath.Join(run, strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	d.bus, _ = hosttest.BusAt(t, filepath.Join(d.dir, "bus"))
	return d
}

// show shows m on the desktop.
func (d *desk) show(m msg.Message) *window {
	p := place{uid: uint32(os.Getuid())}
	p.Kind = msg.KindDesktop
	return d.windows.show(d.t.Context(), p, m)
}

// inTime ends when something has to have happened.
func inTime(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// next waits for the next event of a window.
func next(t *testing.T, w *window) event {
	t.Helper()
	select {
	case e, ok := <-w.events:
		if !ok {
			t.Fatal("no event is to come")
		}
		if e.At.IsZero() || e.Surface == "" {
			t.Errorf("event %+v lacks time or surface", e)
		}
		return e
	case <-inTime(t).Done():
		t.Fatal("no event came")
	}
	return event{}
}

// want waits for the next event and compares what there is to compare.
func want(t *testing.T, w *window, outcome msg.Outcome, answer, detail string) event {
	t.Helper()
	e := next(t, w)
	if e.Outcome != outcome || e.Answer != answer || !strings.Contains(e.Detail, detail) {
		t.Fatalf("event %+v, want %s %q %q", e, outcome, answer, detail)
	}
	return e
}

// wantEnd demands that there are no further events.
func wantEnd(t *testing.T, w *window) {
	t.Helper()
	select {
	case e, ok := <-w.events:
		if ok {
			t.Errorf("event %+v after the last", e)
		}
	case <-inTime(t).Done():
		t.Error("the events do not end")
	}
}

// ask is a message that waits.
func ask(text string, set msg.Buttons) msg.Message {
	m := hosttest.Message(text)
	m.Wait, m.Buttons, m.Timeout = true, set, time.Minute
	return m
}

func TestNotificationAnswer(t *testing.T) {
	for _, c := range []struct {
		name   string
		kind   hosttest.Notifier
		set    msg.Buttons
		press  string
		answer string
	}{
		{"OK", hosttest.XfceNotifier, msg.ButtonsOK, "ok", "OK"},
		{"a click on the body is OK", hosttest.XfceNotifier, msg.ButtonsOK, "default", "OK"},
		{"the second button, twice", hosttest.GnomeNotifier, msg.ButtonsYesNoCancel, "no", "No"},
		{"mako", hosttest.MakoNotifier, msg.ButtonsOK, "default", "OK"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			n := hosttest.StartNotifications(t, d.bus, c.kind)
			w := d.show(ask("hello", c.set))
			x := n.Next(inTime(t))
			want(t, w, msg.OutcomeAccepted, "", "")
			if x.Expire != 0 || x.Urgency != 2 {
				t.Errorf("it does not stay: %+v", x)
			}
			n.Press(x.ID, c.press)
			want(t, w, msg.OutcomeAnswered, c.answer, "")
			wantEnd(t, w)
		})
	}
}

func TestNotificationEnds(t *testing.T) {
	for _, c := range []struct {
		name    string
		reason  uint32
		outcome msg.Outcome
	}{
		{"expired", 1, msg.OutcomeExpired}, {"dismissed", 2, msg.OutcomeDismissed},
		{"closed by another program", 3, msg.OutcomeDismissed}, {"undefined", 4, msg.OutcomeDismissed},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			n := hosttest.StartNotifications(t, d.bus, hosttest.XfceNotifier)
			w := d.show(ask("hello", msg.ButtonsYesNo))
			x := n.Next(inTime(t))
			want(t, w, msg.OutcomeAccepted, "", "")
			n.End(x.ID, c.reason)
			want(t, w, c.outcome, "", "")
		})
	}
}

func TestNotificationText(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	n := hosttest.StartNotifications(t, d.bus, hosttest.XfceNotifier)
	m := hosttest.Message("a <b>bold</b> \x1b[31mtext & <img src=x>\u202e")
	m.Title, m.From, m.Timeout = "<i>title</i>", "<a href=x>bob</a>@web1", time.Second
	want(t, d.show(m), msg.OutcomeAccepted, "", "")
	x := n.Next(inTime(t))
	if x.Title != "<i>title</i>" { // the specification has no markup there
		t.Errorf("title %q", x.Title)
	}
	by, text, _ := strings.Cut(x.Text, "\n")
	if text != "a &lt;b&gt;bold&lt;/b&gt; ^[[31mtext &amp; &lt;img src=x&gt;&lt;U+202E&gt;" || !strings.HasPrefix(by, "from &lt;a href=x&gt;bob&lt;/a&gt;@web1, ") {
		t.Errorf("text %q, %q", text, by)
	}
	if x.Expire != 1000 || x.Labels()["ok"] != "OK" {
		t.Errorf("a message that does not wait: %+v", x)
	}
	// Critical notifications ignore the time, so it is closed.
	select {
	case id := <-n.Closed:
		if id != x.ID {
			t.Errorf("%d was closed, not %d", id, x.ID)
		}
	case <-inTime(t).Done():
		t.Error("it was not closed when its time was over")
	}
}

func TestNotificationTimeout(t *testing.T) {
	d := newDesk(t)
	n := hosttest.StartNotifications(t, d.bus, hosttest.XfceNotifier)
	m := ask("hello", msg.ButtonsYesNo)
	m.Timeout = 300 * time.Millisecond
	begin := time.Now()
	w := d.show(m)
	x := n.Next(inTime(t))
	want(t, w, msg.OutcomeAccepted, "", "")
	want(t, w, msg.OutcomeExpired, "", "")
	if after := time.Since(begin); after < m.Timeout || after > m.Timeout+time.Second {
		t.Errorf("expired after %v", after)
	}
	if id := <-n.Closed; id != x.ID {
		t.Errorf("%d was closed, not %d", id, x.ID)
	}
}

// TestNotificationTakenDown closes a window before it has ended, by either of
// the two ways.
func TestNotificationTakenDown(t *testing.T) {
	d := newDesk(t)
	n := hosttest.StartNotifications(t, d.bus, hosttest.XfceNotifier)
	ctx, cancel := context.WithCancel(t.Context())
	p := place{uid: uint32(os.Getuid())}
	p.Kind = msg.KindDesktop
	cancelled, closed, plain := d.windows.show(ctx, p, ask("one", msg.ButtonsOK)), d.show(ask("two", msg.ButtonsOK)), d.show(hosttest.Message("three"))
	ids := map[uint32]bool{}
	for range 3 {
		ids[n.Next(inTime(t)).ID] = true
	}
	for _, w := range []*window{cancelled, closed, plain} {
		want(t, w, msg.OutcomeAccepted, "", "")
	}
	wantEnd(t, plain)
	cancel()
	closed.close()
	closed.close()
	plain.close()
	want(t, cancelled, msg.OutcomeFailed, "", "interrupted")
	want(t, closed, msg.OutcomeFailed, "", "taken off")
	for range 3 {
		select {
		case id := <-n.Closed:
			delete(ids, id)
		case <-inTime(t).Done():
			t.Fatalf("%v stay on the screen", ids)
		}
	}
	plain.close() // harmless afterwards
}

// TestNotificationForged has another program on the bus press buttons.
func TestNotificationForged(t *testing.T) {
	d := newDesk(t)
	n := hosttest.StartNotifications(t, d.bus, hosttest.XfceNotifier)
	w := d.show(ask("pay?", msg.ButtonsYesNo))
	x := n.Next(inTime(t))
	want(t, w, msg.OutcomeAccepted, "", "")
	hosttest.Forge(t, d.bus, x, "yes")
	n.Press(x.ID, "no")
	want(t, w, msg.OutcomeAnswered, "No", "")
}

func TestNotificationOddities(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*hosttest.Notifier)
	}{
		{"answered before it is known", func(k *hosttest.Notifier) { k.Early = true }},
		{"numbers with a sign", func(k *hosttest.Notifier) { k.Signed = true; k.Early = true }},
		{"more than anybody wants to know", func(k *hosttest.Notifier) {
			k.Vendor, k.Early = strings.Repeat("x", 1<<20), true
			k.Capabilities = append(slices.Repeat([]string{"x-everything"}, 2_000), k.Capabilities...)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			kind := hosttest.XfceNotifier
			c.change(&kind)
			hosttest.StartNotifications(t, d.bus, kind)
			w := d.show(ask("hello", msg.ButtonsYesNo))
			want(t, w, msg.OutcomeAccepted, "", "")
			want(t, w, msg.OutcomeAnswered, "Yes", "")
		})
	}
}

// TestNotificationUnknownAction has a service name a button that is none.
func TestNotificationUnknownAction(t *testing.T) {
	d := newDesk(t)
	n := hosttest.StartNotifications(t, d.bus, hosttest.XfceNotifier)
	w := d.show(ask("hello", msg.ButtonsYesNo))
	x := n.Next(inTime(t))
	want(t, w, msg.OutcomeAccepted, "", "")
	n.Press(x.ID, strings.Repeat("\x1b[31mmaybe", 4000))
	e := want(t, w, msg.OutcomeFailed, "", "was not offered")
	if len(e.Detail) > 2*maxDetail || strings.ContainsRune(e.Detail, 0x1b) {
		t.Errorf("detail %q", e.Detail)
	}
}

// TestNotificationServiceDies holds that a message comes up again on the
// service that follows, once for each time.
func TestNotificationServiceDies(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	n := hosttest.StartNotifications(t, d.bus, hosttest.XfceNotifier)
	w, plain := d.show(ask("hello", msg.ButtonsYesNo)), d.show(hosttest.Message("no answer"))
	n.Next(inTime(t))
	n.Next(inTime(t))
	want(t, w, msg.OutcomeAccepted, "", "")
	want(t, plain, msg.OutcomeAccepted, "", "")
	n.Die()
	n = hosttest.StartNotifications(t, d.bus, hosttest.GnomeNotifier)
	x := n.Next(inTime(t))
	if !strings.Contains(x.Text, "hello") {
		t.Errorf("came up again: %+v", x)
	}
	n.Press(x.ID, "yes")
	want(t, w, msg.OutcomeAnswered, "Yes", "")
	wantEnd(t, w)
}

// TestDesktopEnds has the service and then nothing.
func TestDesktopEnds(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	n := hosttest.StartNotifications(t, d.bus, hosttest.XfceNotifier)
	w := d.show(ask("hello", msg.ButtonsYesNo))
	n.Next(inTime(t))
	want(t, w, msg.OutcomeAccepted, "", "")
	n.Die()
	want(t, w, msg.OutcomeGone, "", "no notification service")
}

func TestNoButtons(t *testing.T) {
	d := newDesk(t)
	n := hosttest.StartNotifications(t, d.bus, hosttest.OSDNotifier)
	m := ask("hello", msg.ButtonsYesNo)
	w := d.show(m)
	x := n.Next(inTime(t))
	e := want(t, w, msg.OutcomeAccepted, "", "msg /answer:yes:"+msg.ShortID(m.ID))
	if !e.NoAnswer || len(x.Actions) != 0 || !strings.Contains(x.Text, "msg /answer:yes:") {
		t.Errorf("event %+v for %+v", e, x)
	}
	wantEnd(t, w)
	w.close() // answered elsewhere
	if id := <-n.Closed; id != x.ID {
		t.Errorf("%d was closed, not %d", id, x.ID)
	}
	want(t, d.show(hosttest.Message("no answer is expected")), msg.OutcomeAccepted, "", "")
}

// TestSilent has services and buses that do not reply. Others must not wait.
func TestSilent(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for time-outs")
	}
	for _, c := range []struct {
		name  string
		begin func(d *desk)
		want  string
	}{
		{"service", func(d *desk) {
			hosttest.StartNotifications(t, d.bus, hosttest.Notifier{Silent: true})
		}, "asking the notification service"},
		{"service that does not say that it shows it", func(d *desk) {
			kind := hosttest.XfceNotifier
			kind.SilentNotify = true
			hosttest.StartNotifications(t, d.bus, kind)
		}, "does not answer"},
		{"bus", func(d *desk) {
			path := filepath.Join(d.dir, "bus")
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}, "greeting the bus"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			c.begin(d)
			begin := time.Now()
			want(t, d.show(ask("hello", msg.ButtonsOK)), msg.OutcomeFailed, "", c.want)
			if after := time.Since(begin); after > notifyTimeout+3*time.Second {
				t.Errorf("it took %v", after)
			}
		})
	}
}

// TestOneNumberForAll has a service that gives two notifications one number.
func TestOneNumberForAll(t *testing.T) {
	d := newDesk(t)
	kind := hosttest.XfceNotifier
	kind.SameID = true
	n := hosttest.StartNotifications(t, d.bus, kind)
	first := d.show(ask("first", msg.ButtonsOK))
	n.Next(inTime(t))
	want(t, first, msg.OutcomeAccepted, "", "")
	want(t, d.show(ask("second", msg.ButtonsOK)), msg.OutcomeFailed, "", "makes no sense")
}

// TestTwoDesktopsOneBus sends a message to two sessions of one user, which
// have one notification service between them.
func TestTwoDesktopsOneBus(t *testing.T) {
	d := newDesk(t)
	n := hosttest.StartNotifications(t, d.bus, hosttest.XfceNotifier)
	m := ask("hello", msg.ButtonsYesNo)
	one, two := d.show(m), d.show(m)
	x := n.Next(inTime(t))
	want(t, one, msg.OutcomeAccepted, "", "")
	want(t, two, msg.OutcomeAccepted, "", "")
	n.Press(x.ID, "yes")
	want(t, one, msg.OutcomeAnswered, "Yes", "")
	want(t, two, msg.OutcomeAnswered, "Yes", "")
	if len(n.Shown) > 0 {
		t.Error("it was shown twice")
	}
}

// TestOtherBus has a session whose programs use a bus of their own.
func TestOtherBus(t *testing.T) {
	w := newWorld(t)
	address := hosttest.Bus(t)
	n := hosttest.StartNotifications(t, address, hosttest.XfceNotifier)
	w.process(process{pid: 901, comm: "xfce4-session"})
	write(t, w.proc.path(901, "cgroup"), []byte("0::/user.slice/session-7.scope\n"))
	write(t, w.proc.path(901, "environ"), []byte("A=b\x00DBUS_SESSION_BUS_ADDRESS="+address+",guid=1\x00"))
	p := place{uid: uint32(os.Getuid()), scope: "session-7.scope"}
	p.Kind = msg.KindDesktop
	x := w.windows.show(t.Context(), p, hosttest.Message("hello"))
	want(t, x, msg.OutcomeAccepted, "", "")
	n.Next(inTime(t))
}

// TestDialogWithoutServer holds that a display without a server is no display.
func TestDialogWithoutServer(t *testing.T) {
	d := newDesk(t)
	p := place{uid: uint32(os.Getuid()), display: ":0"}
	p.Kind = msg.KindDesktop
	e := next(t, d.windows.show(t.Context(), p, hosttest.Message("hello")))
	if e.Outcome != msg.OutcomeFailed || !strings.Contains(e.Detail, errNoService.Error()) || !strings.Contains(e.Detail, errNoDisplay.Error()) {
		t.Errorf("event %+v", e)
	}
}
