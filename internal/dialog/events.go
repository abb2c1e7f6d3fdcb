package dialog

import (
	"context"
	"image"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// inputState is what has to be remembered of earlier events.
type inputState struct {
	visible bool             // the window was painted on the screen
	armed   bool             // since is known
	since   xproto.Timestamp // when the window came up or got the keyboard, by the clock of the server

	released   xproto.Keycode // the last key that was let go, and when
	releasedAt xproto.Timestamp
}

// mapAgain is how often the window asks to be shown while it is not. A window
// manager that is just starting can lose the request.
const mapAgain = time.Second

// wait handles events until the window has a result. It calls shown when the
// window is on the screen.
func (w *window) wait(ctx context.Context, shown func()) Result {
	_ = w.net.SetDeadline(time.Time{})
	if ctx.Err() != nil {
		w.hurry() // what ctx did was undone just now
	}
	told := false
	again := time.NewTicker(mapAgain)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return Result{}
		case <-again.C:
			if w.input.visible {
				again.Stop()
			} else {
				xproto.MapWindow(w.conn, w.id)
			}
		case event, ok := <-w.events:
			if !ok {
				return Result{Outcome: Gone}
			}
			if outcome := w.handle(event); outcome != "" {
				return Result{Outcome: outcome}
			}
			if w.input.armed && !told {
				told = true
				shown()
			}
		}
	}
}

// handle returns the outcome, if the event is one.
func (w *window) handle(event xgb.Event) Outcome {
	switch e := event.(type) {
	case xproto.ExposeEvent:
		w.appeared()
	case xproto.FocusInEvent:
		if e.Mode == xproto.NotifyModeNormal || e.Mode == xproto.NotifyModeWhileGrabbed {
			w.arm()
		}
	case xproto.PropertyNotifyEvent:
		if w.input.visible && e.Atom == xproto.AtomWmClass { // earlier it was described
			w.input.armed, w.input.since = true, e.Time
		}
	case xproto.MappingNotifyEvent:
		_ = w.readKeyboard() // the old one will do
	case xproto.KeyReleaseEvent:
		w.input.released, w.input.releasedAt = e.Detail, e.Time
	case xproto.KeyPressEvent:
		return w.key(e)
	case xproto.ButtonPressEvent:
		w.press(e)
	case xproto.MotionNotifyEvent:
		w.update(w.view.drag(image.Pt(int(e.EventX), int(e.EventY))))
	case xproto.ButtonReleaseEvent:
		return w.release(e)
	case xproto.ClientMessageEvent:
		return w.message(e)
	case xproto.DestroyNotifyEvent:
		return Dismissed
	}
	return ""
}

// appeared is called when the server has painted the window. Where nobody has
// the keyboard, because there is no window manager, the window takes it.
func (w *window) appeared() {
	if w.input.visible {
		return
	}
	w.input.visible = true
	if r, err := xproto.GetInputFocus(w.conn).Reply(); err == nil && r.Focus <= xproto.InputFocusPointerRoot {
		xproto.SetInputFocus(w.conn, xproto.InputFocusPointerRoot, w.id, xproto.TimeCurrentTime)
	}
	w.arm()
}

// arm asks for the time, which the server tells with every change of a
// property; this one changes nothing. Keys do nothing until it is known.
func (w *window) arm() {
	if !w.input.visible {
		return
	}
	w.input.armed = false
	xproto.ChangeProperty(w.conn, xproto.PropModeAppend, w.id, xproto.AtomWmClass, xproto.AtomString, 8, 0, nil)
}

// update repaints if something has changed. If that fails, the window shows
// what it did before, and works.
func (w *window) update(changed bool) {
	if changed {
		_ = w.repaint()
	}
}

// key handles a key. A key that is held comes as released and pressed at the
// same time, again and again; that moves the text but does not answer.
func (w *window) key(e xproto.KeyPressEvent) Outcome {
	held := e.Detail == w.input.released && e.Time == w.input.releasedAt
	early := w.guard > 0 && !w.input.armed || time.Duration(int32(e.Time-w.input.since))*time.Millisecond < w.guard
	a := w.keyboard.action(e.Detail, e.State)
	switch {
	case early:
	case a == actionPress && !held:
		w.view.answer = w.view.focus
		return Answered
	case a == actionCancel && !held:
		return w.view.cancel()
	default:
		w.update(w.view.move(a))
	}
	return ""
}

// Buttons of a mouse.
const (
	buttonLeft = 1
	wheelUp    = 4
	wheelDown  = 5
)

func (w *window) press(e xproto.ButtonPressEvent) {
	switch e.Detail {
	case buttonLeft:
		w.update(w.view.press(image.Pt(int(e.EventX), int(e.EventY))))
	case wheelUp:
		w.update(w.view.scrollBy(-wheelLines * w.view.lineHeight))
	case wheelDown:
		w.update(w.view.scrollBy(wheelLines * w.view.lineHeight))
	}
}

func (w *window) release(e xproto.ButtonReleaseEvent) Outcome {
	if e.Detail != buttonLeft {
		return ""
	}
	if w.view.release(image.Pt(int(e.EventX), int(e.EventY))) {
		return Answered
	}
	w.update(true)
	return ""
}

// message handles what a window manager says: the close button, and whether
// the program is alive.
func (w *window) message(e xproto.ClientMessageEvent) Outcome {
	if e.Type != w.atoms["WM_PROTOCOLS"] || e.Format != 32 {
		return ""
	}
	switch xproto.Atom(e.Data.Data32[0]) {
	case w.atoms["WM_DELETE_WINDOW"]:
		return Dismissed
	case w.atoms["_NET_WM_PING"]:
		e.Window = w.screen.Root
		xproto.SendEvent(w.conn, false, w.screen.Root,
			xproto.EventMaskSubstructureNotify|xproto.EventMaskSubstructureRedirect, string(e.Bytes()))
	}
	return ""
}
