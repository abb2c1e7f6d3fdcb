package lab_test

import (
	"context"
	"fmt"
	"image"
	"strings"
	"testing"
	"time"

	"msg/test/lab"
)

// soon is how long a desktop may take to show something on a busy computer.
const soon = 20 * time.Second

// sessionOf returns a property of the display's session.
func sessionOf(host *lab.Host, d *lab.Display, property string) string {
	return strings.TrimSpace(host.Must("loginctl", "show-session", d.Session, "-p", property, "--value"))
}

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
	t.Run("session", func(t *testing.T) {
		for property, want := range map[string]string{"Type": "x11", "Class": "user", "Seat": "seat0", "Active": "yes", "Name": "alice", "Display": ":0"} {
			if got := sessionOf(host, d, property); got != want {
				t.Errorf("%s is %q, want %q", property, got, want)
			}
		}
		if r := host.Run(t.Context(), "systemctl", "is-system-running", "--wait"); r.Code != 0 {
			t.Errorf("the host is %s%s", r.Stdout, host.Must("systemctl", "--failed"))
		}
	})
	t.Run("notification", func(t *testing.T) {
		before := d.Screenshot("before")
		answer := notify(d, t.Context(), "--action=ok=OK", "--action=no=No", "From root", "The server restarts: 漢字 \U0001f600 é")
		no := must(t)(d.WaitButton("No", soon))
		shown := must(t)(d.WaitChange(before, soon))
		d.Screenshot("notification")
		if !no.In(shown) {
			t.Errorf("the button is at %v, and the notification at %v", no, shown)
		}
		d.Click(no)
		answered(t, answer, "no")
		if err := d.WaitLike(before, soon); err != nil {
			t.Error(err)
		}
		if _, err := d.WaitButton("No", 100*time.Millisecond); err == nil {
			t.Error("WaitButton found a button that has gone")
		}
	})
	t.Run("window", func(t *testing.T) {
		d.Start(`xterm -title "terminal of $USER" -e sh -c 'tty >/tmp/tty; read -r x; echo "$x" >/tmp/typed'`)
		window := must(t)(d.WaitWindow("terminal of alice", soon))
		d.Screenshot("terminal")
		d.Click(window)
		d.Press("o", "k", "Return")
		host.Must("sh", "-c", "while ! grep -sx ok /tmp/typed; do sleep 0.05; done")
		if tty := host.Must("cat", "/tmp/tty"); !strings.HasPrefix(tty, "/dev/pts/") {
			t.Errorf("the terminal in the window is %q", tty)
		}
	})
	t.Run("terminal window", func(t *testing.T) {
		d.Start(`xterm -e sh -c 'cat /proc/self/cgroup >/tmp/cgroup; sleep 60'`)
		group := host.Must("sh", "-c", "while ! grep session- /tmp/cgroup; do sleep 0.05; done")
		if scope := "/session-" + d.Session + ".scope\n"; !strings.Contains(group, scope) {
			t.Errorf("xterm is in %q, not in %q", group, scope)
		}
	})
}

func TestSway(t *testing.T) {
	host := withUsers(lab.Desktop(t))
	for user, daemon := range map[string]string{"alice": "mako", "bob": "dunst"} {
		t.Run(daemon, func(t *testing.T) {
			d := host.Sway(user, daemon)
			for property, want := range map[string]string{"Type": "wayland", "Class": "user", "State": "active", "Name": user} {
				if got := sessionOf(host, d, property); got != want {
					t.Errorf("%s is %q, want %q", property, got, want)
				}
			}
			before := d.Screenshot("before")
			answer := notify(d, t.Context(), "--action=default=OK", "From root", "The server restarts: 漢字 \U0001f600 é")
			shown := must(t)(d.WaitChange(before, soon))
			d.Screenshot("notification")
			if daemon == "mako" {
				d.Click(shown)
			} else {
				d.MiddleClick(shown)
			}
			answered(t, answer, "default")
			if err := d.WaitLike(before, soon); err != nil {
				t.Error(err)
			}
			testSwayWindow(t, host, d)
		})
	}
}

// testSwayWindow has a window of an X11 program on Wayland.
func testSwayWindow(t *testing.T, host *lab.Host, d *lab.Display) {
	typed := "/tmp/typed-by-" + d.User
	d.Start(fmt.Sprintf(`echo $WAYLAND_DISPLAY >%s.display; xterm -title "terminal of $USER" -e sh -c 'read -r x; echo "$x" >%s'`, typed, typed))
	window := must(t)(d.WaitWindow("terminal of "+d.User, soon))
	d.Screenshot("terminal")
	d.Click(window)
	d.Press("o", "k", "Return")
	host.Must("sh", "-c", "while ! grep -sx ok "+typed+"; do sleep 0.05; done")
	if got := host.Must("cat", typed+".display"); !strings.HasPrefix(got, "wayland-") || strings.TrimSpace(got) != d.Getenv("WAYLAND_DISPLAY") {
		t.Errorf("WAYLAND_DISPLAY is %q in a program, %q for the test", got, d.Getenv("WAYLAND_DISPLAY"))
	}
}
