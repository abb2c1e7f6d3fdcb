package dialog

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	_ "image/jpeg" // fonts have pictures in these formats
	_ "image/png"
	"math"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// painter draws glyphs in one colour; pictures have their own.
type painter struct {
	img   *image.RGBA
	tone  *image.Uniform
	fonts *fonts
}

// maxPicture bounds the pictures of a font, in pixels each way.
const maxPicture = 512

// picture is one of a font at one size.
type picture struct {
	face          *font.Face
	gid           font.GID
	width, height int
}

// line draws a line whose letters stand on y and begin at x.
func (p painter) line(l line, x fixed.Int26_6, y int) {
	for _, run := range l.runs {
		for _, g := range run.Glyphs {
			p.glyph(run, g, x+g.XOffset, fixed.I(y)-g.YOffset)
			x += g.Advance
		}
	}
}

// glyph draws one glyph. One that breaks the library is not drawn.
func (p painter) glyph(run shaping.Output, g shaping.Glyph, x, y fixed.Int26_6) {
	defer func() { _ = recover() }()
	if bitmap, ok := glyphPicture(run.Face, g.GlyphID); ok {
		p.picture(run, g, bitmap, x, y)
		return
	}
	if outline, ok := run.Face.GlyphDataOutline(g.GlyphID); ok {
		p.outline(outline, float32(run.Size)/64/float32(run.Face.Upem()), pixels(x), pixels(y))
	}
}

func pixels(f fixed.Int26_6) float32 { return float32(f) / 64 }

// outline fills an outline whose origin is at x, y.
func (p painter) outline(o font.GlyphOutline, scale, x, y float32) {
	area := bounds(o, scale, x, y).Intersect(p.img.Rect)
	if area.Empty() {
		return
	}
	x, y = x-float32(area.Min.X), y-float32(area.Min.Y)
	at := func(q opentype.SegmentPoint) (float32, float32) { return x + q.X*scale, y - q.Y*scale }
	r := vector.NewRasterizer(area.Dx(), area.Dy())
	for _, s := range o.Segments {
		ax, ay := at(s.Args[0])
		bx, by := at(s.Args[1])
		cx, cy := at(s.Args[2])
		switch s.Op {
		case opentype.SegmentOpMoveTo:
			r.ClosePath()
			r.MoveTo(ax, ay)
		case opentype.SegmentOpLineTo:
			r.LineTo(ax, ay)
		case opentype.SegmentOpQuadTo:
			r.QuadTo(ax, ay, bx, by)
		case opentype.SegmentOpCubeTo:
			r.CubeTo(ax, ay, bx, by, cx, cy)
		}
	}
	r.ClosePath()
	r.Draw(p.img, area, p.tone, image.Point{})
}

// bounds is where an outline is, from its control points.
func bounds(o font.GlyphOutline, scale, x, y float32) image.Rectangle {
	minX, minY := float32(math.Inf(1)), float32(math.Inf(1))
	maxX, maxY := -minX, -minY
	for _, s := range o.Segments {
		for _, q := range s.ArgsSlice() {
			minX, maxX = min(minX, x+q.X*scale), max(maxX, x+q.X*scale)
			minY, maxY = min(minY, y-q.Y*scale), max(maxY, y-q.Y*scale)
		}
	}
	const far = 1 << 15 // farther than any window is large
	// Written so that it is also false for what is not a number.
	if !(minX > -far && minY > -far && maxX < far && maxY < far && minX <= maxX) {
		return image.Rectangle{}
	}
	return image.Rect(int(minX)-1, int(minY)-1, int(maxX)+2, int(maxY)+2)
}

// glyphPicture returns the picture of a glyph. Small pictures in black and
// white, which old fonts have beside their outlines, do not count if there is an outline.
func glyphPicture(face *font.Face, gid font.GID) (font.GlyphBitmap, bool) {
	bitmap, ok := face.GlyphDataBitmap(gid)
	if !ok {
		return bitmap, false
	}
	switch bitmap.Format {
	case font.PNG, font.JPG:
		return bitmap, true
	case font.BlackAndWhite, font.BlackAndWhiteByteAligned:
		return bitmap, bitmap.Outline == nil || len(bitmap.Outline.Segments) == 0
	}
	return bitmap, false
}

// picture draws a picture, scaled to the size of the text.
func (p painter) picture(run shaping.Output, g shaping.Glyph, bitmap font.GlyphBitmap, x, y fixed.Int26_6) {
	area := image.Rect(0, 0, g.Width.Round(), (-g.Height).Round()).Add(image.Pt((x + g.XBearing).Round(), (y - g.YBearing).Round()))
	if area.Empty() || area.Dx() > maxPicture || area.Dy() > maxPicture {
		return
	}
	key := picture{run.Face, g.GlyphID, area.Dx(), area.Dy()}
	scaled, ok := p.fonts.pictures[key]
	if !ok {
		scaled = shrink(decode(bitmap), area.Dx(), area.Dy())
		p.fonts.pictures[key] = scaled
	}
	if mask, ok := scaled.(*image.Alpha); ok {
		draw.DrawMask(p.img, area, p.tone, image.Point{}, mask, image.Point{}, draw.Over)
		return
	}
	draw.Draw(p.img, area, scaled, image.Point{}, draw.Over)
}

// decode returns the pixels of a picture; one that is broken is empty.
func decode(b font.GlyphBitmap) image.Image {
	switch b.Format {
	case font.BlackAndWhite, font.BlackAndWhiteByteAligned:
		return stencil(b)
	}
	config, _, err := image.DecodeConfig(bytes.NewReader(b.Data))
	if err != nil || config.Width > maxPicture || config.Height > maxPicture {
		return image.NewRGBA(image.Rectangle{})
	}
	img, _, err := image.Decode(bytes.NewReader(b.Data))
	if err != nil {
		return image.NewRGBA(image.Rectangle{})
	}
	return img
}

// stencil unpacks a picture of one bit for each pixel.
func stencil(b font.GlyphBitmap) image.Image {
	if b.Width > maxPicture || b.Height > maxPicture {
		return image.NewAlpha(image.Rectangle{})
	}
	img := image.NewAlpha(image.Rect(0, 0, b.Width, b.Height))
	perRow := b.Width
	if b.Format == font.BlackAndWhiteByteAligned {
		perRow = (b.Width + 7) / 8 * 8
	}
	for y := range b.Height {
		for x := range b.Width {
			if i := y*perRow + x; b.Data[i/8]>>(7-i%8)&1 != 0 {
				img.SetAlpha(x, y, color.Alpha{A: 0xff})
			}
		}
	}
	return img
}

// shrink scales a picture: each pixel is the mean of those that fall into it.
func shrink(src image.Image, width, height int) image.Image {
	from := src.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	_, isStencil := src.(*image.Alpha)
	mask := image.NewAlpha(out.Rect)
	for y := range height {
		for x := range width {
			c := mean(src, image.Rect(from.Min.X+x*from.Dx()/width, from.Min.Y+y*from.Dy()/height,
				from.Min.X+(x+1)*from.Dx()/width, from.Min.Y+(y+1)*from.Dy()/height).Intersect(from))
			out.SetRGBA(x, y, c)
			mask.SetAlpha(x, y, color.Alpha{A: c.A})
		}
	}
	if isStencil {
		return mask
	}
	return out
}

// mean is the mean of an area, of at least one pixel.
func mean(src image.Image, area image.Rectangle) color.RGBA {
	area.Max.X, area.Max.Y = max(area.Max.X, area.Min.X+1), max(area.Max.Y, area.Min.Y+1)
	var r, g, b, a, n uint32
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			pr, pg, pb, pa := src.At(x, y).RGBA()
			r, g, b, a, n = r+pr>>8, g+pg>>8, b+pb>>8, a+pa>>8, n+1
		}
	}
	return color.RGBA{uint8(r / n), uint8(g / n), uint8(b / n), uint8(a / n)}
}
