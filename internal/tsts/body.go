package tsts

import (
	"fmt"
	"time"

	"msg/internal/ndr"
)

// Body is the parameters or the results of a call.
type Body interface {
	encode(w *ndr.Writer)
	decode(r *ndr.Reader) error
}

// Marshal makes the data of a call.
func Marshal(b Body) []byte {
	var w ndr.Writer
	b.encode(&w)
	return w.Data()
}

// Unmarshal reads the data of a call into b. What follows is ignored.
func Unmarshal(stub []byte, b Body) error {
	r := ndr.NewReader(stub)
	err := b.decode(r)
	if r.Err() != nil {
		err = r.Err()
	}
	if err != nil {
		return fmt.Errorf("reading %T of %d bytes: %w", b, len(stub), err)
	}
	return nil
}

// Handle is a context handle of a server. The zero one is none.
type Handle [20]byte

// IsZero reports whether it is none.
func (h Handle) IsZero() bool { return h == Handle{} }

func (h Handle) encode(w *ndr.Writer) {
	w.Align(4)
	w.Bytes(h[:])
}

func (h *Handle) decode(r *ndr.Reader) {
	r.Align(4)
	copy(h[:], r.Take(len(h)))
}

// Nothing is the parameters of a call that has none.
type Nothing struct{}

func (*Nothing) encode(*ndr.Writer)       {}
func (*Nothing) decode(*ndr.Reader) error { return nil }

// HandleArgs is a handle alone.
type HandleArgs struct{ Handle Handle }

func (b *HandleArgs) encode(w *ndr.Writer) { b.Handle.encode(w) }
func (b *HandleArgs) decode(r *ndr.Reader) error {
	b.Handle.decode(r)
	return nil
}

// HandleResult is a handle that was opened, or the zero one that is left of
// one that was closed.
type HandleResult struct {
	Handle Handle
	Status uint32
}

func (b *HandleResult) encode(w *ndr.Writer) {
	b.Handle.encode(w)
	w.U32(b.Status)
}

func (b *HandleResult) decode(r *ndr.Reader) error {
	b.Handle.decode(r)
	b.Status = r.U32()
	return nil
}

// StatusResult is an HRESULT alone.
type StatusResult struct{ Status uint32 }

func (b *StatusResult) encode(w *ndr.Writer) { w.U32(b.Status) }
func (b *StatusResult) decode(r *ndr.Reader) error {
	b.Status = r.U32()
	return nil
}

// SessionArgs is the ID of a session alone.
type SessionArgs struct{ ID int32 }

func (b *SessionArgs) encode(w *ndr.Writer) { w.I32(b.ID) }
func (b *SessionArgs) decode(r *ndr.Reader) error {
	b.ID = r.I32()
	return nil
}

// epoch is 1970 in the seconds of a FILETIME, which begins in 1601.
const epoch = 11644473600

// never is what Windows says instead of a time that does not come.
const never = 1<<63 - 1

// fileTime is a time in Windows' units of 100 ns; none is 0.
func fileTime(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(max(0, (t.Unix()+epoch)*1e7+int64(t.Nanosecond()/100)))
}

// timeOf is the reverse. Times before 1601 and never are none.
func timeOf(v uint64) time.Time {
	if v == 0 || v >= never {
		return time.Time{}
	}
	return time.Unix(int64(v/1e7)-epoch, int64(v%1e7)*100).UTC()
}

// encodeString writes a unique pointer and the string behind it.
func encodeString(w *ndr.Writer, s string) {
	w.Pointer(true)
	w.String16(s)
}

// decodeString reads what encodeString writes; NULL is empty.
func decodeString(r *ndr.Reader, max int) string {
	if !r.Pointer() {
		return ""
	}
	return r.String16(max)
}

// encodeBool writes a BOOL.
func encodeBool(w *ndr.Writer, b bool) { w.U32(number(b)) }

func number(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
