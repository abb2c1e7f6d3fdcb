package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"testing"
)

// A swayRobot acts on sway. Its programs are root's, as those of an xRobot.
type swayRobot struct {
	t       testing.TB
	host    *Host
	display *Display
	env     []string
	mouse   *virtualMouse
	size    image.Point // of the screen
}

func newSwayRobot(d *Display) *swayRobot {
	d.t.Helper()
	r := &swayRobot{t: d.t, host: d.host, display: d, env: []string{"env"}}
	for _, name := range []string{"XDG_RUNTIME_DIR", "WAYLAND_DISPLAY", "SWAYSOCK"} {
		r.env = append(r.env, name+"="+d.Getenv(name))
	}
	socket := fmt.Sprintf("/proc/%d/root%s/%s", d.host.pid, d.runtime, d.Getenv("WAYLAND_DISPLAY"))
	mouse, err := plugIn(socket)
	if err != nil {
		d.t.Fatalf("lab: mouse on the display of %s: %v", d.User, err)
	}
	r.mouse = mouse
	d.t.Cleanup(mouse.close)
	r.size = r.look().Rect.Size()
	return r
}

func (r *swayRobot) look() *image.RGBA {
	r.t.Helper()
	// Also when the test has ended and failed.
	ctx, cancel := context.WithTimeout(context.Background(), robotLimit)
	defer cancel()
	shot := r.host.run(ctx, nil, append(r.env, "grim", "-l", "0", "-"))
	img, err := png.Decode(bytes.NewReader([]byte(shot.Stdout)))
	if err != nil {
		r.t.Fatalf("lab: grim: %v\n%s", err, shot.Stderr)
	}
	return pixels(img)
}

func (r *swayRobot) click(at image.Point, b button) {
	r.t.Helper()
	code := map[button]uint32{leftButton: 0x110, middleButton: 0x112}[b]
	if err := r.mouse.click(at, r.size, code); err != nil {
		r.t.Fatalf("lab: click on %v: %v", at, err)
	}
}

// press is for X11 programs only. A keyboard of Wayland brings its own layout,
// and programs that get to know it late read other letters.
func (r *swayRobot) press(keys []string) {
	r.t.Helper()
	ctx, cancel := within(r.t, robotLimit)
	defer cancel()
	// Xwayland lets in nobody but the person, not even root.
	if x := r.display.Run(ctx, append([]string{"xdotool", "key"}, keys...)...); x.Code != 0 {
		r.t.Fatalf("lab: xdotool: %+v", x)
	}
}

func (r *swayRobot) windows() []Window {
	r.t.Helper()
	var tree swayNode
	text := r.host.Must(append(r.env, "swaymsg", "--raw", "--type", "get_tree")...)
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		r.t.Fatalf("lab: tree of sway: %v", err)
	}
	return tree.windows()
}

// A swayNode is a part of the tree that sway-ipc(7) describes: an output, a
// workspace, a container, a window.
type swayNode struct {
	Name       string
	AppID      string `json:"app_id"`
	PID        int
	Visible    bool
	Rect       swayRect
	WindowRect swayRect `json:"window_rect"` // without the frame, within Rect
	Properties struct {
		Class string
	} `json:"window_properties"` // of X11
	Nodes    []swayNode
	Floating []swayNode `json:"floating_nodes"`
}

type swayRect struct{ X, Y, Width, Height int }

// windows returns those below a node; only they have a process.
func (n *swayNode) windows() []Window {
	var found []Window
	if n.PID != 0 && n.Visible {
		x, y := n.Rect.X+n.WindowRect.X, n.Rect.Y+n.WindowRect.Y
		found = append(found, Window{Title: n.Name, Class: n.AppID + n.Properties.Class,
			Area: image.Rect(x, y, x+n.WindowRect.Width, y+n.WindowRect.Height)})
	}
	for _, below := range append(n.Nodes, n.Floating...) {
		found = append(found, below.windows()...)
	}
	return found
}
