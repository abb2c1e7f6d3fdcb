package dialog

import (
	"context"
	"errors"
	"image"
	"slices"
	"strings"
	"testing"
	"time"

	"msg/internal/hosttest"
)

// limit bounds what a test waits for; it is reached only by a failure.
const limit = 20 * time.Second

// running is a dialog on a real X server.
type running struct {
	x       *hosttest.X
	window  hosttest.XWindow
	missing []rune
	ended   chan end
	cancel  context.CancelFunc
}

// end is what Show returned.
type end struct {
	result Result
	err    error
}

func envOf(x *hosttest.X) Env { return Env{Display: x.Display, Xauthority: x.Xauthority} }

// begin shows r, and returns when it is on the screen. Keys are not held back.
func begin(t *testing.T, x *hosttest.X, r Request) *running {
	t.Helper()
	return beginWith(t, x, r, options{})
}

func beginWith(t *testing.T, x *hosttest.X, r Request, o options) *running {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	d := &running{x: x, ended: make(chan end, 1), cancel: cancel}
	missing := make(chan []rune, 2)
	go func() {
		result, err := show(ctx, envOf(x), r, func(m []rune) { missing <- m }, o)
		d.ended <- end{result, err}
	}()
	done := make(chan struct{})
	t.Cleanup(func() {
		cancel()
		<-done
	})
	select {
	case d.missing = <-missing:
	case e := <-d.ended:
		close(done)
		t.Fatalf("the dialog was not shown: %+v, %v", e.result, e.err)
	}
	close(done)
	d.window = x.Window(t, cleaned(r).Title)
	return d
}

// wait returns what Show returned.
func (d *running) wait(t *testing.T) Result {
	t.Helper()
	e := <-d.ended
	if e.err != nil {
		t.Fatalf("Show returned %v", e.err)
	}
	return e.result
}

// button finds the middle of the button with that label, from its place in an
// equal view.
func (d *running) button(t *testing.T, r Request, label string) image.Point {
	t.Helper()
	v, _ := newView(cleaned(r), geometry{d.x.Screen, 1}, nil)
	if v.size != d.window.Area.Size() {
		t.Fatalf("the window has the size %v, not %v", d.window.Area.Size(), v.size)
	}
	for _, b := range v.buttons {
		if b.name == label {
			return b.area.Min.Add(b.area.Max).Div(2).Add(d.window.Area.Min)
		}
	}
	t.Fatalf("there is no button %q", label)
	return image.Point{}
}

func request(buttons ...string) Request {
	return Request{Title: "A title", By: "alice on dione", Text: "Lunch is in ten minutes.", Buttons: buttons}
}

func TestAnswers(t *testing.T) {
	x := hosttest.XServer(t, "1024x768x24")
	yes, no, cancel := "Yes", "No", "Cancel"
	three := []string{yes, no, cancel}
	for _, c := range []struct {
		name    string
		buttons []string
		do      func(d *running, r Request)
		want    Result
	}{
		{"click on the first", three, func(d *running, r Request) { x.Click(t, d.button(t, r, yes)) }, Result{yes, Answered}},
		{"click on the last", three, func(d *running, r Request) { x.Click(t, d.button(t, r, cancel)) }, Result{cancel, Answered}},
		{"Enter", three, func(d *running, r Request) { x.Key(t, hosttest.KeyReturn) }, Result{yes, Answered}},
		{"space", three, func(d *running, r Request) { x.Key(t, hosttest.KeySpace) }, Result{yes, Answered}},
		{"Escape", three, func(d *running, r Request) { x.Key(t, hosttest.KeyEscape) }, Result{cancel, Answered}},
		{"Escape without Cancel", []string{yes, no}, func(d *running, r Request) { x.Key(t, hosttest.KeyEscape) }, Result{"", Dismissed}},
		{"Tab and space", three, func(d *running, r Request) {
			x.Key(t, hosttest.KeyTab)
			x.Key(t, hosttest.KeySpace)
		}, Result{no, Answered}},
		{"right, right, left", three, func(d *running, r Request) {
			for _, k := range []uint32{hosttest.KeyRight, hosttest.KeyRight, hosttest.KeyLeft, hosttest.KeySpace} {
				x.Key(t, k)
			}
		}, Result{no, Answered}},
		{"back around the end", three, func(d *running, r Request) {
			x.Key(t, hosttest.KeyShift, hosttest.KeyTab)
			x.Key(t, hosttest.KeySpace)
		}, Result{cancel, Answered}},
		{"Enter where the focus is", three, func(d *running, r Request) {
			x.Key(t, hosttest.KeyTab)
			x.Key(t, hosttest.KeyReturn)
		}, Result{no, Answered}},
		{"keys of the window manager", three, func(d *running, r Request) {
			x.Key(t, hosttest.KeyControl, hosttest.KeyReturn)
			x.Key(t, hosttest.KeyEscape)
		}, Result{cancel, Answered}},
		{"pressed here, let go there", three, func(d *running, r Request) {
			x.Press(t, 1, d.button(t, r, yes))
			x.Release(t, 1, d.button(t, r, no))
			x.Press(t, 1, d.window.Area.Min.Add(image.Pt(50, 50)))
			x.Release(t, 1, d.button(t, r, yes))
			x.Click(t, d.button(t, r, no))
		}, Result{no, Answered}},
		{"other buttons of the mouse", three, func(d *running, r Request) {
			x.Press(t, 3, d.button(t, r, yes))
			x.Release(t, 3, d.button(t, r, yes))
			x.Click(t, d.button(t, r, no))
		}, Result{no, Answered}},
		{"the close button", three, func(d *running, r Request) { x.Protocol(t, d.window, "WM_DELETE_WINDOW") }, Result{"", Dismissed}},
		{"no button asked for", nil, func(d *running, r Request) { x.Click(t, d.button(t, r, "OK")) }, Result{"", Answered}},
		{"a label that is not clean", []string{"O\x1bK"}, func(d *running, r Request) { x.Key(t, hosttest.KeyReturn) }, Result{"O\x1bK", Answered}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request(c.buttons...)
			d := begin(t, x, r)
			c.do(d, r)
			if got := d.wait(t); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if left := x.Windows(t); len(left) != 0 {
				t.Errorf("windows are left: %v", left)
			}
		})
	}
}

// TestGuard works with the clock of the server, which events carry.
func TestGuard(t *testing.T) {
	x := hosttest.XServer(t, "1024x768x24")
	second := uint32(keyGuard / time.Millisecond)
	early := x.Time(t) + second*9/10
	d := beginWith(t, x, request("Yes"), options{guard: keyGuard})
	late := x.Time(t) + 2*second
	x.KeyAt(t, d.window, hosttest.KeyEscape, true, early)
	x.KeyAt(t, d.window, hosttest.KeyReturn, true, late)
	if got := d.wait(t); got != (Result{"Yes", Answered}) {
		t.Errorf("got %+v: a key in the first second counts", got)
	}
}

// TestGuardAfterFocus: a dialog that gets the keyboard later, because another
// window was closed, is new to whoever is typing.
func TestGuardAfterFocus(t *testing.T) {
	x := hosttest.XServer(t, "1024x768x24")
	begin(t, x, Request{Title: "the one that has the keyboard"})
	guard := uint32(time.Hour / time.Millisecond)
	d := beginWith(t, x, request("Yes"), options{guard: time.Hour})
	up, now := x.Time(t), uint32(0)
	x.Until(t, "a millisecond", func() bool { now = x.Time(t); return now > up })
	x.Focus(t, d.window)
	// Late enough after it came up, but not after it got the keyboard.
	x.KeyAt(t, d.window, hosttest.KeyEscape, true, now+guard-1)
	// How late is late enough is not known before the dialog has seen that it
	// has the keyboard.
	for {
		x.KeyAt(t, d.window, hosttest.KeyReturn, true, x.Time(t)+2*guard)
		select {
		case e := <-d.ended:
			if e.result.Outcome != Answered {
				t.Errorf("got %+v, %v", e.result, e.err)
			}
			return
		default:
		}
	}
}

// TestHeldKey: a key that is held comes as released and pressed at one time.
func TestHeldKey(t *testing.T) {
	x := hosttest.XServer(t, "1024x768x24")
	d := begin(t, x, request("Yes", "No", "Cancel"))
	now := x.Time(t)
	for _, k := range []uint32{hosttest.KeyReturn, hosttest.KeyEscape, hosttest.KeySpace} {
		x.KeyAt(t, d.window, k, false, now)
		x.KeyAt(t, d.window, k, true, now)
	}
	x.KeyAt(t, d.window, hosttest.KeyTab, false, now) // this one may repeat
	x.KeyAt(t, d.window, hosttest.KeyTab, true, now)
	x.KeyAt(t, d.window, hosttest.KeySpace, true, now+1)
	if got := d.wait(t); got != (Result{"No", Answered}) {
		t.Errorf("got %+v", got)
	}
}

func TestEnds(t *testing.T) {
	x := hosttest.XServer(t, "1024x768x24")
	t.Run("time-out", func(t *testing.T) {
		r := request("OK")
		r.Timeout = 300 * time.Millisecond
		before := time.Now()
		if got := begin(t, x, r).wait(t); got != (Result{"", Expired}) {
			t.Errorf("got %+v", got)
		}
		if took := time.Since(before); took < r.Timeout {
			t.Errorf("it was over after %v", took)
		}
	})
	t.Run("context", func(t *testing.T) {
		r := request("OK")
		r.Timeout = time.Hour
		d := begin(t, x, r)
		d.cancel()
		if e := <-d.ended; !errors.Is(e.err, context.Canceled) || e.result != (Result{}) {
			t.Errorf("got %+v, %v", e.result, e.err)
		}
	})
	if left := x.Windows(t); len(left) != 0 {
		t.Errorf("windows are left: %v", left)
	}
	t.Run("ended before it began", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := Show(ctx, envOf(x), request(), func([]rune) { t.Error("shown") })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no time at all", func(t *testing.T) {
		r := request()
		r.Timeout = 1
		got, err := Show(t.Context(), envOf(x), r, func([]rune) { t.Error("shown") })
		if err != nil || got.Outcome != Expired {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("server", func(t *testing.T) {
		d := begin(t, x, request("OK"))
		x.Kill()
		if got := d.wait(t); got != (Result{"", Gone}) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("no server", func(t *testing.T) {
		_, err := Show(t.Context(), envOf(x), request(), nil)
		if err == nil || !strings.Contains(err.Error(), "connecting to X server") {
			t.Errorf("got %v", err)
		}
	})
}

func TestSeveral(t *testing.T) {
	x := hosttest.XServer(t, "1024x768x24")
	requests, dialogs := make([]Request, 5), make([]*running, 5)
	for i := range dialogs {
		requests[i] = request("Yes", "No")
		requests[i].Title, requests[i].Position = "Title "+string(rune('A'+i)), i
		dialogs[i] = begin(t, x, requests[i])
	}
	for i, d := range dialogs {
		for _, other := range dialogs[:i] {
			if d.window.Area.Min.Eq(other.window.Area.Min) {
				t.Errorf("two dialogs are at %v", d.window.Area)
			}
		}
		if !d.window.Area.In(x.Screen) {
			t.Errorf("%v is not on the screen", d.window.Area)
		}
	}
	for i, d := range slices.Backward(dialogs) { // the topmost first
		x.Click(t, d.button(t, requests[i], "No"))
		if got := d.wait(t); got != (Result{"No", Answered}) {
			t.Errorf("dialog %d: %+v", i, got)
		}
	}
}

func TestVisuals(t *testing.T) {
	for _, c := range []struct {
		screen string
		args   []string
		want   string // part of the error
	}{
		{"640x480x24", nil, ""},
		{"640x480x16", nil, ""}, // by the visual that servers have for transparent windows
		{"640x480x8", []string{"-extension", "Composite"}, "depth of 8 bits"},
		{"640x480x16", []string{"-extension", "Composite"}, "depth of 16 bits"},
	} {
		t.Run(c.screen+strings.Join(c.args, " "), func(t *testing.T) {
			x := hosttest.XServer(t, c.screen, c.args...)
			if c.want == "" {
				d := begin(t, x, request("OK"))
				x.Key(t, hosttest.KeyReturn)
				if got := d.wait(t); got.Outcome != Answered {
					t.Errorf("got %+v", got)
				}
				return
			}
			_, err := Show(t.Context(), envOf(x), request(), func([]rune) { t.Error("shown") })
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAuthority(t *testing.T) {
	x := hosttest.XServer(t, "640x480x24")
	for _, env := range []Env{{Display: x.Display}, {Display: x.Display, Xauthority: t.TempDir() + "/none"}, {Display: x.Display, Home: t.TempDir()}} {
		_, err := Show(t.Context(), env, request(), func([]rune) { t.Error("shown") })
		if err == nil || !strings.Contains(err.Error(), "connecting to X server") {
			t.Errorf("%+v: got %v", env, err)
		}
	}
	_, err := Show(t.Context(), Env{Display: x.Display, Xauthority: t.TempDir()}, request(), func([]rune) { t.Error("shown") })
	if err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Errorf("got %v", err)
	}
}
