package dialog

import (
	"fmt"
	"image"
	"os"
	"strings"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// window is a view on the screen.
//
// What it shows is a pixmap that is the background of the window: the server
// repaints that by itself when something that was in front goes away, also
// when this process is busy.
type window struct {
	*server
	view   *view
	visual visual
	atoms  map[string]xproto.Atom
	id     xproto.Window
	pixmap xproto.Pixmap
	gc     xproto.Gcontext
	canvas *image.RGBA

	keyboard keyboard
	guard    time.Duration
	input    inputState
}

// atomNames are the atoms that a window uses, asked for at once.
var atomNames = []string{
	"WM_PROTOCOLS", "WM_DELETE_WINDOW", "UTF8_STRING", "_NET_WM_PING", "_NET_WM_PID", "_NET_WM_NAME", "_NET_WM_ICON_NAME",
	"_NET_WM_WINDOW_TYPE", "_NET_WM_WINDOW_TYPE_DIALOG", "_NET_WM_DESKTOP",
	"_NET_WM_STATE", "_NET_WM_STATE_ABOVE", "_NET_WM_STATE_STICKY", "_NET_WM_STATE_DEMANDS_ATTENTION",
}

// open creates the window and maps it. The server may show it later, or never:
// a window manager decides.
func (s *server) open(v *view, position int) (*window, error) {
	w := &window{server: s, view: v, canvas: image.NewRGBA(image.Rectangle{Max: v.size})}
	// A server that does not answer is not waited for longer than one that
	// does not let in.
	_ = s.net.SetDeadline(time.Now().Add(connectTimeout))
	for _, step := range []func() error{w.chooseVisual, w.internAtoms, w.readKeyboard,
		func() error { return w.create(place(v, position)) }} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("opening a window: %w", err)
		}
	}
	w.describe()
	if err := w.repaint(); err != nil {
		return nil, fmt.Errorf("painting a window: %w", err)
	}
	xproto.MapWindow(s.conn, w.id)
	return w, nil
}

// destroy takes the window down; it is gone when the connection is closed.
func (w *window) destroy() {
	w.hurry()
	xproto.DestroyWindow(w.conn, w.id)
}

// place centres the window on its monitor, or moves it by position from there,
// as far as there is room.
func place(v *view, position int) image.Rectangle {
	room := v.monitor.Size().Sub(v.size)
	step := v.px(28) * position
	offset := func(room int) int { return wrapAround(room/2+step, room) }
	return image.Rectangle{Max: v.size}.Add(v.monitor.Min).Add(image.Pt(offset(room.X), offset(room.Y)))
}

// wrapAround brings n into what is from 0 to room.
func wrapAround(n, room int) int {
	if room <= 0 {
		return 0
	}
	return ((n % room) + room) % room
}

func (w *window) chooseVisual() (err error) {
	w.visual, err = chooseVisual(w.setup, w.screen)
	return err
}

func (w *window) internAtoms() error {
	cookies := make([]xproto.InternAtomCookie, len(atomNames))
	for i, name := range atomNames {
		cookies[i] = xproto.InternAtom(w.conn, false, uint16(len(name)), name)
	}
	w.atoms = map[string]xproto.Atom{}
	for i, name := range atomNames {
		r, err := cookies[i].Reply()
		if err != nil {
			return err
		}
		w.atoms[name] = r.Atom
	}
	return nil
}

// eventMask is what the window is told of.
const eventMask = xproto.EventMaskExposure | xproto.EventMaskStructureNotify | xproto.EventMaskPropertyChange |
	xproto.EventMaskFocusChange | xproto.EventMaskKeyPress | xproto.EventMaskKeyRelease |
	xproto.EventMaskButtonPress | xproto.EventMaskButtonRelease | xproto.EventMaskButton1Motion

// create makes the window, its pixmap and what draws on that. The visual may
// not be that of the screen, so that the window needs colours of its own.
func (w *window) create(at image.Rectangle) error {
	width, height := uint16(at.Dx()), uint16(at.Dy())
	window, err := xproto.NewWindowId(w.conn)
	if err != nil {
		return err
	}
	pixmap, err := xproto.NewPixmapId(w.conn)
	if err != nil {
		return err
	}
	gc, err := xproto.NewGcontextId(w.conn)
	if err != nil {
		return err
	}
	colors, err := xproto.NewColormapId(w.conn)
	if err != nil {
		return err
	}
	w.id, w.pixmap, w.gc = window, pixmap, gc
	xproto.CreateColormap(w.conn, xproto.ColormapAllocNone, colors, w.screen.Root, w.visual.id)
	// In the order of the bits of the mask.
	values := []uint32{0, xproto.GravityNorthWest, eventMask, uint32(colors)}
	err = xproto.CreateWindowChecked(w.conn, w.visual.depth, w.id, w.screen.Root, int16(at.Min.X), int16(at.Min.Y),
		width, height, 0, xproto.WindowClassInputOutput, w.visual.id,
		xproto.CwBorderPixel|xproto.CwBitGravity|xproto.CwEventMask|xproto.CwColormap, values).Check()
	if err != nil {
		return err
	}
	err = xproto.CreatePixmapChecked(w.conn, w.visual.depth, w.pixmap, xproto.Drawable(w.id), width, height).Check()
	if err != nil {
		return err
	}
	xproto.CreateGC(w.conn, w.gc, xproto.Drawable(w.pixmap), 0, nil)
	return w.hint(at)
}

// hint says where the window is to be and that it has one size, as
// WM_NORMAL_HINTS of the ICCCM (4.1.2.3), and that it wants the keyboard and
// is urgent, as WM_HINTS (4.1.2.4).
func (w *window) hint(at image.Rectangle) error {
	const userPosition, programPosition, minSize, maxSize = 1 << 0, 1 << 2, 1 << 4, 1 << 5
	x, y, width, height := uint32(at.Min.X), uint32(at.Min.Y), uint32(at.Dx()), uint32(at.Dy())
	normal := make([]uint32, 18)
	copy(normal, []uint32{userPosition | programPosition | minSize | maxSize, x, y, width, height, width, height, width, height})
	w.set32(xproto.AtomWmNormalHints, xproto.AtomWmSizeHints, normal...)
	const input, state, urgency, normalState = 1 << 0, 1 << 1, 1 << 8, 1
	hints := make([]uint32, 9)
	copy(hints, []uint32{input | state | urgency, 1, normalState})
	return w.set32(xproto.AtomWmHints, xproto.AtomWmHints, hints...).Check()
}

// describe tells window managers what the window is, see the ICCCM and the
// Extended Window Manager Hints.
func (w *window) describe() {
	a := w.atoms
	title := w.view.title
	w.set8(xproto.AtomWmClass, xproto.AtomString, "msg\x00msg\x00")
	name := xproto.Atom(xproto.AtomString) // all that old programs read
	if strings.ContainsFunc(title, func(r rune) bool { return r >= 0x80 }) {
		name = a["UTF8_STRING"]
	}
	w.set8(xproto.AtomWmName, name, title)
	w.set8(a["_NET_WM_NAME"], a["UTF8_STRING"], title)
	w.set8(a["_NET_WM_ICON_NAME"], a["UTF8_STRING"], title)
	if host, err := os.Hostname(); err == nil { // without it the process ID means nothing
		w.set8(xproto.AtomWmClientMachine, xproto.AtomString, host)
		w.set32(a["_NET_WM_PID"], xproto.AtomCardinal, uint32(os.Getpid()))
	}
	w.set32(a["WM_PROTOCOLS"], xproto.AtomAtom, uint32(a["WM_DELETE_WINDOW"]), uint32(a["_NET_WM_PING"]))
	w.set32(a["_NET_WM_WINDOW_TYPE"], xproto.AtomAtom, uint32(a["_NET_WM_WINDOW_TYPE_DIALOG"]))
	w.set32(a["_NET_WM_STATE"], xproto.AtomAtom, uint32(a["_NET_WM_STATE_ABOVE"]), uint32(a["_NET_WM_STATE_STICKY"]),
		uint32(a["_NET_WM_STATE_DEMANDS_ATTENTION"]))
	w.set32(a["_NET_WM_DESKTOP"], xproto.AtomCardinal, 0xffffffff) // on all of them
}

func (w *window) set8(name, kind xproto.Atom, value string) {
	xproto.ChangeProperty(w.conn, xproto.PropModeReplace, w.id, name, kind, 8, uint32(len(value)), []byte(value))
}

func (w *window) set32(name, kind xproto.Atom, values ...uint32) xproto.ChangePropertyCookie {
	b := make([]byte, 4*len(values))
	for i, v := range values {
		xgb.Put32(b[4*i:], v)
	}
	return xproto.ChangePropertyChecked(w.conn, xproto.PropModeReplace, w.id, name, kind, 32, uint32(len(values)), b)
}

// putHeader is what a PutImage request needs besides its pixels.
const putHeader = 24

// repaint draws the view, sends it in bands that the server accepts, and makes
// it the background.
func (w *window) repaint() error {
	w.view.paint(w.canvas)
	width, height := w.canvas.Rect.Dx(), w.canvas.Rect.Dy()
	rows := max(1, (4*int(w.setup.MaximumRequestLength)-putHeader)/(4*width))
	var sent []xproto.PutImageCookie
	for y := 0; y < height; y += rows {
		end := min(y+rows, height)
		sent = append(sent, xproto.PutImageChecked(w.conn, xproto.ImageFormatZPixmap, xproto.Drawable(w.pixmap), w.gc,
			uint16(width), uint16(end-y), 0, int16(y), 0, w.visual.depth, w.visual.pack(w.canvas, y, end)))
	}
	xproto.ChangeWindowAttributes(w.conn, w.id, xproto.CwBackPixmap, []uint32{uint32(w.pixmap)})
	xproto.ClearArea(w.conn, false, w.id, 0, 0, 0, 0)
	for _, s := range sent {
		if err := s.Check(); err != nil {
			return err
		}
	}
	return nil
}
