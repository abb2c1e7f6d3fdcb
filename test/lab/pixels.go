package lab

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/draw"
)

// pixels returns a picture in the form in which they are compared.
func pixels(picture image.Image) *image.RGBA {
	if rgba, ok := picture.(*image.RGBA); ok {
		return rgba
	}
	rgba := image.NewRGBA(picture.Bounds())
	draw.Draw(rgba, rgba.Rect, picture, rgba.Rect.Min, draw.Src)
	return rgba
}

// difference returns the smallest area outside of which two pictures are the
// same. Both begin at the origin.
func difference(a, b *image.RGBA) image.Rectangle {
	if a.Rect != b.Rect {
		return a.Rect.Union(b.Rect)
	}
	var area image.Rectangle
	for y := range a.Rect.Dy() {
		ra, rb := a.Pix[y*a.Stride:][:4*a.Rect.Dx()], b.Pix[y*b.Stride:][:4*b.Rect.Dx()]
		if bytes.Equal(ra, rb) {
			continue
		}
		first, last := 0, a.Rect.Dx()-1
		for bytes.Equal(ra[4*first:4*first+4], rb[4*first:4*first+4]) {
			first++
		}
		for bytes.Equal(ra[4*last:4*last+4], rb[4*last:4*last+4]) {
			last--
		}
		area = area.Union(image.Rect(first, y, last+1, y+1))
	}
	return area
}

// xwdHeader is the beginning of a file in the format of xwd(1), as in the header
// X11/XWDFile.h. A name follows, as long as HeaderSize says, and the colours.
type xwdHeader struct {
	HeaderSize, FileVersion                                               uint32
	PixmapFormat, PixmapDepth, PixmapWidth, PixmapHeight                  uint32
	XOffset, ByteOrder, BitmapUnit, BitmapBitOrder, BitmapPad             uint32
	BitsPerPixel, BytesPerLine, VisualClass, RedMask, GreenMask, BlueMask uint32
	BitsPerRGB, ColormapEntries, NColors                                  uint32
	WindowWidth, WindowHeight, WindowX, WindowY, WindowBorderWidth        uint32
}

// decodeXWD reads the only kind of xwd file that Xvfb writes on this screen:
// bytes for blue, green, red, and one that says nothing.
func decodeXWD(file []byte) (*image.RGBA, error) {
	var h xwdHeader
	if _, err := binary.Decode(file, binary.BigEndian, &h); err != nil {
		return nil, err
	}
	if h.FileVersion != 7 || h.BitsPerPixel != 32 || h.ByteOrder != 0 || h.RedMask != 0xff0000 {
		return nil, fmt.Errorf("not a picture with bytes for blue, green and red: %+v", h)
	}
	const sizeOfColor = 12
	start, width, height := int(h.HeaderSize+h.NColors*sizeOfColor), int(h.PixmapWidth), int(h.PixmapHeight)
	if len(file) < start+height*int(h.BytesPerLine) {
		return nil, errors.New("cut off")
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		from, to := file[start+y*int(h.BytesPerLine):], img.Pix[y*img.Stride:]
		for x := range width {
			p := from[4*x:]
			copy(to[4*x:], []byte{p[2], p[1], p[0], 0xff})
		}
	}
	return img, nil
}
