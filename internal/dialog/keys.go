package dialog

import (
	"time"

	"github.com/jezek/xgb/xproto"
)

// keyGuard is how long keys do nothing after the window came up or got the
// keyboard: whoever is typing must not answer with it.
const keyGuard = time.Second

// action is what a key means here.
type action int

// The actions; the scrolling ones are last.
const (
	noAction action = iota
	actionPress
	actionCancel
	actionNext
	actionPrevious
	actionUp
	actionDown
	actionPageUp
	actionPageDown
	actionTop
	actionBottom
)

// meaning says what a keysym means, see X11/keysymdef.h. A second one is that of
// the keypad.
func meaning(k xproto.Keysym) action {
	switch k {
	case 0xff0d, 0xff8d, 0x0020, 0xff80: // Return, space
		return actionPress
	case 0xff1b: // Escape
		return actionCancel
	case tab, 0xff89, 0xff53, 0xff98: // Right
		return actionNext
	case 0xfe20, 0xff51, 0xff96: // ISO_Left_Tab, Left
		return actionPrevious
	case 0xff52, 0xff97:
		return actionUp
	case 0xff54, 0xff99:
		return actionDown
	case 0xff55, 0xff9a:
		return actionPageUp
	case 0xff56, 0xff9b:
		return actionPageDown
	case 0xff50, 0xff95: // Home
		return actionTop
	case 0xff57, 0xff9c: // End
		return actionBottom
	}
	return noAction
}

// tab is the keysym of the Tab key, with Shift or without.
const tab xproto.Keysym = 0xff09

// keyboard is what the keys of the server stand for.
type keyboard struct {
	first   xproto.Keycode
	perKey  int
	keysyms []xproto.Keysym
}

func (w *window) readKeyboard() error {
	first, last := w.setup.MinKeycode, w.setup.MaxKeycode
	r, err := xproto.GetKeyboardMapping(w.conn, first, byte(last-first+1)).Reply()
	if err != nil {
		return err
	}
	w.keyboard = keyboard{first, int(r.KeysymsPerKeycode), r.Keysyms}
	return nil
}

// action says what a key means. Keys together with Control, Alt or Super
// belong to the window manager.
func (k keyboard) action(code xproto.Keycode, state uint16) action {
	i := (int(code) - int(k.first)) * k.perKey
	if i < 0 || i >= len(k.keysyms) || state&(xproto.ModMaskControl|xproto.ModMask1|xproto.ModMask4) != 0 {
		return noAction
	}
	if k.keysyms[i] == tab && state&xproto.ModMaskShift != 0 {
		return actionPrevious
	}
	return meaning(k.keysyms[i])
}
