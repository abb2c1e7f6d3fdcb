package dialog

import (
	"image"
	"image/color"
	"image/draw"

	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// The colours. Text has a contrast of at least 4.5 to 1 with what is behind it
// (WCAG 2.1, 1.4.3).
var (
	paper     = color.RGBA{0xff, 0xff, 0xff, 0xff}
	ink       = color.RGBA{0x1b, 0x1f, 0x24, 0xff}
	faint     = color.RGBA{0x5b, 0x65, 0x70, 0xff}
	accent    = color.RGBA{0x0b, 0x5c, 0xad, 0xff}
	accentLow = color.RGBA{0x08, 0x46, 0x84, 0xff} // pressed
	ring      = color.RGBA{0x8f, 0xb8, 0xe6, 0xff}
	foot      = color.RGBA{0xf3, 0xf5, 0xf7, 0xff}
	footLow   = color.RGBA{0xdf, 0xe3, 0xe8, 0xff} // pressed
	rim       = color.RGBA{0xc9, 0xd0, 0xd7, 0xff}
	thumbTone = color.RGBA{0x9a, 0xa4, 0xae, 0xff}
	track     = color.RGBA{0xe6, 0xea, 0xee, 0xff}
)

// paint draws everything.
func (v *view) paint(img *image.RGBA) {
	fill(img, img.Rect, paper)
	fill(img, v.footer, foot)
	fill(img, image.Rect(0, v.footer.Min.Y, v.size.X, v.footer.Min.Y+1), rim)
	fill(img, image.Rect(0, 0, v.size.X, v.px(stripe)), accent)
	for _, b := range v.head {
		v.paintLines(img, b.lines, b.style, b.color, b.at, v.bodyArea.Dx())
	}
	v.paintBody(img)
	for i := range v.buttons {
		v.paintButton(img, i)
	}
}

// paintBody draws the lines that are seen.
func (v *view) paintBody(img *image.RGBA) {
	part := img.SubImage(v.bodyArea.Inset(-v.px(2))).(*image.RGBA) // accents stick out
	first := v.scroll / v.lineHeight
	last := min((v.scroll+v.bodyArea.Dy()+v.lineHeight-1)/v.lineHeight, len(v.body))
	at := v.bodyArea.Min.Add(image.Pt(0, first*v.lineHeight-v.scroll))
	v.paintLines(part, v.body[first:last], v.bodyStyle, ink, at, v.bodyArea.Dx())
	if !v.bar.Empty() {
		v.rounded(img, v.bar, v.px(barWidth)/2, track)
		v.rounded(img, v.thumb(), v.px(barWidth)/2, thumbTone)
	}
}

func (v *view) paintLines(img *image.RGBA, lines []line, st style, tone color.RGBA, at image.Point, width int) {
	p := painter{img, image.NewUniform(tone), v.setter.fonts}
	for i, l := range lines {
		x := fixed.I(at.X)
		if l.rightToLeft {
			x += fixed.I(width) - l.width
		}
		p.line(l, x, baseline(at.Y+i*st.height, st))
	}
}

// baseline is where the letters of a line stand, whose top is at y.
func baseline(y int, st style) int {
	return y + (st.height+int(st.size*0.72+0.5))/2 // capitals have 0.72 of the size
}

// paintButton draws one button; that which Enter presses is filled.
func (v *view) paintButton(img *image.RGBA, i int) {
	b := v.buttons[i]
	down := v.pressed == i && v.inside
	radius := v.px(6)
	tone, text, edge := paper, ink, rim
	switch {
	case v.focus == i && down:
		tone, text, edge = accentLow, paper, accentLow
	case v.focus == i:
		tone, text, edge = accent, paper, accent
	case down:
		tone = footLow
	}
	if v.focus == i {
		v.rounded(img, b.area.Inset(-v.px(4)), radius+v.px(4), ring)
		v.rounded(img, b.area.Inset(-v.px(2)), radius+v.px(2), foot)
	}
	v.rounded(img, b.area, radius, edge)
	v.rounded(img, b.area.Inset(v.px(1)), radius-v.px(1), tone)
	x := fixed.I(b.area.Min.X) + (fixed.I(b.area.Dx())-b.label.width)/2
	middle := b.area.Min.Y + (b.area.Dy()-v.labels.height)/2
	painter{img, image.NewUniform(text), v.setter.fonts}.line(b.label, x, baseline(middle, v.labels))
}

func fill(img *image.RGBA, r image.Rectangle, tone color.RGBA) {
	draw.Draw(img, r, image.NewUniform(tone), image.Point{}, draw.Src)
}

// rounded fills a rectangle with round corners.
func (v *view) rounded(img *image.RGBA, r image.Rectangle, radius int, tone color.RGBA) {
	w, h := float32(r.Dx()), float32(r.Dy())
	if r.Empty() {
		return
	}
	k := min(float32(radius), w/2, h/2)
	c := k * 0.4477 // a circle as Bézier curves: 1 - 4/3*(sqrt(2)-1)
	p := vector.NewRasterizer(r.Dx(), r.Dy())
	p.MoveTo(k, 0)
	p.LineTo(w-k, 0)
	p.CubeTo(w-c, 0, w, c, w, k)
	p.LineTo(w, h-k)
	p.CubeTo(w, h-c, w-c, h, w-k, h)
	p.LineTo(k, h)
	p.CubeTo(c, h, 0, h-c, 0, h-k)
	p.LineTo(0, k)
	p.CubeTo(0, c, c, 0, k, 0)
	p.ClosePath()
	p.Draw(img, r, image.NewUniform(tone), image.Point{})
}
