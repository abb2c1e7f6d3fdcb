package dialog

import (
	"golang.org/x/image/math/fixed"
	"image"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func embeddedSetter() *setter {
	faces, _ := newFonts(nil)
	return &setter{fonts: faces}
}

// checkLines holds what lines promises: all characters are there, and a line is
// too wide only if it is one character.
func checkLines(t *testing.T, s *setter, text string, width int) {
	t.Helper()
	st := style{size: 15, height: 22}
	all := []rune(strings.ReplaceAll(strings.ReplaceAll(text, "\t", tabSpaces), "\n", ""))
	got := 0
	for i, l := range s.lines(text, st, width, 0) {
		first := got
		for _, run := range l.runs {
			got += run.Runes.Count
		}
		part := strings.TrimRightFunc(string(all[first:got]), unicode.IsSpace)
		clusters := 0
		eachCluster(part, func(string) { clusters++ })
		// Parts of a pixel do not count. Marks on marks can hold more together
		// than one character.
		marked := strings.ContainsFunc(part, unicode.IsMark)
		if l.width < 0 || l.width >= fixed.I(width+1) && clusters > 1 && !marked {
			t.Errorf("line %d of %q, %q, is %v wide in %d", i, text, part, l.width, width)
		}
	}
	if got != len(all) {
		t.Errorf("%q: %d characters came out of %d", text, got, len(all))
	}
	for _, limit := range []int{1, 2} {
		paragraph, _, _ := strings.Cut(text, "\n")
		if n := len(s.lines(paragraph, st, width, limit)); n > limit || n == 0 {
			t.Errorf("%q: %d lines, limit %d", paragraph, n, limit)
		}
	}
}

func TestLines(t *testing.T) {
	s := embeddedSetter()
	st := style{size: 15, height: 22}
	for _, c := range []struct {
		text  string
		width int
		lines int
	}{
		{"", 300, 1},
		{"\n\n", 300, 3},
		{"one two", 300, 1},
		{"one two three", 45, 3},
		{"a\tb\nc", 300, 2},
		{strings.Repeat("x", 100), 300, 3},
		{"word " + strings.Repeat("x", 60), 300, 3},
	} {
		if got := len(s.lines(c.text, st, c.width, 0)); got != c.lines {
			t.Errorf("%q: %d lines, want %d", c.text, got, c.lines)
		}
		checkLines(t, s, c.text, c.width)
	}
	checkLines(t, s, "שלום world مرحبا 123 (שלום) e\u0301\u0301 क्षि 한국어 中文", 300)
}

func TestRightToLeft(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "123": false, "Hallo שלום": false, "123 שלום Hallo": true, "مرحبا": true, "中文": false, "(שלום": true,
	} {
		if rightToLeft([]rune(text)) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
	// Both directions in one line: what is written first is at the right.
	s := embeddedSetter()
	l := s.lines("שלום abc", style{size: 15, height: 22}, 300, 0)[0]
	if !l.rightToLeft || l.runs[0].Runes.Offset == 0 {
		t.Errorf("the first run begins at %d", l.runs[0].Runes.Offset)
	}
}

func FuzzLines(f *testing.F) {
	f.Add("one two three", 60)
	f.Add("שלום world مرحبا\t123", 300)
	f.Add("👍🏽🇩🇪❤️ 1️⃣\n\ne\u0301\u0301", 30)
	f.Add("क्षि \u200f\u2067x\u2069 ﷽", 1)
	s := embeddedSetter()
	f.Fuzz(func(t *testing.T, text string, width int) {
		if len(text) > 2000 {
			text = text[:2000]
		}
		r := cleaned(Request{Text: text})
		checkLines(t, s, r.Text, 20+(width&0x3ff))
	})
}

// checkView holds what has to be true of every window.
func checkView(t *testing.T, r Request, g geometry) *view {
	t.Helper()
	v, _ := newView(cleaned(r), g, nil)
	window := image.Rectangle{Max: v.size}
	if g.monitor.Dx() >= 320 && g.monitor.Dy() >= 240 && !window.Add(g.monitor.Min).In(g.monitor) {
		t.Errorf("the window %v is larger than the monitor %v", v.size, g.monitor)
	}
	for i, b := range v.buttons {
		if b.area.Empty() || !b.area.In(v.footer) || !v.footer.In(window) {
			t.Errorf("button %d at %v, footer %v, window %v", i, b.area, v.footer, window)
		}
		if b.label.width.Ceil() > b.area.Dx() {
			t.Errorf("the label of button %d is %v wide in %v", i, b.label.width, b.area)
		}
		for _, other := range v.buttons[:i] {
			if b.area.Overlaps(other.area) {
				t.Errorf("buttons %v and %v", b.area, other.area)
			}
		}
	}
	if v.bodyArea.Empty() || v.bodyArea.Overlaps(v.footer) {
		t.Errorf("body at %v, footer at %v", v.bodyArea, v.footer)
	}
	if (v.maxScroll() > 0) == v.bar.Empty() {
		t.Errorf("%d can be scrolled, the bar is at %v", v.maxScroll(), v.bar)
	}
	for position := range 50 {
		if at := place(v, position); window.Add(g.monitor.Min).In(g.monitor) && !at.In(g.monitor) {
			t.Errorf("position %d is %v", position, at)
		}
	}
	return v
}

func TestViews(t *testing.T) {
	long := strings.Repeat("A line of some length, and more of it.\n", 60)
	for _, r := range []Request{
		{},
		{Title: "T", By: "b", Text: "short", Buttons: []string{"OK"}},
		{Title: strings.Repeat("long title ", 25), By: strings.Repeat("by ", 100), Text: long, Buttons: []string{"Yes", "No", "Cancel"}},
		{Title: strings.Repeat("x", 256), Text: strings.Repeat("\n", 3000), Buttons: slices.Repeat([]string{"A long label for a button"}, 9)},
		{Title: "T", Text: "中文 " + strings.Repeat("x", 3000), Buttons: []string{""}},
	} {
		for _, monitor := range []image.Rectangle{image.Rect(0, 0, 320, 240), image.Rect(0, 0, 640, 480), image.Rect(1920, 100, 3840, 1180)} {
			for _, scale := range []float64{1, 1.25, 4} {
				checkView(t, r, geometry{monitor, scale})
			}
		}
	}
}

func TestPictorial(t *testing.T) {
	for cluster, want := range map[string]bool{
		"a": false, "1": false, "1\ufe0f\u20e3": true, "❤": false, "❤\ufe0f": true, "😀": true, "👍🏽": true, "🇩🇪": true, "中": false, "𠀀": false,
	} {
		if pictorial(cluster) != want {
			t.Errorf("%q: %v", cluster, !want)
		}
	}
}
