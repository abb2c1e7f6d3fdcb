package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"strings"
	"testing"
)

// A gnomeRobot acts on GNOME Shell, by JavaScript that the shell evaluates.
type gnomeRobot struct {
	t       testing.TB
	display *Display
}

// prepare leaves nothing on the screen that moves by itself, and plugs in a mouse
// and a keyboard.
const prepare = `
	if (Main.layoutManager._startingUp) throw new Error('starting');
	imports.gi.St.Settings.get().inhibit_animations();
	Main.overview.hide();
	Main.panel.get_children().forEach(box => box.hide());
	const {InputDeviceType} = imports.gi.Clutter;
	const seat = imports.gi.Clutter.get_default_backend().get_default_seat();
	global.labMouse = seat.create_virtual_device(InputDeviceType.POINTER_DEVICE);
	global.labKeyboard = seat.create_virtual_device(InputDeviceType.KEYBOARD_DEVICE);
	true`

func newGnomeRobot(d *Display) *gnomeRobot {
	d.t.Helper()
	r := &gnomeRobot{t: d.t, display: d}
	d.host.await("GNOME Shell of "+d.User, func() bool {
		_, err := r.eval(d.t.Context(), prepare)
		return err == nil
	})
	return r
}

// look has the shell write a picture to a file.
func (r *gnomeRobot) look() *image.RGBA {
	r.t.Helper()
	// Also when the test has ended and failed.
	ctx, cancel := context.WithTimeout(context.Background(), robotLimit)
	defer cancel()
	shot := r.display.Run(ctx, "sh", "-c", `busctl --user --quiet call org.gnome.Shell.Screenshot /org/gnome/Shell/Screenshot \
		org.gnome.Shell.Screenshot Screenshot bbs false false "$XDG_RUNTIME_DIR/lab.png" && cat "$XDG_RUNTIME_DIR/lab.png"`)
	img, err := png.Decode(bytes.NewReader([]byte(shot.Stdout)))
	if err != nil {
		r.t.Fatalf("lab: screenshot of GNOME Shell: %v\n%s", err, shot.Stderr)
	}
	return pixels(img)
}

func (r *gnomeRobot) click(at image.Point, b button) {
	r.t.Helper()
	// The numbers of Clutter. A time of 0 is now.
	number := map[button]int{leftButton: 1, middleButton: 2}[b]
	r.do(`global.labMouse.notify_absolute_motion(0, %d, %d); [1, 0].forEach(pressed => global.labMouse.notify_button(0, %d, pressed))`,
		at.X, at.Y, number)
}

func (r *gnomeRobot) press(keys []string) {
	r.t.Helper()
	for _, key := range keys {
		r.do(`[1, 0].forEach(pressed => global.labKeyboard.notify_keyval(0, imports.gi.Clutter[%q], pressed))`, "KEY_"+key)
	}
}

func (r *gnomeRobot) windows() []Window {
	r.t.Helper()
	text := r.do(`global.get_window_actors().map(actor => actor.meta_window).filter(window => !window.minimized).map(window => {
		const area = window.get_frame_rect();
		return {title: window.title ?? '', class: window.wm_class ?? '', x: area.x, y: area.y, width: area.width, height: area.height};
	})`)
	var list []struct {
		Title, Class        string
		X, Y, Width, Height int
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		r.t.Fatalf("lab: windows of GNOME Shell: %v in %s", err, text)
	}
	var windows []Window
	for _, w := range list {
		windows = append(windows, Window{w.Title, w.Class, image.Rect(w.X, w.Y, w.X+w.Width, w.Y+w.Height)})
	}
	return windows
}

// do has the shell evaluate a program, and returns its value as JSON.
func (r *gnomeRobot) do(format string, args ...any) string {
	r.t.Helper()
	ctx, cancel := within(r.t, robotLimit)
	defer cancel()
	value, err := r.eval(ctx, fmt.Sprintf(format, args...))
	if err != nil {
		r.t.Fatalf("lab: GNOME Shell: %v", err)
	}
	return value
}

func (r *gnomeRobot) eval(ctx context.Context, program string) (string, error) {
	call := r.display.Run(ctx, "busctl", "--user", "--json=short", "call", "org.gnome.Shell", "/org/gnome/Shell",
		"org.gnome.Shell", "Eval", "s", program)
	var answer struct{ Data []any }
	if err := json.Unmarshal([]byte(call.Stdout), &answer); err != nil || len(answer.Data) != 2 {
		return "", fmt.Errorf("no answer: %s", strings.TrimSpace(call.Stderr))
	}
	value, _ := answer.Data[1].(string)
	if answer.Data[0] != true {
		return "", fmt.Errorf("%s in %s", value, program)
	}
	return value, nil
}
