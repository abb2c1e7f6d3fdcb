package main

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/draw"
	"image/png"

	"golang.org/x/image/vector"
)

// iconSizes are those that Windows shows somewhere without making them bigger
// or smaller.
var iconSizes = []int{16, 20, 24, 32, 48, 64, 256}

// iconFile returns the icon as an .ico file: pictures in PNG, which Windows
// knows since Vista, behind a table of them.
func iconFile() ([]byte, error) {
	var head, body bytes.Buffer
	offset := 6 + 16*len(iconSizes)
	_ = binary.Write(&head, binary.LittleEndian, [3]uint16{0, 1, uint16(len(iconSizes))}) // a buffer takes everything
	for _, size := range iconSizes {
		start := body.Len()
		if err := png.Encode(&body, drawIcon(size)); err != nil {
			return nil, err
		}
		side := uint8(size) // 256 is written as 0
		_ = binary.Write(&head, binary.LittleEndian, struct {
			Width, Height, Colours, Reserved uint8
			Planes, Bits                     uint16
			Bytes, Offset                    uint32
		}{side, side, 0, 0, 1, 32, uint32(body.Len() - start), uint32(offset + start)})
	}
	return append(head.Bytes(), body.Bytes()...), nil
}

// Colours of the icon.
var (
	balloon = color.NRGBA{0x1b, 0x5f, 0xb4, 0xff}
	words   = color.NRGBA{0xff, 0xff, 0xff, 0xff}
	answer  = color.NRGBA{0xff, 0xc8, 0x3d, 0xff}
)

// drawIcon draws a speech balloon with two lines of text, the second of them
// short and in another colour: a message, and its answer. Coordinates are
// sixteenths of the side, so that edges are sharp in the smallest one.
func drawIcon(size int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	unit := float32(size) / 16
	fill := func(c color.Color, paths ...func(*vector.Rasterizer)) {
		z := vector.NewRasterizer(size, size)
		for _, path := range paths {
			path(z)
		}
		z.DrawOp = draw.Over
		z.Draw(img, img.Bounds(), image.NewUniform(c), image.Point{})
	}
	fill(balloon, rounded(unit, 0, 1, 16, 12, 2.5), tail(unit))
	fill(words, rounded(unit, 3, 4, 13, 6, 0.5))
	fill(answer, rounded(unit, 3, 8, 9, 10, 0.5))
	return img
}

// rounded is a rectangle with round corners of this radius.
func rounded(unit, x0, y0, x1, y1, radius float32) func(*vector.Rasterizer) {
	return func(z *vector.Rasterizer) {
		l, t, r, b, a := x0*unit, y0*unit, x1*unit, y1*unit, radius*unit
		z.MoveTo(l+a, t)
		z.LineTo(r-a, t)
		z.QuadTo(r, t, r, t+a)
		z.LineTo(r, b-a)
		z.QuadTo(r, b, r-a, b)
		z.LineTo(l+a, b)
		z.QuadTo(l, b, l, b-a)
		z.LineTo(l, t+a)
		z.QuadTo(l, t, l+a, t)
		z.ClosePath()
	}
}

// tail is the corner of the balloon that points at who speaks.
func tail(unit float32) func(*vector.Rasterizer) {
	return func(z *vector.Rasterizer) {
		z.MoveTo(3*unit, 11.5*unit)
		z.LineTo(8*unit, 11.5*unit)
		z.LineTo(3*unit, 16*unit)
		z.ClosePath()
	}
}
