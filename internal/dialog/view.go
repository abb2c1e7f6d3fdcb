package dialog

import (
	"fmt"
	"image"
	"image/color"
	"strings"
	"unicode/utf8"
)

// view is what the window shows and how it reacts, without a window: what is
// where, in pixels, and what is pressed.
type view struct {
	geometry
	setter *setter
	size   image.Point
	title  string

	head       []block // title, by-line and the note about missing characters
	body       []line
	bodyStyle  style
	bodyArea   image.Rectangle // where the body is seen
	lineHeight int
	scroll     int             // how many pixels of the body are above its area
	bar        image.Rectangle // of the scroll bar; empty if all of the body is seen
	dragging   bool

	footer  image.Rectangle
	buttons []button
	labels  style
	focus   int
	pressed int // -1: none
	inside  bool
	answer  int
}

// block is text with a place of its own.
type block struct {
	lines []line
	style style
	color color.RGBA
	at    image.Point
}

// button is one button.
type button struct {
	label line
	area  image.Rectangle
	name  string
}

// Sizes at 96 dots per inch. The body is as narrow as its text allows.
const (
	padding      = 24
	minWidth     = 380
	gap          = 10
	buttonHeight = 34
	buttonWidth  = 92 // at least
	buttonPad    = 18
	footerPad    = 14
	stripe       = 4 // of colour, at the top
	barWidth     = 6
	wheelLines   = 3
	maxNamed     = 6 // characters that the note names
)

// widths are those of the body that are tried: the narrowest that does not need
// too many lines is taken.
var widths = []struct{ width, lines int }{{400, 4}, {480, 12}, {620, 0}}

// px is a size on this screen.
func (g geometry) px(n int) int { return int(float64(n)*g.scale + 0.5) }

func (g geometry) style(size float64, bold bool, height int) style {
	return style{size * g.scale, bold, g.px(height)}
}

// newView arranges r, which is clean, on a screen. It returns the characters
// that no font has.
func newView(r Request, g geometry, dirs []string) (*view, []rune) {
	faces, missing := newFonts(dirs, append([]string{r.Title, r.By, r.Text}, r.Buttons...)...)
	v := &view{geometry: g, setter: &setter{fonts: faces}, title: r.Title, pressed: -1}
	v.fit()
	v.bodyStyle, v.labels = v.style(15, false, 22), v.style(14, true, 20)
	v.lineHeight = v.bodyStyle.height
	width := v.chooseWidth(r)
	v.size.X = width + 2*v.px(padding)
	v.arrange(r, width, note(missing))
	return v, missing
}

// fit makes everything smaller on a screen that is small for its density.
func (v *view) fit() {
	for v.scale > 1 && (v.px(minWidth+100) > v.monitor.Dx() || v.px(320) > v.monitor.Dy()) {
		v.scale -= 0.25
	}
}

// chooseWidth returns the width of the body and breaks its text.
func (v *view) chooseWidth(r Request) int {
	room := v.monitor.Dx() - 2*v.px(padding)
	needed := v.buttonsWidth(r.Buttons)
	for _, w := range widths {
		width := min(max(v.px(w.width), needed), room)
		if w.lines > 0 && v.surelyLonger(r.Text, width, w.lines) {
			continue
		}
		v.body = v.setter.lines(r.Text, v.bodyStyle, width, 0)
		if w.lines == 0 || len(v.body) <= w.lines || width == room {
			return v.narrow(width, needed)
		}
	}
	panic("the last width has no limit")
}

// surelyLonger reports whether text needs more lines, as far as that is seen
// without breaking it: letters are at least a quarter of their height wide.
func (v *view) surelyLonger(text string, width, lines int) bool {
	letter := v.bodyStyle.size / 4
	return float64(utf8.RuneCountInString(text))*letter > float64(width*lines) || strings.Count(text, "\n") >= lines
}

// narrow returns a smaller width for one line of text.
func (v *view) narrow(width, needed int) int {
	if len(v.body) != 1 {
		return width
	}
	return min(width, max(v.px(minWidth)-2*v.px(padding), needed, v.body[0].width.Ceil()))
}

// buttonsWidth is how wide the buttons are together if there is room.
func (v *view) buttonsWidth(names []string) int {
	total := (len(names) - 1) * v.px(gap)
	for _, name := range names {
		total += v.naturalWidth(name)
	}
	return total
}

func (v *view) naturalWidth(name string) int {
	l := v.setter.lines(name, v.labels, v.px(200), 1)
	return max(v.px(buttonWidth), l[0].width.Ceil()+2*v.px(buttonPad))
}

// arrange puts everything in its place, from the top and from the bottom; what
// is between is for the body.
func (v *view) arrange(r Request, width int, note string) {
	noteStyle := v.style(12.5, false, 18)
	var noteLines []line
	footer := v.px(buttonHeight) + 2*v.px(footerPad)
	limit := v.monitor.Dy() * 4 / 5
	y := v.px(padding)
	y = v.addBlock(r.Title, v.style(17, true, 24), ink, width, y, 2)
	if r.By != "" {
		y = v.addBlock(r.By, v.style(13, false, 20), faint, width, y, 1)
	}
	y += v.px(12)
	below := v.px(20)
	if note != "" {
		noteLines = v.setter.lines(note, noteStyle, width, 2)
		below += v.px(8) + len(noteLines)*noteStyle.height
	}
	wanted := len(v.body) * v.lineHeight
	seen := min(wanted, max(limit-y-below-footer, v.lineHeight))
	v.bodyArea = image.Rect(v.px(padding), y, v.px(padding)+width, y+seen)
	y += seen
	v.head = append(v.head, block{noteLines, noteStyle, faint, image.Pt(v.px(padding), y+v.px(8))})
	v.size.Y = y + below + footer
	v.footer = image.Rect(0, v.size.Y-footer, v.size.X, v.size.Y)
	if wanted > seen {
		x := v.size.X - v.px(padding)/2
		v.bar = image.Rect(x-v.px(barWidth)/2, v.bodyArea.Min.Y, x-v.px(barWidth)/2+v.px(barWidth), v.bodyArea.Max.Y)
	}
	v.addButtons(r.Buttons, width)
}

// addBlock adds text at the top, and returns where it ends.
func (v *view) addBlock(text string, st style, color color.RGBA, width, y, limit int) int {
	b := block{v.setter.lines(text, st, width, limit), st, color, image.Pt(v.px(padding), y)}
	v.head = append(v.head, b)
	return y + len(b.lines)*st.height
}

// addButtons puts the buttons side by side at the right. If there are too many
// for the width, each has the same share of it.
func (v *view) addButtons(names []string, width int) {
	share := (width - (len(names)-1)*v.px(gap)) / len(names)
	total := v.buttonsWidth(names)
	x := v.size.X - v.px(padding) - min(total, width)
	for _, name := range names {
		w := v.naturalWidth(name)
		if total > width {
			w = share
		}
		y := v.footer.Min.Y + v.px(footerPad)
		label := v.setter.lines(name, v.labels, w-v.px(buttonPad), 1)[0]
		v.buttons = append(v.buttons, button{label, image.Rect(x, y, x+w, y+v.px(buttonHeight)), name})
		x += w + v.px(gap)
	}
}

// note says which characters cannot be shown.
func note(missing []rune) string {
	if len(missing) == 0 {
		return ""
	}
	var codes strings.Builder
	for i, r := range missing {
		if i == maxNamed {
			codes.WriteString(" …")
			break
		}
		fmt.Fprintf(&codes, " U+%04X", r)
	}
	if len(missing) == 1 {
		return "1 character cannot be shown:" + codes.String()
	}
	return fmt.Sprintf("%d characters cannot be shown:%s", len(missing), codes.String())
}
