package tsts

import (
	"fmt"
	"time"

	"msg/internal/ndr"
	"msg/internal/wts"
)

// The longest strings of a box that are read, in UTF-16 units. A text of
// msg.MaxText whose line breaks have all become two characters fits.
const (
	maxTitle = 1 << 10
	maxText  = 1 << 14
)

// UserResult is who is signed in.
type UserResult struct {
	User, Domain string
	Status       uint32
}

func (b *UserResult) encode(w *ndr.Writer) {
	encodeString(w, b.User)
	encodeString(w, b.Domain)
	w.U32(b.Status)
}

func (b *UserResult) decode(r *ndr.Reader) error {
	b.User = decodeString(r, maxTitle)
	b.Domain = decodeString(r, maxTitle)
	b.Status = r.U32()
	return nil
}

// NameResult is the name of a session.
type NameResult struct {
	Name   string
	Status uint32
}

func (b *NameResult) encode(w *ndr.Writer) {
	encodeString(w, b.Name)
	w.U32(b.Status)
}

func (b *NameResult) decode(r *ndr.Reader) error {
	b.Name = decodeString(r, maxTitle)
	b.Status = r.U32()
	return nil
}

// StateResult is the state of a session.
type StateResult struct {
	State  wts.State
	Status uint32
}

func (b *StateResult) encode(w *ndr.Writer) {
	w.U32(uint32(b.State))
	w.U32(b.Status)
}

func (b *StateResult) decode(r *ndr.Reader) error {
	b.State, b.Status = wts.State(r.U32()), r.U32()
	return nil
}

// BoxArgs is a message box for the session of the handle.
type BoxArgs struct {
	Handle      Handle
	Title, Text string
	Style       uint32
	Timeout     uint32 // seconds; 0 has no end
	DoNotWait   bool
}

func (b *BoxArgs) encode(w *ndr.Writer) {
	b.Handle.encode(w)
	w.String16(b.Title)
	w.String16(b.Text)
	w.U32(b.Style)
	w.U32(b.Timeout)
	encodeBool(w, b.DoNotWait)
}

func (b *BoxArgs) decode(r *ndr.Reader) error {
	b.Handle.decode(r)
	b.Title, b.Text = r.String16(maxTitle), r.String16(maxText)
	b.Style, b.Timeout, b.DoNotWait = r.U32(), r.U32(), r.U32() != 0
	return nil
}

// BoxResult is what became of a box.
type BoxResult struct {
	Response wts.Response
	Status   uint32
}

func (b *BoxResult) encode(w *ndr.Writer) {
	w.U32(uint32(b.Response))
	w.U32(b.Status)
}

func (b *BoxResult) decode(r *ndr.Reader) error {
	b.Response, b.Status = wts.Response(r.U32()), r.U32()
	return nil
}

// TimesResult is when things happened to a session; what is not known is the
// zero time.
type TimesResult struct {
	Connect, Disconnect, Logon time.Time
	Status                     uint32
}

func (b *TimesResult) encode(w *ndr.Writer) {
	encodeTimes(w, b.Connect, b.Disconnect, b.Logon)
	w.U32(b.Status)
}

func (b *TimesResult) decode(r *ndr.Reader) error {
	decodeTimes(r, &b.Connect, &b.Disconnect, &b.Logon)
	b.Status = r.U32()
	return nil
}

func encodeTimes(w *ndr.Writer, times ...time.Time) {
	for _, t := range times {
		w.U64(fileTime(t))
	}
}

func decodeTimes(r *ndr.Reader, times ...*time.Time) {
	for _, t := range times {
		*t = timeOf(r.U64())
	}
}

// InfoResult is a session in the words of Windows Vista.
type InfoResult struct {
	User, Domain, Name         string
	State                      wts.State
	Locked                     bool
	Connect, Disconnect, Logon time.Time
	Status                     uint32
}

func (b *InfoResult) encode(w *ndr.Writer) {
	for range 3 {
		w.Pointer(true)
	}
	w.U32(uint32(b.State))
	encodeBool(w, b.Locked)
	encodeTimes(w, b.Connect, b.Disconnect, b.Logon)
	for _, s := range []string{b.User, b.Domain, b.Name} {
		w.String16(s)
	}
	w.U32(b.Status)
}

func (b *InfoResult) decode(r *ndr.Reader) error {
	there := [3]bool{r.Pointer(), r.Pointer(), r.Pointer()}
	b.State, b.Locked = wts.State(r.U32()), r.U32() != 0
	decodeTimes(r, &b.Connect, &b.Disconnect, &b.Logon)
	for i, s := range []*string{&b.User, &b.Domain, &b.Name} {
		if there[i] {
			*s = r.String16(maxTitle)
		}
	}
	b.Status = r.U32()
	return nil
}

// CountResult is how many sessions have somebody in them.
type CountResult struct {
	Users, Devices uint32
	Status         uint32
}

func (b *CountResult) encode(w *ndr.Writer) {
	w.U32(b.Users)
	w.U32(b.Devices)
	w.U32(b.Status)
}

func (b *CountResult) decode(r *ndr.Reader) error {
	b.Users, b.Devices, b.Status = r.U32(), r.U32(), r.U32()
	return nil
}

// TypeResult is the kind of a session, TypeDesktop for one.
type TypeResult struct{ Type, Status uint32 }

func (b *TypeResult) encode(w *ndr.Writer) {
	w.U32(b.Type)
	w.U32(b.Status)
}

func (b *TypeResult) decode(r *ndr.Reader) error {
	b.Type, b.Status = r.U32(), r.U32()
	return nil
}

// InfoExArgs asks for a session; Windows knows level 1.
type InfoExArgs struct {
	ID    int32
	Level uint32
}

func (b *InfoExArgs) encode(w *ndr.Writer) {
	w.I32(b.ID)
	w.U32(b.Level)
}

func (b *InfoExArgs) decode(r *ndr.Reader) error {
	b.ID, b.Level = r.I32(), r.U32()
	return nil
}

// InfoExResult is a session at level 1. Longer names are cut.
type InfoExResult struct {
	State  wts.State
	Flags  uint32 // FlagsLocked, FlagsUnlocked or FlagsUnknown
	Name   string // of 32 UTF-16 units at most
	Domain string // of 17
	User   string // of 20

	Connect, Disconnect, Logon, LastInput time.Time

	Status uint32
}

// infoLevel is the only one there is.
const infoLevel = 1

func (b *InfoExResult) encode(w *ndr.Writer) {
	w.U32(infoLevel)
	w.U32(infoLevel)
	w.Align(8) // the arm of a union, which has times in it
	w.U32(uint32(b.State))
	w.U32(b.Flags)
	w.Fixed16(b.Name, maxName+1)
	w.Fixed16(b.Domain, 18)
	w.Fixed16(b.User, 21)
	encodeTimes(w, b.Connect, b.Disconnect, b.Logon, b.LastInput)
	w.U32(0) // data of the protocol: none
	w.Pointer(false)
	w.U32(b.Status)
}

func (b *InfoExResult) decode(r *ndr.Reader) error {
	if level, tag := r.U32(), r.U32(); level != infoLevel || tag != infoLevel {
		return fmt.Errorf("a session of level %d and kind %d: %w", level, tag, ndr.ErrRange)
	}
	r.Align(8)
	b.State, b.Flags = wts.State(r.U32()), r.U32()
	b.Name, b.Domain, b.User = r.Fixed16(maxName+1), r.Fixed16(18), r.Fixed16(21)
	decodeTimes(r, &b.Connect, &b.Disconnect, &b.Logon, &b.LastInput)
	r.U32()
	if r.Pointer() {
		r.Take(r.Count(r.Len()))
	}
	b.Status = r.U32()
	return nil
}
