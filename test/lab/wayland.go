package lab

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"io"
	"net"
	"time"
)

// A virtualMouse is a mouse plugged into a Wayland display, by the protocol
// wlr-virtual-pointer-unstable-v1. The commands of sway that move the pointer do
// not do: without a mouse that stays, programs do not listen to clicks.
//
// A message of the Wayland protocol is the number of an object, one word with its
// length and the number of a request or event, and arguments of one word or more.
// The client numbers the objects that it makes, from 2 and without a gap.
type virtualMouse struct {
	conn    net.Conn
	objects uint32 // the number last given
	mouse   uint32
	plugged time.Time
}

// The objects, requests and events that are used here.
const (
	wlDisplay            = 1 // is there from the beginning
	wlDisplaySync        = 0
	wlDisplayGetRegistry = 1
	wlDisplayError       = 0
	wlRegistryBind       = 0
	wlRegistryGlobal     = 0
	mouseMakerCreate     = 0
	mouseMoveTo          = 1
	mouseButton          = 2
	mouseFrame           = 4
)

// mouseMaker is the interface that plugs in.
const mouseMaker = "zwlr_virtual_pointer_manager_v1"

// word is what a message is made of, in the order of the computer; the lab has
// only met this one.
var word = binary.LittleEndian

// plugIn connects a mouse to the display that listens at a socket.
func plugIn(socket string) (*virtualMouse, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	m := &virtualMouse{conn: conn, objects: wlDisplay, plugged: time.Now()}
	if err := m.create(); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return m, nil
}

func (m *virtualMouse) create() error {
	registry := m.object()
	m.request(wlDisplay, wlDisplayGetRegistry, registry)
	var name uint32
	err := m.sync(func(object uint32, event uint16, args []byte) {
		// Its name, the length of the interface, and that.
		if object == registry && event == wlRegistryGlobal && bytes.HasPrefix(args[8:], []byte(mouseMaker+"\x00")) {
			name = word.Uint32(args)
		}
	})
	if err != nil {
		return err
	}
	if name == 0 {
		return fmt.Errorf("the display has no %s", mouseMaker)
	}
	maker := m.object()
	m.request(registry, wlRegistryBind, name, mouseMaker, uint32(1), maker)
	m.mouse = m.object()
	m.request(maker, mouseMakerCreate, uint32(0), m.mouse) // 0: on the seat that there is
	return m.sync(nil)
}

// click moves the mouse to a place on a screen of that size, and presses and
// releases a button, which has its number from linux/input-event-codes.h. When
// it returns, the display has done it.
func (m *virtualMouse) click(at, size image.Point, button uint32) error {
	m.request(m.mouse, mouseMoveTo, m.now(), uint32(at.X), uint32(at.Y), uint32(size.X), uint32(size.Y))
	m.request(m.mouse, mouseFrame)
	for _, pressed := range []uint32{1, 0} {
		m.request(m.mouse, mouseButton, m.now(), button, pressed)
		m.request(m.mouse, mouseFrame)
	}
	return m.sync(nil)
}

func (m *virtualMouse) close() { _ = m.conn.Close() }

// now is the time in milliseconds, from any moment.
func (m *virtualMouse) now() uint32 { return uint32(time.Since(m.plugged).Milliseconds()) }

// object gives the number of a new object.
func (m *virtualMouse) object() uint32 {
	m.objects++
	return m.objects
}

// request sends a request; args are words and strings. That it could not be sent
// the next sync finds.
func (m *virtualMouse) request(object uint32, request uint16, args ...any) {
	message := word.AppendUint32(nil, object)
	message = word.AppendUint32(message, 0)
	for _, arg := range args {
		switch arg := arg.(type) {
		case uint32:
			message = word.AppendUint32(message, arg)
		case string: // its length, itself with a 0, and what fills the word
			message = word.AppendUint32(message, uint32(len(arg)+1))
			message = append(append(message, arg...), make([]byte, 4-len(arg)%4)...)
		}
	}
	word.PutUint32(message[4:], uint32(len(message))<<16|uint32(request))
	_, _ = m.conn.Write(message)
}

// sync returns when the display has dealt with all that was sent. Until then
// events are told to seen.
func (m *virtualMouse) sync(seen func(object uint32, event uint16, args []byte)) error {
	done := m.object()
	m.request(wlDisplay, wlDisplaySync, done)
	_ = m.conn.SetReadDeadline(time.Now().Add(robotLimit)) // fails only where reading does
	for {
		var head [8]byte
		if _, err := io.ReadFull(m.conn, head[:]); err != nil {
			return err
		}
		object, sizeAndEvent := word.Uint32(head[:]), word.Uint32(head[4:])
		args := make([]byte, max(8, sizeAndEvent>>16)-8)
		if _, err := io.ReadFull(m.conn, args); err != nil {
			return err
		}
		switch event := uint16(sizeAndEvent); {
		case object == done:
			return nil
		case object == wlDisplay && event == wlDisplayError:
			return fmt.Errorf("the display says %q", args)
		case seen != nil:
			seen(object, event, args)
		}
	}
}
