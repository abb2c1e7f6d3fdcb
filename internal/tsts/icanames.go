package tsts

import (
	"fmt"
	"time"
	"unicode/utf16"

	"msg/internal/ndr"
	"msg/internal/wts"
)

// maxIcaName is the range of the names of IcaApi.
const maxIcaName = 256

// units is s in UTF-16.
func units(s string) []uint16 { return utf16.Encode([]rune(s)) }

// IcaNameArgs asks for the ID of a session by its name.
type IcaNameArgs struct {
	Handle Handle
	Name   string
}

func (b *IcaNameArgs) encode(w *ndr.Writer) {
	b.Handle.encode(w)
	n := len(units(b.Name)) + 1
	w.U32(uint32(n))
	w.Fixed16(b.Name, n)
	w.U32(uint32(n))
}

func (b *IcaNameArgs) decode(r *ndr.Reader) error {
	b.Handle.decode(r)
	room := r.Count(maxIcaName)
	b.Name = r.Chars16(room)
	if n := r.Count(maxIcaName); n != room {
		return fmt.Errorf("an array of %d characters is called %d: %w", room, n, ndr.ErrRange)
	}
	return nil
}

// IcaIDResult is the ID of a session.
type IcaIDResult struct {
	Result uint32
	ID     int32
	OK     bool
}

func (b *IcaIDResult) encode(w *ndr.Writer) {
	w.U32(b.Result)
	w.I32(b.ID)
	w.U8(uint8(number(b.OK)))
}

func (b *IcaIDResult) decode(r *ndr.Reader) error {
	b.Result, b.ID, b.OK = r.U32(), r.I32(), r.U8() != 0
	return nil
}

// IcaIDArgs asks for the name of a session, which has room for so many
// characters.
type IcaIDArgs struct {
	Handle Handle
	ID     int32
	Room   int
}

func (b *IcaIDArgs) encode(w *ndr.Writer) {
	b.Handle.encode(w)
	w.I32(b.ID)
	w.U32(uint32(b.Room))
	w.Zero(2 * b.Room)
	w.U32(uint32(b.Room))
}

func (b *IcaIDArgs) decode(r *ndr.Reader) error {
	b.Handle.decode(r)
	b.ID = r.I32()
	room := r.Count(maxIcaName)
	r.Take(2 * room)
	b.Room = r.Count(maxIcaName)
	if b.Room != room {
		return fmt.Errorf("an array of %d characters is called %d: %w", room, b.Room, ndr.ErrRange)
	}
	return nil
}

// IcaNameResult is the name of a session, cut to the room that was asked for.
type IcaNameResult struct {
	Result uint32
	Name   string
	Room   int
	OK     bool
}

func (b *IcaNameResult) encode(w *ndr.Writer) {
	w.U32(b.Result)
	w.U32(uint32(b.Room))
	if b.Room > 0 {
		w.Fixed16(b.Name, b.Room)
	}
	w.U8(uint8(number(b.OK)))
}

func (b *IcaNameResult) decode(r *ndr.Reader) error {
	b.Result = r.U32()
	b.Room = r.Count(maxIcaName)
	b.Name = r.Fixed16(b.Room)
	b.OK = r.U8() != 0
	return nil
}

// IcaQueryArgs asks for a class of information, for which there is a buffer.
type IcaQueryArgs struct {
	Handle Handle
	ID     int32
	Class  uint32
	Room   uint32 // bytes of the buffer; 0 has no buffer
}

// ClassInformation is WinStationInformation, see Information.
const ClassInformation = 8

func (b *IcaQueryArgs) encode(w *ndr.Writer) {
	b.Handle.encode(w)
	w.I32(b.ID)
	w.U32(b.Class)
	w.Pointer(b.Room > 0)
	if b.Room > 0 {
		w.U32(b.Room)
		w.Zero(int(b.Room))
	}
	w.U32(b.Room)
}

func (b *IcaQueryArgs) decode(r *ndr.Reader) error {
	b.Handle.decode(r)
	b.ID, b.Class = r.I32(), r.U32()
	room := 0
	if r.Pointer() {
		room = r.Count(maxIcaBytes)
		r.Take(room)
	}
	if n := r.Count(maxIcaBytes); n != room {
		return fmt.Errorf("a buffer of %d bytes is called %d: %w", room, n, ndr.ErrRange)
	}
	b.Room = uint32(room)
	return nil
}

// IcaQueryResult is the buffer, and how much of it is used.
type IcaQueryResult struct {
	Result uint32
	Data   []byte // of the length of the buffer
	Length uint32
	OK     bool
}

func (b *IcaQueryResult) encode(w *ndr.Writer) {
	w.U32(b.Result)
	w.Pointer(b.Data != nil)
	encodeBytes(w, b.Data)
	w.U32(b.Length)
	w.U8(uint8(number(b.OK)))
}

func (b *IcaQueryResult) decode(r *ndr.Reader) error {
	b.Result = r.U32()
	if r.Pointer() {
		b.Data = decodeBytes(r, maxIcaBytes)
	}
	b.Length, b.OK = r.U32(), r.U8() != 0
	return nil
}

// Information is a session, WINSTATIONINFORMATION ([MS-TSTS] 6.5, winsta.h).
// It is the C structure as it is in memory, counters of traffic included, which
// are zero here.
type Information struct {
	State                                 wts.State
	Name                                  string
	ID                                    int32
	Connect, Disconnect, LastInput, Logon time.Time
	Domain, User                          string
	Current                               time.Time // of the computer that was asked, at that moment
}

// InformationSize is the size of the structure: with two sets of counters of
// 460 bytes, 84 of a cache and 8 of signals.
const InformationSize = 1216

// status is the size of PROTOCOLSTATUS.
const status = 2*460 + 84 + 8

// Bytes is the structure.
func (i Information) Bytes() []byte {
	var w ndr.Writer
	w.U32(uint32(i.State))
	w.Fixed16(i.Name, maxName+1)
	w.I32(i.ID)
	encodeTimes(&w, i.Connect, i.Disconnect, i.LastInput, i.Logon)
	w.Zero(status)
	w.Fixed16(i.Domain, 18)
	w.Fixed16(i.User, 21)
	encodeTimes(&w, i.Current)
	return w.Data()
}

// ParseInformation reads the structure.
func ParseInformation(b []byte) (i Information, err error) {
	r := ndr.NewReader(b)
	i.State, i.Name, i.ID = wts.State(r.U32()), r.Fixed16(maxName+1), r.I32()
	decodeTimes(r, &i.Connect, &i.Disconnect, &i.LastInput, &i.Logon)
	r.Take(status)
	i.Domain, i.User = r.Fixed16(18), r.Fixed16(21)
	decodeTimes(r, &i.Current)
	if r.Err() != nil {
		return Information{}, fmt.Errorf("reading a session: %v", r.Err())
	}
	return i, nil
}
