package dialog

import (
	"image"
	"image/color"
	"image/draw"
	"slices"
	"strings"
	"testing"

	"msg/internal/hosttest"
)

// TestPainted looks at the screen: text is where it belongs, and the button
// that is seen is the one that is pressed.
func TestPainted(t *testing.T) {
	x := hosttest.XServer(t, "1024x768x24")
	r := request("OK", "Cancel")
	d := begin(t, x, r)
	v, _ := newView(cleaned(r), geometry{x.Screen, 1}, nil)
	if center := d.window.Area.Min.Add(d.window.Area.Max).Div(2); center != image.Pt(512, 384) {
		t.Errorf("the middle of the window is at %v", center)
	}
	shot := x.Screenshot(t, d.window.Area)
	want := image.NewRGBA(image.Rectangle{Max: v.size})
	v.paint(want)
	if !slices.Equal(shot.Pix, want.Pix) {
		t.Error("the screen shows something else than was painted")
	}
	if n := count(shot, v.bodyArea, ink); n < 60 {
		t.Errorf("%d pixels of the text are dark", n)
	}
	title := image.Rect(0, v.px(stripe), v.size.X, v.bodyArea.Min.Y)
	if n := count(shot, title, ink); n < 80 {
		t.Errorf("%d pixels of the title are dark", n)
	}
	if n := count(shot, v.buttons[0].area, accent); n < v.buttons[0].area.Dx()*v.buttons[0].area.Dy()*8/10 {
		t.Errorf("%d pixels of the default button have its colour", n)
	}
	if n := count(shot, v.buttons[1].area, accent); n != 0 {
		t.Errorf("%d pixels of the other button have the colour of the default", n)
	}
	x.Click(t, v.buttons[1].area.Min.Add(d.window.Area.Min).Add(image.Pt(10, 10)))
	if got := d.wait(t); got.Button != "Cancel" {
		t.Errorf("got %+v", got)
	}
}

// count counts the pixels of an area that have that colour.
func count(img *image.RGBA, area image.Rectangle, c color.RGBA) int {
	n := 0
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			if img.RGBAAt(x, y) == c {
				n++
			}
		}
	}
	return n
}

func TestUncovered(t *testing.T) {
	x := hosttest.XServer(t, "1024x768x24")
	d := begin(t, x, request("OK"))
	before := x.Screenshot(t, d.window.Area)
	uncover := x.Cover(t, x.Screen)
	if slices.Equal(before.Pix, x.Screenshot(t, d.window.Area).Pix) {
		t.Fatal("the dialog was not covered")
	}
	uncover()
	x.Until(t, "the dialog again", func() bool { return slices.Equal(before.Pix, x.Screenshot(t, d.window.Area).Pix) })
}

func TestScroll(t *testing.T) {
	x := hosttest.XServer(t, "640x480x24")
	r := Request{Title: "Long", By: "by", Text: strings.Repeat("one line and the next, which is longer\n", 220)[:8192], Buttons: []string{"OK"}}
	d := begin(t, x, r)
	if !d.window.Area.In(x.Screen) {
		t.Fatalf("the window is at %v", d.window.Area)
	}
	v, _ := newView(cleaned(r), geometry{x.Screen, 1}, nil)
	origin := d.window.Area.Min
	// Each of these leads to a view that was moved in the same way. What is
	// compared is the left part of the text, and the scroll bar.
	parts := []image.Rectangle{image.Rect(v.bodyArea.Min.X, v.bodyArea.Min.Y, 120, v.bodyArea.Max.Y), v.bar}
	shows := func(what string, change bool) {
		t.Helper()
		if !change {
			t.Errorf("%s does nothing", what)
		}
		want := image.NewRGBA(image.Rectangle{Max: v.size})
		v.paint(want)
		for _, part := range parts {
			x.Until(t, what, func() bool { return slices.Equal(x.Screenshot(t, part.Add(origin)).Pix, cut(want, part).Pix) })
		}
	}
	wheel := func(button byte) {
		x.Press(t, button, origin.Add(v.bodyArea.Min))
		x.Release(t, button, origin.Add(v.bodyArea.Min))
	}
	wheel(wheelDown)
	shows("the wheel", v.scrollBy(wheelLines*v.lineHeight))
	x.Key(t, hosttest.KeyDown)
	shows("down", v.move(actionDown))
	x.Key(t, hosttest.KeyPageDown)
	shows("page down", v.move(actionPageDown))
	x.Key(t, hosttest.KeyEnd)
	shows("end", v.move(actionBottom))
	wheel(wheelUp)
	shows("the wheel back", v.scrollBy(-wheelLines*v.lineHeight))
	x.Key(t, hosttest.KeyHome)
	shows("home", v.move(actionTop))
	middle := v.bar.Min.Add(v.bar.Max).Div(2)
	x.Press(t, 1, origin.Add(middle))
	shows("the scroll bar", v.press(middle))
	x.Move(t, origin.Add(v.bar.Max))
	shows("dragging", v.drag(v.bar.Max))
	if v.scroll != v.maxScroll() {
		t.Errorf("scrolled to %d of %d", v.scroll, v.maxScroll())
	}
	x.Release(t, 1, origin.Add(v.bar.Max))
	x.Click(t, d.button(t, r, "OK"))
	if got := d.wait(t); got.Outcome != Answered {
		t.Errorf("got %+v", got)
	}
}

// cut copies a part of an image.
func cut(img *image.RGBA, part image.Rectangle) *image.RGBA {
	out := image.NewRGBA(image.Rectangle{Max: part.Size()})
	draw.Draw(out, out.Rect, img, part.Min, draw.Src)
	return out
}

func TestMissing(t *testing.T) {
	x := hosttest.XServer(t, "1024x768x24")
	r := request("OK")
	r.Title, r.Text = "Ä \ue001", "Grüße \U0010fffd \ue001 \ue000"
	d := begin(t, x, r)
	// Private characters are made visible by internal/text; others that no font
	// here has are told.
	if len(d.missing) != 0 {
		t.Errorf("missing %U", d.missing)
	}
	r.Title, r.Text = "Other", "中文 and 😀, 中"
	d = begin(t, x, r)
	if want := []rune("中文😀"); !slices.Equal(d.missing, want) {
		t.Errorf("missing %q, want %q", d.missing, want)
	}
	v, missing := newView(cleaned(r), geometry{x.Screen, 1}, nil)
	if got, want := note(missing), "3 characters cannot be shown: U+4E2D U+6587 U+1F600"; got != want {
		t.Errorf("the note is %q, want %q", got, want)
	}
	last := v.head[len(v.head)-1]
	area := image.Rectangle{Min: last.at, Max: last.at.Add(image.Pt(v.bodyArea.Dx(), last.style.height))}
	if n := count(x.Screenshot(t, d.window.Area), area, faint); n < 50 {
		t.Errorf("%d pixels of the note are grey", n)
	}
}

func TestDensity(t *testing.T) {
	x := hosttest.XServer(t, "1920x1080x24")
	single := begin(t, x, request("OK")).window.Area.Size()
	x.SetRootProperty(t, "RESOURCE_MANAGER", "Xft.antialias:\t1\nXft.dpi:\t192\n")
	r := request("OK")
	r.Title = "B title"
	double := begin(t, x, r).window.Area.Size()
	if double.Y != 2*single.Y {
		t.Errorf("the sizes are %v and %v", single, double)
	}
}
