package lab

import (
	"context"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Shots is the directory in which pictures of screens are kept for people to
// look at. If it is empty, it is that of go test -artifacts.
var Shots string

// A Display is the desktop of a person, and a robot that looks at it, moves the
// mouse and presses keys. It ends with its host.
type Display struct {
	User    string
	Session string // the ID of the session of logind

	t        testing.TB
	host     *Host
	notifier string // what its notification daemon calls itself
	runtime  string // the directory XDG_RUNTIME_DIR
	env      []string
	robot    robot
}

// A robot acts on one kind of display.
type robot interface {
	look() *image.RGBA
	click(at image.Point, button button)
	press(keys []string)
	windows() []Window
}

// A button is one of the mouse.
type button int

const (
	leftButton button = iota
	middleButton
)

// A Window is one that is on the screen, of a program that gave it a title.
type Window struct {
	Title string
	Class string // of the program: the X11 class, or the Wayland app_id
	Area  image.Rectangle
}

// awaitSession waits until the programs of the session are there.
func (d *Display) awaitSession() {
	d.t.Helper()
	d.host.await("session of "+d.User, func() bool {
		r := d.host.Run(d.t.Context(), "cat", d.runtime+"/lab-env")
		d.env = strings.Split(strings.TrimRight(r.Stdout, "\x00"), "\x00")
		return r.Code == 0
	})
	// What logind calls Display is the first graphical session of the user.
	d.Session = strings.TrimSpace(d.host.Must("loginctl", "show-user", d.User, "--property=Display", "--value"))
	d.host.await("notification daemon of "+d.User, func() bool {
		r := d.Run(d.t.Context(), "busctl", "--user", "call", "org.freedesktop.Notifications",
			"/org/freedesktop/Notifications", "org.freedesktop.Notifications", "GetServerInformation")
		return strings.Contains(r.Stdout, fmt.Sprintf("%q", d.notifier))
	})
}

// awaitScreen waits until there is a window of that title, if any is named, and
// nothing moves any more.
func (d *Display) awaitScreen(title string) {
	d.t.Helper()
	if title != "" {
		if _, err := d.WaitWindow(title, bootLimit); err != nil {
			d.t.Fatalf("lab: %v", err)
		}
	}
	// Long enough for programs that a busy computer starts one after another.
	const still = time.Second
	if err := d.waitScreen(bootLimit, still, func(*image.RGBA) bool { return true }); err != nil {
		d.t.Fatalf("lab: %v", err)
	}
	d.t.Cleanup(d.keepFailure)
}

// Getenv returns a variable of the environment of the programs in the session,
// such as DISPLAY or WAYLAND_DISPLAY.
func (d *Display) Getenv(name string) string {
	for _, entry := range d.env {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// Run runs a program as the person, with the environment of the session but
// outside of it, until it ends or ctx does.
func (d *Display) Run(ctx context.Context, args ...string) Result {
	d.t.Helper()
	as := append([]string{"setpriv", "--reuid=" + d.User, "--regid=" + d.User, "--init-groups", "env", "-i"}, d.env...)
	return d.host.run(ctx, nil, append(as, args...))
}

// Start starts a command of the shell, of one line, in the session, as from a
// menu of the desktop. It returns at once.
func (d *Display) Start(command string) {
	d.t.Helper()
	d.host.must(strings.NewReader(command+"\n"), "sh", "-c", `cat >"$1"`, "sh", d.runtime+"/lab-start")
}

// Screenshot returns what is on the screen, and keeps it as NAME.png in [Shots],
// in a directory of the test. That of a test that failed is kept as failed.png.
func (d *Display) Screenshot(name string) image.Image {
	d.t.Helper()
	shot := d.robot.look()
	dir := filepath.Join(Shots, strings.ReplaceAll(d.t.Name(), "/", "-"))
	if Shots == "" {
		dir = d.t.ArtifactDir()
	}
	if err := writePNG(filepath.Join(dir, name+".png"), shot); err != nil {
		d.t.Fatalf("lab: picture of the screen: %v", err)
	}
	return shot
}

func writePNG(path string, shot image.Image) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := png.Encode(f, shot); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// keepFailure shows what the screen was like when the test failed.
func (d *Display) keepFailure() {
	if d.t.Failed() {
		d.Screenshot("failed")
	}
}

// Click presses the left button of the mouse in the middle of an area. When it
// returns, the display server has got it.
func (d *Display) Click(area image.Rectangle) {
	d.t.Helper()
	d.robot.click(middle(area), leftButton)
}

// MiddleClick is Click with the middle button.
func (d *Display) MiddleClick(area image.Rectangle) {
	d.t.Helper()
	d.robot.click(middle(area), middleButton)
}

func middle(area image.Rectangle) image.Point { return area.Min.Add(area.Max).Div(2) }

// Press presses keys one after another by the names that X11 has for them, such
// as "Return" or "Escape". On sway only X11 programs get them.
func (d *Display) Press(keys ...string) {
	d.t.Helper()
	d.robot.press(keys)
}

// Windows returns the windows that are on the screen now. Notifications of
// Wayland are none.
func (d *Display) Windows() []Window {
	d.t.Helper()
	return d.robot.windows()
}

// WaitWindow returns where the window is that has the text in its title, as soon
// as there is one.
func (d *Display) WaitWindow(title string, timeout time.Duration) (image.Rectangle, error) {
	d.t.Helper()
	ctx, cancel := within(d.t, timeout)
	defer cancel()
	var found Window
	var seen []Window
	err := poll(ctx, func() bool {
		seen = d.Windows()
		for _, w := range seen {
			if strings.Contains(w.Title, title) {
				found = w
				return true
			}
		}
		return false
	})
	if err != nil {
		return image.Rectangle{}, fmt.Errorf("display of %s: no window %q: %w; there are %+v", d.User, title, err, seen)
	}
	return found.Area, nil
}

// WaitChange returns the area in which the screen differs from a picture taken
// before, as soon as it does and nothing moves any more. That finds also what is
// no window, such as a notification of Wayland.
func (d *Display) WaitChange(before image.Image, timeout time.Duration) (image.Rectangle, error) {
	d.t.Helper()
	old := pixels(before)
	var area image.Rectangle
	err := d.waitScreen(timeout, still, func(now *image.RGBA) bool {
		area = difference(old, now)
		return !area.Empty()
	})
	return area, err
}

// WaitLike returns nil as soon as the screen is as in a picture taken before.
func (d *Display) WaitLike(before image.Image, timeout time.Duration) error {
	d.t.Helper()
	old := pixels(before)
	var area image.Rectangle
	err := d.waitScreen(timeout, still, func(now *image.RGBA) bool {
		area = difference(old, now)
		return area.Empty()
	})
	if err != nil {
		return fmt.Errorf("%w; it is different in %v", err, area)
	}
	return nil
}

// still is for how long nothing moves when a program has drawn what it wants to
// show.
const still = 200 * time.Millisecond

// waitScreen returns nil as soon as the screen is as wanted and nothing has moved
// for a while.
func (d *Display) waitScreen(timeout, while time.Duration, wanted func(*image.RGBA) bool) error {
	d.t.Helper()
	ctx, cancel := within(d.t, timeout)
	defer cancel()
	last, since := d.robot.look(), time.Now()
	err := poll(ctx, func() bool {
		if now := d.robot.look(); !difference(last, now).Empty() {
			last, since = now, time.Now()
		}
		return time.Since(since) >= while && wanted(last)
	})
	if err != nil {
		return fmt.Errorf("display of %s: the screen does not come to be as wanted: %w", d.User, err)
	}
	return nil
}
