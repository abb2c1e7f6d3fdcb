package tsts

import (
	"fmt"

	"msg/internal/ndr"
	"msg/internal/wts"
)

// maxEntries is the longest list that is read: more than a computer that runs
// Terminal Services can have.
const maxEntries = 1 << 14

// maxName is the length of the name of a session, without its NUL.
const maxName = 32

// FilterArgs keeps the sessions of one state, or all the others.
type FilterArgs struct {
	Handle Handle
	State  wts.State
	Invert bool
}

func (b *FilterArgs) encode(w *ndr.Writer) {
	b.Handle.encode(w)
	w.U32(uint32(b.State))
	encodeBool(w, b.Invert)
}

func (b *FilterArgs) decode(r *ndr.Reader) error {
	b.Handle.decode(r)
	b.State, b.Invert = wts.State(r.U32()), r.U32() != 0
	return nil
}

// The levels of a list of EnumArgs.
const (
	levelNames = 1
	levelKinds = 2
	levelData  = 3 // of GetEnumResultEx alone
)

// EnumArgs asks for a list at a level: 1 names, 2 kinds, 3 data of the protocol.
type EnumArgs struct {
	Handle Handle
	Level  uint32
}

func (b *EnumArgs) encode(w *ndr.Writer) {
	b.Handle.encode(w)
	w.U32(b.Level)
}

func (b *EnumArgs) decode(r *ndr.Reader) error {
	b.Handle.decode(r)
	b.Level = r.U32()
	return nil
}

// Entry is a session in a list.
type Entry struct {
	ID    int32
	State wts.State
	Name  string // of 32 UTF-16 units at most

	// Of levels 2 and 3.
	Source      uint32
	FullDesktop bool
	Kind        [16]byte // a GUID
}

// EnumResult is the list of GetEnumResult and GetEnumResultEx. A level that
// does not exist makes an empty list, as a failure does.
type EnumResult struct {
	Level   uint32
	Entries []Entry
	Status  uint32
}

// entrySize is what an entry has in any level: the level twice, ID, state, name.
const entrySize = 4*4 + 2*(maxName+1)

func (b *EnumResult) encode(w *ndr.Writer) {
	entries := b.Entries
	if b.Level < levelNames || b.Level > levelData {
		entries = nil
	}
	w.Pointer(entries != nil)
	if entries != nil {
		w.U32(uint32(len(entries)))
	}
	for _, e := range entries {
		w.U32(b.Level)
		w.U32(b.Level)
		e.encode(w, b.Level)
	}
	w.U32(uint32(len(entries)))
	w.U32(b.Status)
}

func (e *Entry) encode(w *ndr.Writer, level uint32) {
	w.I32(e.ID)
	w.U32(uint32(e.State))
	w.Fixed16(e.Name, maxName+1)
	if level >= levelKinds {
		w.U32(e.Source)
		encodeBool(w, e.FullDesktop)
		w.Bytes(e.Kind[:])
	}
	if level == levelData {
		w.U32(0)
		w.Pointer(false)
	}
	w.Align(4)
}

func (b *EnumResult) decode(r *ndr.Reader) error {
	n := 0
	if r.Pointer() {
		var err error
		if n, err = elements(r, entrySize); err != nil {
			return err
		}
		b.Entries = make([]Entry, 0, n)
	}
	var data int // entries that have data behind the list
	for range n {
		e, more, err := b.decodeEntry(r)
		if err != nil || r.Err() != nil {
			return err
		}
		b.Entries = append(b.Entries, e)
		if more {
			data++
		}
	}
	for range data {
		r.Take(r.Count(r.Len()))
		r.Align(4)
	}
	return b.end(r, n)
}

// elements reads the length of a list whose elements have size bytes or more.
func elements(r *ndr.Reader, size int) (int, error) {
	n := r.Count(maxEntries)
	if n*size > r.Len() {
		return 0, fmt.Errorf("%d entries in %d bytes: %w", n, r.Len(), ndr.ErrShort)
	}
	return n, nil
}

func (b *EnumResult) decodeEntry(r *ndr.Reader) (e Entry, data bool, err error) {
	level, tag := r.U32(), r.U32()
	if b.Level == 0 {
		b.Level = level
	}
	if level < levelNames || level > levelData || tag != level || level != b.Level {
		return e, false, fmt.Errorf("an entry of level %d and kind %d: %w", level, tag, ndr.ErrRange)
	}
	e.ID, e.State, e.Name = r.I32(), wts.State(r.U32()), r.Fixed16(maxName+1)
	if level >= levelKinds {
		e.Source, e.FullDesktop = r.U32(), r.U32() != 0
		copy(e.Kind[:], r.Take(16))
	}
	if level == levelData {
		r.U32()
		data = r.Pointer()
	}
	r.Align(4)
	return e, data, nil
}

func (b *EnumResult) end(r *ndr.Reader, n int) error {
	if m := r.Count(maxEntries); m != n {
		return fmt.Errorf("%d entries are called %d: %w", n, m, ndr.ErrRange)
	}
	b.Status = r.U32()
	return nil
}

// The levels of a list of AllArgs.
const (
	levelPlaces = 1
	levelPeople = 2
)

// AllArgs asks for all sessions at a level: 1 names, 2 people.
type AllArgs struct{ Level uint32 }

func (b *AllArgs) encode(w *ndr.Writer) { w.U32(b.Level) }
func (b *AllArgs) decode(r *ndr.Reader) error {
	b.Level = r.U32()
	return nil
}

// Environment is a session in the list of GetAllSessions.
type Environment struct {
	ID    int32
	State wts.State
	Name  string

	// Of level 2.
	SessionID                int32 // in its virtual machine
	Host, User, Domain, Farm string
}

// AllResult is the list of GetAllSessions.
type AllResult struct {
	Level   uint32
	Entries []Environment
	Status  uint32
}

func (b *AllResult) encode(w *ndr.Writer) {
	entries := b.Entries
	if b.Level != levelPlaces && b.Level != levelPeople {
		entries = nil
	}
	w.U32(b.Level)
	w.Pointer(entries != nil)
	if entries != nil {
		w.U32(uint32(len(entries)))
	}
	for _, e := range entries {
		w.U32(b.Level)
		w.U32(b.Level)
		w.I32(e.ID)
		w.U32(uint32(e.State))
		w.Fixed16(e.Name, maxName+1)
		if b.Level == levelPeople {
			w.I32(e.SessionID)
			for _, s := range []string{e.Host, e.User, e.Domain, e.Farm} {
				w.Fixed16(s, maxName+1)
			}
		}
		w.Align(4)
	}
	w.U32(uint32(len(entries)))
	w.U32(b.Status)
}

func (b *AllResult) decode(r *ndr.Reader) error {
	b.Level = r.U32()
	n := 0
	if r.Pointer() {
		var err error
		if n, err = elements(r, entrySize); err != nil {
			return err
		}
		b.Entries = make([]Environment, n)
	}
	for i := range b.Entries {
		if err := b.Entries[i].decode(r, b.Level); err != nil || r.Err() != nil {
			return err
		}
	}
	if m := r.Count(maxEntries); m != n {
		return fmt.Errorf("%d entries are called %d: %w", n, m, ndr.ErrRange)
	}
	b.Status = r.U32()
	return nil
}

func (e *Environment) decode(r *ndr.Reader, want uint32) error {
	level, tag := r.U32(), r.U32()
	if level != levelPlaces && level != levelPeople || tag != level || level != want {
		return fmt.Errorf("an entry of level %d and kind %d in a list of level %d: %w", level, tag, want, ndr.ErrRange)
	}
	e.ID, e.State, e.Name = r.I32(), wts.State(r.U32()), r.Fixed16(maxName+1)
	if level == levelPeople {
		e.SessionID = r.I32()
		for _, s := range []*string{&e.Host, &e.User, &e.Domain, &e.Farm} {
			*s = r.Fixed16(maxName + 1)
		}
	}
	r.Align(4)
	return nil
}
