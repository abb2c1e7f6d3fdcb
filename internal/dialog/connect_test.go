package dialog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jezek/xgb/xproto"
)

func TestParseDisplay(t *testing.T) {
	for _, c := range []struct {
		display, number string
		screen          int
		ok              bool
	}{
		{":0", "0", 0, true},
		{":10.1", "10", 1, true},
		{"unix:3", "3", 0, true},
		{":007", "7", 0, true},
		{"", "", 0, false},
		{"0", "", 0, false},
		{":", "", 0, false},
		{":x", "", 0, false},
		{":-1", "", 0, false},
		{":0.", "", 0, false},
		{":1.x", "", 0, false},
		{":99999", "", 0, false},
		{":0/../../etc", "", 0, false},
		{"localhost:10.0", "", 0, false},
		{"tcp/far:0", "", 0, false},
		{"/tmp/socket:0", "", 0, false},
	} {
		number, screen, err := parseDisplay(c.display)
		if (err == nil) != c.ok || c.ok && (number != c.number || screen != c.screen) {
			t.Errorf("%q: %q, %d, %v", c.display, number, screen, err)
		}
	}
}

// entry makes one entry of an authority file.
func entry(family uint16, address, display, name, data string) []byte {
	b := binary.BigEndian.AppendUint16(nil, family)
	for _, field := range []string{address, display, name, data} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(field)))
		b = append(b, field...)
	}
	return b
}

func TestFindCookie(t *testing.T) {
	const a, b, c, d = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc", "dddddddddddddddd"
	whole := bytes.Join([][]byte{
		entry(familyLocal, "dione", "1", magicCookie, a),
		entry(familyLocal, "old", "0", magicCookie, b),
		entry(familyLocal, "dione", "0", "XDM-AUTHORIZATION-1", c),
		entry(familyLocal, "dione", "0", magicCookie, "short"),
		entry(0, "dione", "0", magicCookie, c), // an Internet address
		entry(familyLocal, "dione", "0", magicCookie, d),
	}, nil)
	wild := entry(familyWild, "", "", magicCookie, c)
	for _, x := range []struct {
		name, hostname, display string
		file                    []byte
		want                    string
	}{
		{"this host", "dione", "0", whole, d},
		{"another display", "dione", "1", whole, a},
		{"the host was renamed", "tethys", "0", whole, d},
		{"no such display", "dione", "7", whole, string(noCookie[:])},
		{"any host and display", "tethys", "7", wild, c},
		{"cut off", "dione", "0", whole[:len(whole)-1], b},
		{"empty", "dione", "0", nil, string(noCookie[:])},
	} {
		if got := findCookie(x.file, x.hostname, x.display); string(got) != x.want {
			t.Errorf("%s: %q, want %q", x.name, got, x.want)
		}
	}
}

func FuzzFindCookie(f *testing.F) {
	f.Add(entry(familyLocal, "dione", "0", magicCookie, "aaaaaaaaaaaaaaaa"))
	f.Add(append(entry(familyWild, "", "", magicCookie, "aaaaaaaaaaaaaaaa"), 1, 0, 0xff))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got := findCookie(b, "dione", "0"); len(got) != cookieSize {
			t.Errorf("a cookie of %d bytes", len(got))
		}
	})
}

func TestReadCookie(t *testing.T) {
	path := filepath.Join(t.TempDir(), "authority")
	if err := os.WriteFile(path, entry(familyLocal, "dione", "0", magicCookie, "aaaaaaaaaaaaaaaa"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := readCookie(path, "dione", "0"); err != nil || string(got) != "aaaaaaaaaaaaaaaa" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := readCookie(path+"2", "dione", "0"); err != nil || !bytes.Equal(got, noCookie[:]) {
		t.Errorf("without a file: %q, %v", got, err)
	}
	if _, err := readCookie("", "dione", "0"); err != nil {
		t.Errorf("without a path: %v", err)
	}
	if _, err := readCookie(t.TempDir(), "dione", "0"); err == nil {
		t.Error("a folder is read")
	}
}

// TestSilentServer: a server that takes the connection and says nothing.
func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		before := time.Now()
		if _, err := greet(t.Context(), ours, noCookie[:], 0); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(before); took != connectTimeout {
			t.Errorf("it took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		ours2, theirs2 := net.Pipe()
		defer theirs2.Close()
		go func() { _, _ = io.Copy(io.Discard, theirs2) }()
		before = time.Now()
		if _, err := greet(ctx, ours2, noCookie[:], 0); err == nil || time.Since(before) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(before))
		}
	})
}

// TestOddServer: one that lets in and then makes no sense.
func TestOddServer(t *testing.T) {
	for name, answer := range map[string][]byte{
		"nothing":             nil,
		"refused":             {0, 4, 11, 0, 0, 0, 1, 0, 'w', 'h', 'y', '?'},
		"refused, cut off":    {0, 200, 11, 0, 0, 0, 1, 0, 'w', 'h', 'y', '?'},
		"another protocol":    {1, 0, 12, 0, 0, 0, 0, 0},
		"nothing about it":    {1, 0, 11, 0, 0, 0, 0, 0},
		"too little about it": {1, 0, 11, 0, 0, 0, 4, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
	} {
		ours, theirs := net.Pipe()
		go func() {
			hello := make([]byte, 12+20+16) // order and version, name, cookie
			_, _ = io.ReadFull(theirs, hello)
			_, _ = theirs.Write(answer)
			theirs.Close()
		}()
		if _, err := greet(t.Context(), ours, noCookie[:], 0); err == nil {
			t.Errorf("%s: no error", name)
		}
		ours.Close()
	}
}

func TestScale(t *testing.T) {
	for _, c := range []struct {
		resources  string
		pixels, mm uint16
		want       float64
	}{
		{"", 1920, 508, 1},    // 96
		{"", 1920, 0, 1},      // unknown
		{"", 1920, 344, 1},    // 142: a dense laptop, still read by most at 1
		{"", 3840, 596, 1.75}, // 164
		{"", 3840, 100, 1},    // nonsense
		{"Xft.dpi:\t192\n", 1920, 508, 2},
		{"*foo: 1\nXft.dpi: 120", 1920, 508, 1.25},
		{"Xft.dpi: 96", 3840, 340, 1}, // said by the desktop
		{"Xft.dpi: 72", 1920, 508, 1},
		{"Xft.dpi: 900", 1920, 508, 4},
		{"Xft.dpi: NaN", 1920, 508, 1},
		{"Xft.dpi: -5\nXft.dpi", 1920, 508, 1},
		{"xXft.dpi: 192", 1920, 508, 1},
	} {
		screen := &xproto.ScreenInfo{WidthInPixels: c.pixels, WidthInMillimeters: c.mm}
		if got := scale(c.resources, screen); got != c.want {
			t.Errorf("%q, %d pixels on %d mm: %v, want %v", c.resources, c.pixels, c.mm, got, c.want)
		}
	}
}
