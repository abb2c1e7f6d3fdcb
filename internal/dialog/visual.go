package dialog

import (
	"encoding/binary"
	"fmt"
	"image"
	"math/bits"

	"github.com/jezek/xgb/xproto"
)

// visual is how the server wants pixels: four bytes each, eight bits a colour.
type visual struct {
	id               xproto.Visualid
	depth            byte
	red, green, blue uint // how far each colour is shifted
	opaque           uint32
	order            binary.ByteOrder
}

// chooseVisual takes that of the screen if it will do, else another one of the
// screen that does.
func chooseVisual(setup *xproto.SetupInfo, screen *xproto.ScreenInfo) (visual, error) {
	var found []visual
	for _, depth := range screen.AllowedDepths {
		for _, info := range depth.Visuals {
			v, ok := usable(setup, depth.Depth, info)
			if !ok {
				continue
			}
			if info.VisualId == screen.RootVisual {
				return v, nil
			}
			found = append(found, v)
		}
	}
	if len(found) == 0 {
		return visual{}, fmt.Errorf("the X screen has a depth of %d bits and no way to show 24", screen.RootDepth)
	}
	return found[0], nil
}

func usable(setup *xproto.SetupInfo, depth byte, info xproto.VisualInfo) (visual, bool) {
	mask := info.RedMask | info.GreenMask | info.BlueMask
	ok := info.Class == xproto.VisualClassTrueColor && (depth == 24 || depth == 32) && wordSized(setup, depth) &&
		eightBits(info.RedMask) && eightBits(info.GreenMask) && eightBits(info.BlueMask) && bits.OnesCount32(mask) == 24
	v := visual{
		id: info.VisualId, depth: depth, order: binary.LittleEndian,
		red:   uint(bits.TrailingZeros32(info.RedMask)),
		green: uint(bits.TrailingZeros32(info.GreenMask)),
		blue:  uint(bits.TrailingZeros32(info.BlueMask)),
	}
	if setup.ImageByteOrder == xproto.ImageOrderMSBFirst {
		v.order = binary.BigEndian
	}
	if depth == 32 {
		v.opaque = ^mask // what is no colour is how little is seen through it
	}
	return v, ok
}

// wordSized reports whether the server takes pixels of this depth in four
// bytes, without which rows would have to be packed.
func wordSized(setup *xproto.SetupInfo, depth byte) bool {
	for _, f := range setup.PixmapFormats {
		if f.Depth == depth {
			return f.BitsPerPixel == 32
		}
	}
	return false
}

// eightBits reports whether a mask is eight bits that follow one another.
func eightBits(mask uint32) bool {
	return mask != 0 && mask>>bits.TrailingZeros32(mask) == 0xff
}

// pack converts the rows from y0 to y1.
func (v visual) pack(img *image.RGBA, y0, y1 int) []byte {
	width := img.Rect.Dx()
	b := make([]byte, 4*width*(y1-y0))
	for y := y0; y < y1; y++ {
		row := img.Pix[y*img.Stride:]
		out := b[4*width*(y-y0):]
		for x := range width {
			p := row[4*x : 4*x+3 : 4*x+3]
			v.order.PutUint32(out[4*x:], uint32(p[0])<<v.red|uint32(p[1])<<v.green|uint32(p[2])<<v.blue|v.opaque)
		}
	}
	return b
}
