package hosttest

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"image"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"
)

// X is a real X server without a monitor, and the person in front of it.
type X struct {
	Display, Xauthority string
	Screen              image.Rectangle

	cookie []byte
	conn   *xgb.Conn
	root   xproto.Window
	kill   func()
}

// XServer starts an X server with a screen such as "800x600x24", and with more
// arguments if need be. It lets in who has the cookie in Xauthority, as desktops
// do. Tests that need it are skipped where there is none.
func XServer(t testing.TB, screen string, args ...string) *X {
	t.Helper()
	program, err := exec.LookPath("Xvfb")
	if err != nil {
		t.Skip("no Xvfb (Debian: apt install xvfb)")
	}
	cookie := make([]byte, 16)
	_, _ = rand.Read(cookie)
	x := &X{Xauthority: filepath.Join(t.TempDir(), "authority"), cookie: cookie}
	writeAuthority(t, x.Xauthority, "", cookie) // the server wants the cookie only
	number, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer number.Close()
	// It would begin anew when the last client goes, between two parts of a test.
	cmd := exec.Command(program, append([]string{"-displayfd", "3", "-screen", "0", screen, "-auth", x.Xauthority,
		"-nolisten", "tcp", "-noreset"}, args...)...)
	cmd.ExtraFiles = []*os.File{ours}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ours.Close()
	x.kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(x.kill)
	line, err := bufio.NewReader(number).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb did not start: %v", err)
	}
	x.Display = ":" + strings.TrimSpace(line)
	writeAuthority(t, x.Xauthority, strings.TrimSpace(line), cookie)
	x.conn = x.connect(t)
	s := xproto.Setup(x.conn).DefaultScreen(x.conn)
	x.root, x.Screen = s.Root, image.Rect(0, 0, int(s.WidthInPixels), int(s.HeightInPixels))
	if err := xtest.Init(x.conn); err != nil {
		t.Fatal(err)
	}
	return x
}

// writeAuthority writes a file as xauth(1) does, with one entry for this host.
func writeAuthority(t testing.TB, path, display string, cookie []byte) {
	t.Helper()
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	const familyLocal = 256
	b := binary.BigEndian.AppendUint16(nil, familyLocal)
	for _, field := range []string{hostname, display, "MIT-MAGIC-COOKIE-1", string(cookie)} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(field)))
		b = append(b, field...)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// connect makes a connection by which the person acts.
func (x *X) connect(t testing.TB) *xgb.Conn {
	t.Helper()
	xgb.Logger.SetOutput(io.Discard)
	socket, err := net.Dial("unix", "/tmp/.X11-unix/X"+x.Display[1:])
	if err != nil {
		t.Fatal(err)
	}
	conn, err := xgb.NewConnNetWithCookieHex(socket, hex.EncodeToString(x.cookie))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// Kill ends the server at once, as a crash does.
func (x *X) Kill() { x.kill() }

// XWindow is a window of an application.
type XWindow struct {
	Title string
	Area  image.Rectangle // on the screen, without what a window manager puts around it
	ID    uint32
}

// Windows lists the windows that have a title and are on the screen.
func (x *X) Windows(t testing.TB) []XWindow {
	t.Helper()
	return x.below(t, x.root)
}

// Window returns the only window with that title.
func (x *X) Window(t testing.TB, title string) XWindow {
	t.Helper()
	var found []XWindow
	all := x.Windows(t)
	for _, w := range all {
		if w.Title == title {
			found = append(found, w)
		}
	}
	if len(found) != 1 {
		t.Fatalf("there are %d windows %q among %v", len(found), title, all)
	}
	return found[0]
}

// below walks the windows inside another one; those that go while it does are
// left out.
func (x *X) below(t testing.TB, parent xproto.Window) []XWindow {
	t.Helper()
	tree, err := xproto.QueryTree(x.conn, parent).Reply()
	if err != nil {
		return nil
	}
	var found []XWindow
	for _, id := range tree.Children {
		attributes, err := xproto.GetWindowAttributes(x.conn, id).Reply()
		if err != nil || attributes.MapState != xproto.MapStateViewable {
			continue
		}
		w := XWindow{Title: string(x.Property(t, uint32(id), "_NET_WM_NAME")), ID: uint32(id)}
		size, err := xproto.GetGeometry(x.conn, xproto.Drawable(id)).Reply()
		if err != nil {
			continue
		}
		at, err := xproto.TranslateCoordinates(x.conn, id, x.root, 0, 0).Reply()
		if err != nil {
			continue
		}
		w.Area = image.Rect(0, 0, int(size.Width), int(size.Height)).Add(image.Pt(int(at.DstX), int(at.DstY)))
		if w.Title != "" {
			found = append(found, w)
		}
		found = append(found, x.below(t, id)...)
	}
	return found
}

// Property returns a property of a window; of the root window if that is 0.
func (x *X) Property(t testing.TB, window uint32, name string) []byte {
	t.Helper()
	if window == 0 {
		window = uint32(x.root)
	}
	r, err := xproto.GetProperty(x.conn, false, xproto.Window(window), x.Atom(t, name), xproto.GetPropertyTypeAny, 0, 1<<16).Reply()
	if err != nil {
		return nil // the window is gone
	}
	return r.Value
}

// SetRootProperty sets a property of the root window, as desktops do.
func (x *X) SetRootProperty(t testing.TB, name, value string) {
	t.Helper()
	err := xproto.ChangePropertyChecked(x.conn, xproto.PropModeReplace, x.root, x.Atom(t, name), xproto.AtomString, 8,
		uint32(len(value)), []byte(value)).Check()
	if err != nil {
		t.Fatal(err)
	}
}

// Atom returns the number of a name.
func (x *X) Atom(t testing.TB, name string) xproto.Atom {
	t.Helper()
	r, err := xproto.InternAtom(x.conn, false, uint16(len(name)), name).Reply()
	if err != nil {
		t.Fatal(err)
	}
	return r.Atom
}

// Protocol sends what a window manager sends: WM_DELETE_WINDOW for its close
// button, _NET_WM_PING to see whether the program is alive.
func (x *X) Protocol(t testing.TB, w XWindow, name string) {
	t.Helper()
	e := xproto.ClientMessageEvent{
		Format: 32, Window: xproto.Window(w.ID), Type: x.Atom(t, "WM_PROTOCOLS"),
		Data: xproto.ClientMessageDataUnionData32New([]uint32{uint32(x.Atom(t, name)), 0, w.ID, 0, 0}),
	}
	if err := xproto.SendEventChecked(x.conn, false, xproto.Window(w.ID), 0, string(e.Bytes())).Check(); err != nil {
		t.Fatal(err)
	}
}

// Move moves the mouse.
func (x *X) Move(t testing.TB, to image.Point) {
	t.Helper()
	x.fake(t, xproto.MotionNotify, 0, to)
}

// Press presses a button of the mouse, without letting it go.
func (x *X) Press(t testing.TB, button byte, at image.Point) {
	t.Helper()
	x.Move(t, at)
	x.fake(t, xproto.ButtonPress, button, image.Point{})
}

// Release lets a button of the mouse go.
func (x *X) Release(t testing.TB, button byte, at image.Point) {
	t.Helper()
	x.Move(t, at)
	x.fake(t, xproto.ButtonRelease, button, image.Point{})
}

// Click clicks with the left button of the mouse.
func (x *X) Click(t testing.TB, at image.Point) {
	t.Helper()
	x.Press(t, 1, at)
	x.Release(t, 1, at)
}

// Keysyms for Key, from X11/keysymdef.h.
const (
	KeyReturn   = 0xff0d
	KeyEscape   = 0xff1b
	KeyTab      = 0xff09
	KeySpace    = 0x20
	KeyLeft     = 0xff51
	KeyRight    = 0xff53
	KeyDown     = 0xff54
	KeyPageDown = 0xff56
	KeyHome     = 0xff50
	KeyEnd      = 0xff57
	KeyShift    = 0xffe1
	KeyControl  = 0xffe3
)

// Key presses keys together, and lets them go.
func (x *X) Key(t testing.TB, keysyms ...uint32) {
	t.Helper()
	for _, k := range keysyms {
		x.fake(t, xproto.KeyPress, x.Keycode(t, k), image.Point{})
	}
	for _, k := range keysyms {
		x.fake(t, xproto.KeyRelease, x.Keycode(t, k), image.Point{})
	}
}

// Keycode returns the key of the server for a keysym.
func (x *X) Keycode(t testing.TB, keysym uint32) byte {
	t.Helper()
	setup := xproto.Setup(x.conn)
	r, err := xproto.GetKeyboardMapping(x.conn, setup.MinKeycode, byte(setup.MaxKeycode-setup.MinKeycode+1)).Reply()
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range r.Keysyms {
		if uint32(k) == keysym {
			return byte(int(setup.MinKeycode) + i/int(r.KeysymsPerKeycode))
		}
	}
	t.Fatalf("the X server has no key for %#x", keysym)
	return 0
}

// fake does something with the mouse or the keyboard.
func (x *X) fake(t testing.TB, kind, detail byte, at image.Point) {
	t.Helper()
	err := xtest.FakeInputChecked(x.conn, kind, detail, 0, x.root, int16(at.X), int16(at.Y), 0).Check()
	if err != nil {
		t.Fatal(err)
	}
}

// Time is what the clock of the server says, which it tells with events only.
func (x *X) Time(t testing.TB) uint32 {
	t.Helper()
	conn := x.connect(t)
	defer conn.Close()
	id, err := xproto.NewWindowId(conn)
	if err != nil {
		t.Fatal(err)
	}
	xproto.CreateWindow(conn, 0, id, x.root, 0, 0, 1, 1, 0, xproto.WindowClassInputOnly, 0,
		xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange})
	xproto.ChangeProperty(conn, xproto.PropModeReplace, id, xproto.AtomWmName, xproto.AtomString, 8, 0, nil)
	for {
		event, xerr := conn.WaitForEvent()
		if e, ok := event.(xproto.PropertyNotifyEvent); ok {
			return uint32(e.Time)
		}
		if event == nil {
			t.Fatalf("the X server does not tell the time: %v", xerr)
		}
	}
}

// Focus gives the keyboard to a window.
func (x *X) Focus(t testing.TB, w XWindow) {
	t.Helper()
	err := xproto.SetInputFocusChecked(x.conn, xproto.InputFocusPointerRoot, xproto.Window(w.ID), xproto.TimeCurrentTime).Check()
	if err != nil {
		t.Fatal(err)
	}
}

// KeyAt sends a window that a key was pressed, or released, at a time of the
// server's clock. A window that is gone gets nothing.
func (x *X) KeyAt(t testing.TB, w XWindow, keysym uint32, press bool, at uint32) {
	t.Helper()
	e := xproto.KeyPressEvent{
		Detail: xproto.Keycode(x.Keycode(t, keysym)), Time: xproto.Timestamp(at), Root: x.root,
		Event: xproto.Window(w.ID), SameScreen: true,
	}
	b, mask := e.Bytes(), uint32(xproto.EventMaskKeyPress)
	if !press {
		b, mask = xproto.KeyReleaseEvent(e).Bytes(), xproto.EventMaskKeyRelease
	}
	_ = xproto.SendEventChecked(x.conn, false, xproto.Window(w.ID), mask, string(b)).Check()
}

// Screenshot returns what is on the screen there.
func (x *X) Screenshot(t testing.TB, area image.Rectangle) *image.RGBA {
	t.Helper()
	r, err := xproto.GetImage(x.conn, xproto.ImageFormatZPixmap, xproto.Drawable(x.root), int16(area.Min.X), int16(area.Min.Y),
		uint16(area.Dx()), uint16(area.Dy()), 0xffffffff).Reply()
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewRGBA(image.Rectangle{Max: area.Size()})
	for i := 0; i < len(img.Pix); i += 4 { // Xvfb with 24 bits: blue first
		img.Pix[i], img.Pix[i+1], img.Pix[i+2], img.Pix[i+3] = r.Data[i+2], r.Data[i+1], r.Data[i], 0xff
	}
	return img
}

// Until waits until what is asked of the server is true.
func (x *X) Until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !is(); {
		if time.Now().After(end) {
			t.Fatalf("%s: it does not come", what)
		}
	}
}

// Cover puts a window of its own over everything there, and takes it away when
// the returned function is called.
func (x *X) Cover(t testing.TB, area image.Rectangle) (uncover func()) {
	t.Helper()
	id, err := xproto.NewWindowId(x.conn)
	if err != nil {
		t.Fatal(err)
	}
	err = xproto.CreateWindowChecked(x.conn, 0, id, x.root, int16(area.Min.X), int16(area.Min.Y), uint16(area.Dx()),
		uint16(area.Dy()), 0, xproto.WindowClassInputOutput, 0, xproto.CwBackPixel|xproto.CwOverrideRedirect, []uint32{0xff00ff, 1}).Check()
	if err != nil {
		t.Fatal(err)
	}
	if err := xproto.MapWindowChecked(x.conn, id).Check(); err != nil {
		t.Fatal(err)
	}
	return func() { _ = xproto.DestroyWindowChecked(x.conn, id).Check() }
}

// LoseMaps acts as a window manager that is just starting: it loses the first n
// requests to show a window. It shows windows after that.
func (x *X) LoseMaps(t testing.TB, n int) {
	t.Helper()
	conn := x.connect(t)
	t.Cleanup(conn.Close)
	err := xproto.ChangeWindowAttributesChecked(conn, x.root, xproto.CwEventMask, []uint32{xproto.EventMaskSubstructureRedirect}).Check()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			event, err := conn.WaitForEvent()
			if event == nil && err == nil {
				return
			}
			if e, ok := event.(xproto.MapRequestEvent); ok {
				if n--; n < 0 {
					xproto.MapWindow(conn, e.Window)
				}
			}
		}
	}()
}

// RootMessages tells of messages to the root window from now on, as a window
// manager is told, until the server ends.
func (x *X) RootMessages(t testing.TB) <-chan xproto.ClientMessageEvent {
	t.Helper()
	err := xproto.ChangeWindowAttributesChecked(x.conn, x.root, xproto.CwEventMask, []uint32{xproto.EventMaskSubstructureNotify}).Check()
	if err != nil {
		t.Fatal(err)
	}
	messages := make(chan xproto.ClientMessageEvent, 16)
	go func() {
		defer close(messages)
		for {
			event, err := x.conn.WaitForEvent()
			if event == nil && err == nil {
				return
			}
			if e, ok := event.(xproto.ClientMessageEvent); ok {
				messages <- e
			}
		}
	}()
	return messages
}
