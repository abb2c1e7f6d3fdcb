package lab

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// robotLimit is how long a robot has for one movement.
const robotLimit = 10 * time.Second

// An xRobot acts on Xvfb. Its hands are one xdotool for all the time, which is
// root's, so that the person has no program that does not belong to the desktop.
type xRobot struct {
	t     testing.TB
	host  *Host
	env   []string
	hands *exec.Cmd
	in    io.Writer
	out   *tape
}

func newXRobot(d *Display) *xRobot {
	d.t.Helper()
	r := &xRobot{t: d.t, host: d.host, out: newTape(),
		env: []string{"env", "DISPLAY=" + d.Getenv("DISPLAY"), "XAUTHORITY=" + d.Getenv("XAUTHORITY")}}
	r.hands = r.host.command(context.WithoutCancel(d.t.Context()), append(r.env, "stdbuf", "-oL", "xdotool", "-")...)
	r.hands.Stdout, r.hands.Stderr = r.out, r.out
	in, err := r.hands.StdinPipe()
	if err == nil {
		err = r.hands.Start()
	}
	if err != nil {
		d.t.Fatalf("lab: hands on the display of %s: %v", d.User, err)
	}
	r.in = in
	d.t.Cleanup(func() {
		_ = in.Close() // which ends xdotool
		_ = r.hands.Wait()
	})
	return r
}

// look reads the file in which Xvfb has its pixels.
func (r *xRobot) look() *image.RGBA {
	r.t.Helper()
	file, err := os.ReadFile(fmt.Sprintf("/proc/%d/root/run/lab-screen/Xvfb_screen0", r.host.pid))
	if err != nil {
		r.t.Fatalf("lab: pixels of Xvfb: %v", err)
	}
	img, err := decodeXWD(file)
	if err != nil {
		r.t.Fatalf("lab: pixels of Xvfb: %v", err)
	}
	return img
}

func (r *xRobot) click(at image.Point, b button) {
	r.t.Helper()
	r.do(fmt.Sprintf("mousemove %d %d\nclick %d\n", at.X, at.Y, map[button]int{leftButton: 1, middleButton: 2}[b]))
}

func (r *xRobot) press(keys []string) {
	r.t.Helper()
	r.do("key " + strings.Join(keys, " ") + "\n")
}

// do has commands carried out. That they are, the answer to a last one says.
func (r *xRobot) do(commands string) {
	r.t.Helper()
	said := len(r.out.String())
	if _, err := io.WriteString(r.in, commands+"getdisplaygeometry\n"); err != nil {
		r.t.Fatalf("lab: xdotool: %v", err)
	}
	ctx, cancel := within(r.t, robotLimit)
	defer cancel()
	err := r.out.wait(ctx, func(text []byte) bool { return bytes.Contains(text[said:], []byte("\n")) })
	if answer := r.out.String()[said:]; err != nil || answer != "1024 768\n" {
		r.t.Fatalf("lab: xdotool: %v, %q; after %q", err, answer, commands)
	}
}

// windows asks one program which windows are on the screen, and another what
// they are.
func (r *xRobot) windows() []Window {
	r.t.Helper()
	visible := "xdotool search --onlyvisible --name . | xargs printf 'visible 0x%x\\n'; xwininfo -root -tree"
	return parseWindows(r.host.Must(append(r.env, "sh", "-c", visible)...))
}

// windowLine is a line of xwininfo -tree, such as
//
//	0x1200003 "title": ("name" "Class")  245x120+0+0  +763+16
var windowLine = regexp.MustCompile(`^ *(0x[0-9a-f]+) "(.*)": \("[^"]*" "([^"]*)"\)  (\d+)x(\d+)\S+  \+(-?\d+)\+(-?\d+)$`)

func parseWindows(text string) []Window {
	visible := map[string]bool{}
	var windows []Window
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if id, ok := strings.CutPrefix(line, "visible "); ok {
			visible[id] = true
		}
		if m := windowLine.FindStringSubmatch(line); m != nil && visible[m[1]] {
			windows = append(windows, Window{Title: m[2], Class: m[3], Area: area(m[4:])})
		}
	}
	return windows
}

// area is that of width, height, and the upper left corner.
func area(numbers []string) image.Rectangle {
	var n [4]int
	for i := range n {
		n[i], _ = strconv.Atoi(numbers[i]) // digits, by the pattern
	}
	return image.Rect(n[2], n[3], n[2]+n[0], n[3]+n[1])
}
