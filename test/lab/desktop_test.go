package lab_test

import (
	"context"
	"image"
	"strings"
	"testing"
	"time"

	"msg/test/lab"
)

// soon is how long a desktop may take to show something on a busy computer.
const soon = 20 * time.Second

// text has what no single font has.
const text = "The server restarts: 漢字 \U0001f600 é"

// notify shows a notification with notify-send, and gives what that prints when
// the notification has gone: the action that was chosen.
func notify(d *lab.Display, ctx context.Context, args ...string) <-chan string {
	answer := make(chan string, 1)
	args = append([]string{"notify-send", "--urgency=critical"}, args...)
	go func() {
		r := d.Run(ctx, args...)
		answer <- strings.TrimSpace(r.Stdout + r.Stderr)
	}()
	return answer
}

// answered ends the test if the answer does not come, or is not this one.
func answered(t *testing.T, answer <-chan string, want string) {
	t.Helper()
	select {
	case got := <-answer:
		if got != want {
			t.Errorf("notify-send says %q, want %q", got, want)
		}
	case <-time.After(soon):
		t.Fatalf("notify-send does not end, want it to say %q", want)
	}
}

// must returns where something is that was waited for.
func must(t *testing.T) func(area image.Rectangle, err error) image.Rectangle {
	return func(area image.Rectangle, err error) image.Rectangle {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return area
	}
}

func TestXFCE(t *testing.T) {
	host := withUsers(lab.Desktop(t))
	d := host.XFCE("alice")
	hasProperties(t, host, d, map[string]string{
		"Type": "x11", "Class": "user", "Name": "alice", "Seat": "seat0", "Active": "yes", "Display": ":0"})
	if r := host.Run(t.Context(), "systemctl", "is-system-running", "--wait"); r.Code != 0 {
		t.Errorf("the host is %s%s", r.Stdout, host.Must("systemctl", "--failed"))
	}

	testButton(t, d)
	testTerminalWindow(t, host, d)
}

// testButton chooses one of two buttons of a notification.
func testButton(t *testing.T, d *lab.Display) {
	t.Helper()
	before := d.Screenshot("before")
	answer := notify(d, t.Context(), "--action=ok=OK", "--action=no=No", "From root", text)
	no := must(t)(d.WaitButton("No", soon))
	shown := must(t)(d.WaitChange(before, soon))
	d.Screenshot("notification")
	if !no.In(shown) {
		t.Errorf("the button is at %v, and the notification at %v", no, shown)
	}
	d.Click(no)
	answered(t, answer, "no")
	if err := d.WaitLike(before, soon); err != nil {
		d.Screenshot("not-like-before")
		t.Error(err)
	}
	if _, err := d.WaitButton("No", 50*time.Millisecond); err == nil {
		t.Error("WaitButton found a button that has gone")
	}
}

// hasProperties compares properties of the display's session of logind.
func hasProperties(t *testing.T, host *lab.Host, d *lab.Display, properties map[string]string) {
	t.Helper()
	for property, want := range properties {
		got := strings.TrimSpace(host.Must("loginctl", "show-session", d.Session, "-p", property, "--value"))
		if got != want {
			t.Errorf("%s is %q, want %q", property, got, want)
		}
	}
}

func TestSway(t *testing.T) {
	for daemon, choose := range map[string]func(*lab.Display, image.Rectangle){
		"mako":  (*lab.Display).Click,
		"dunst": (*lab.Display).MiddleClick,
	} {
		t.Run(daemon, func(t *testing.T) {
			host := withUsers(lab.Desktop(t))
			d := host.Sway("bob", daemon)
			hasProperties(t, host, d, map[string]string{
				"Type": "wayland", "Class": "user", "Name": "bob", "Seat": "", "State": "active"})

			before := d.Screenshot("before")
			answer := notify(d, t.Context(), "--action=default=OK", "From root", text)
			shown := must(t)(d.WaitChange(before, soon))
			d.Screenshot("notification")
			choose(d, shown)
			answered(t, answer, "default")
			if err := d.WaitLike(before, soon); err != nil {
				t.Error(err)
			}
			testTerminalWindow(t, host, d)
		})
	}
}

func TestGNOME(t *testing.T) {
	host := withUsers(lab.DesktopGNOME(t))
	d := host.GNOME("alice")
	hasProperties(t, host, d, map[string]string{
		"Type": "wayland", "Class": "user", "Name": "alice", "Seat": "", "State": "active"})
	testButton(t, d)
	testTerminalWindow(t, host, d)
}

// testTerminalWindow has a window of an X11 program, which is of the session
// and has a terminal, and gets what is typed.
func testTerminalWindow(t *testing.T, host *lab.Host, d *lab.Display) {
	t.Helper()
	d.Start(`env >/tmp/env; xterm -title "terminal of $USER" -e sh -c ` +
		`'tty >/tmp/tty; cat /proc/self/cgroup >/tmp/cgroup; read -r x; echo "$x" >/tmp/typed'`)
	window := must(t)(d.WaitWindow("terminal of "+d.User, soon))
	d.Screenshot("terminal")
	d.Click(window)
	d.Press("o", "k", "Return")
	host.Must("sh", "-c", "while ! grep -sx ok /tmp/typed; do sleep 0.05; done")
	if tty := host.Must("cat", "/tmp/tty"); !strings.HasPrefix(tty, "/dev/pts/") {
		t.Errorf("the terminal in the window is %q", tty)
	}
	of := "/session-" + d.Session + ".scope\n"
	if d.Getenv("XDG_CURRENT_DESKTOP") == "GNOME" {
		of = "/app.slice/"
	}
	if group := host.Must("cat", "/tmp/cgroup"); !strings.Contains(group, of) {
		t.Errorf("the terminal is of %q, not of %q", group, of)
	}
	env := "\n" + host.Must("cat", "/tmp/env")
	for _, name := range []string{"DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_ID"} {
		if value := d.Getenv(name); value != "" && !strings.Contains(env, "\n"+name+"="+value+"\n") {
			t.Errorf("%s is %q for the test, and not in the session:%s", name, value, env)
		}
	}
}
