package dialog

import (
	"image"
	"strings"
)

// press handles the left button of the mouse. It reports whether something has
// to be painted anew, as all of these do.
func (v *view) press(p image.Point) bool {
	for i, b := range v.buttons {
		if p.In(b.area) {
			v.pressed, v.focus, v.inside = i, i, true
			return true
		}
	}
	if p.In(v.bar.Inset(-v.px(padding) / 3)) {
		v.dragging = true
		return v.drag(p)
	}
	return false
}

// drag handles the mouse being moved while its left button is down.
func (v *view) drag(p image.Point) bool {
	if v.dragging {
		thumb := v.thumb().Dy()
		return v.scrollTo((p.Y - v.bar.Min.Y - thumb/2) * v.maxScroll() / max(v.bar.Dy()-thumb, 1))
	}
	if v.pressed < 0 {
		return false
	}
	was := v.inside
	v.inside = p.In(v.buttons[v.pressed].area)
	return v.inside != was
}

// release handles the left button of the mouse being let go, and reports
// whether that answers: where it was pressed and where it was let go has to be
// the same button.
func (v *view) release(p image.Point) bool {
	i := v.pressed
	v.pressed, v.dragging = -1, false
	if i < 0 || !p.In(v.buttons[i].area) {
		return false
	}
	v.answer = i
	return true
}

// cancel is what Escape does.
func (v *view) cancel() Outcome {
	for i, b := range v.buttons {
		if strings.EqualFold(b.name, "Cancel") {
			v.answer = i
			return Answered
		}
	}
	return Dismissed
}

// move handles keys that move something.
func (v *view) move(a action) bool {
	page := max(v.bodyArea.Dy()-v.lineHeight, v.lineHeight)
	switch a {
	case actionNext:
		return v.refocus(1)
	case actionPrevious:
		return v.refocus(-1)
	case actionUp:
		return v.scrollBy(-v.lineHeight)
	case actionDown:
		return v.scrollBy(v.lineHeight)
	case actionPageUp:
		return v.scrollBy(-page)
	case actionPageDown:
		return v.scrollBy(page)
	case actionTop:
		return v.scrollTo(0)
	case actionBottom:
		return v.scrollTo(v.maxScroll())
	}
	return false
}

// refocus moves the focus, around the ends.
func (v *view) refocus(step int) bool {
	n := len(v.buttons)
	v.focus = (v.focus + step + n) % n
	return n > 1
}

func (v *view) scrollBy(pixels int) bool { return v.scrollTo(v.scroll + pixels) }

func (v *view) scrollTo(pixels int) bool {
	was := v.scroll
	v.scroll = min(max(pixels, 0), v.maxScroll())
	return v.scroll != was
}

// maxScroll is how far the body can be scrolled.
func (v *view) maxScroll() int { return max(len(v.body)*v.lineHeight-v.bodyArea.Dy(), 0) }

// thumb is the part of the scroll bar that shows where the body is.
func (v *view) thumb() image.Rectangle {
	whole := len(v.body) * v.lineHeight
	if v.bar.Empty() || whole == 0 {
		return image.Rectangle{}
	}
	height := max(v.bar.Dy()*v.bodyArea.Dy()/whole, min(v.px(24), v.bar.Dy()))
	y := v.bar.Min.Y + (v.bar.Dy()-height)*v.scroll/max(v.maxScroll(), 1)
	return image.Rect(v.bar.Min.X, y, v.bar.Max.X, y+height)
}
