package dialog

import (
	"bytes"
	"image"
	"image/color"
	"testing"

	"github.com/jezek/xgb/xproto"
)

// screenOf makes a screen with these visuals, by their depth; the first is
// that of the root window.
func screenOf(order byte, visuals ...xproto.DepthInfo) (*xproto.SetupInfo, *xproto.ScreenInfo) {
	setup := &xproto.SetupInfo{ImageByteOrder: order, PixmapFormats: []xproto.Format{
		{Depth: 8, BitsPerPixel: 8}, {Depth: 24, BitsPerPixel: 32}, {Depth: 30, BitsPerPixel: 32}, {Depth: 32, BitsPerPixel: 32}}}
	return setup, &xproto.ScreenInfo{RootVisual: visuals[0].Visuals[0].VisualId, RootDepth: visuals[0].Depth, AllowedDepths: visuals}
}

func trueColor(id xproto.Visualid, depth byte, red, green, blue uint32) xproto.DepthInfo {
	return xproto.DepthInfo{Depth: depth, Visuals: []xproto.VisualInfo{
		{VisualId: id, Class: xproto.VisualClassTrueColor, RedMask: red, GreenMask: green, BlueMask: blue}}}
}

func TestPack(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 1, 3))
	img.SetRGBA(0, 1, color.RGBA{0x11, 0x22, 0x33, 0xff})
	for _, c := range []struct {
		name    string
		order   byte
		visuals []xproto.DepthInfo
		want    []byte
	}{
		{"usual", 0, []xproto.DepthInfo{trueColor(1, 24, 0xff0000, 0xff00, 0xff)}, []byte{0x33, 0x22, 0x11, 0}},
		{"big-endian", 1, []xproto.DepthInfo{trueColor(1, 24, 0xff0000, 0xff00, 0xff)}, []byte{0, 0x11, 0x22, 0x33}},
		{"blue on top", 0, []xproto.DepthInfo{trueColor(1, 24, 0xff, 0xff00, 0xff0000)}, []byte{0x11, 0x22, 0x33, 0}},
		{"32 bits", 0, []xproto.DepthInfo{trueColor(1, 32, 0xff0000, 0xff00, 0xff)}, []byte{0x33, 0x22, 0x11, 0xff}},
		{"32 bits, colours on top", 0, []xproto.DepthInfo{trueColor(1, 32, 0xff000000, 0xff0000, 0xff00)}, []byte{0xff, 0x33, 0x22, 0x11}},
		{"30 bits, and another one", 0, []xproto.DepthInfo{trueColor(1, 30, 0x3ff00000, 0xffc00, 0x3ff), trueColor(2, 32, 0xff0000, 0xff00, 0xff)}, []byte{0x33, 0x22, 0x11, 0xff}},
	} {
		v, err := chooseVisual(screenOf(c.order, c.visuals...))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := v.pack(img, 1, 2); !bytes.Equal(got, c.want) {
			t.Errorf("%s: %x, want %x", c.name, got, c.want)
		}
	}
}

func TestNoVisual(t *testing.T) {
	gray := trueColor(1, 24, 0xff0000, 0xff00, 0xff)
	gray.Visuals[0].Class = xproto.VisualClassDirectColor
	for name, d := range map[string]xproto.DepthInfo{
		"30 bits":       trueColor(1, 30, 0x3ff00000, 0xffc00, 0x3ff),
		"direct colour": gray,
		"no masks":      trueColor(1, 24, 0, 0, 0),
		"same masks":    trueColor(1, 24, 0xff, 0xff, 0xff),
		"holes":         trueColor(1, 24, 0xff0000, 0xf0f00, 0xff),
	} {
		if v, err := chooseVisual(screenOf(0, d)); err == nil {
			t.Errorf("%s: %+v", name, v)
		}
	}
	setup, screen := screenOf(0, trueColor(1, 24, 0xff0000, 0xff00, 0xff))
	setup.PixmapFormats[1].BitsPerPixel = 24
	if _, err := chooseVisual(setup, screen); err == nil {
		t.Error("packed pixels are accepted")
	}
}
