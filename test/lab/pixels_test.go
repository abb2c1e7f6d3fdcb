package lab

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"testing"
)

func TestDifference(t *testing.T) {
	a, b := image.NewRGBA(image.Rect(0, 0, 9, 7)), image.NewRGBA(image.Rect(0, 0, 9, 7))
	if got := difference(a, b); !got.Empty() {
		t.Errorf("of the same pictures: %v", got)
	}
	b.Set(3, 2, color.White)
	b.Set(5, 4, color.White)
	b.Set(4, 6, color.Black)
	if got, want := difference(a, b), image.Rect(3, 2, 6, 7); got != want {
		t.Errorf("difference %v, want %v", got, want)
	}
	if got, want := difference(a, image.NewRGBA(image.Rect(0, 0, 4, 8))), image.Rect(0, 0, 9, 8); got != want {
		t.Errorf("of pictures of another size: %v, want %v", got, want)
	}
}

func TestDecodeXWD(t *testing.T) {
	header := xwdHeader{HeaderSize: 104, FileVersion: 7, PixmapWidth: 2, PixmapHeight: 2, BitsPerPixel: 32,
		BytesPerLine: 12, RedMask: 0xff0000, NColors: 1}
	var file bytes.Buffer
	if err := binary.Write(&file, binary.BigEndian, header); err != nil {
		t.Fatal(err)
	}
	file.WriteString("xvf\x00" + "a colour....")
	for _, line := range []string{"\x01\x02\x03\xee\x04\x05\x06\xee", "\x07\x08\x09\xee\x0a\x0b\x0c\xee"} {
		file.WriteString(line + "....")
	}
	img, err := decodeXWD(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	want := []byte{3, 2, 1, 0xff, 6, 5, 4, 0xff, 9, 8, 7, 0xff, 12, 11, 10, 0xff}
	if img.Rect != image.Rect(0, 0, 2, 2) || !bytes.Equal(img.Pix, want) {
		t.Errorf("%v with %v, want 2 by 2 with %v", img.Rect, img.Pix, want)
	}
	for cut := range file.Len() {
		if _, err := decodeXWD(file.Bytes()[:cut]); err == nil {
			t.Errorf("the first %d bytes are a picture", cut)
		}
	}
}
