package host

import (
	"context"
	"slices"
	"time"

	"msg"
)

// listing is all places there were at one moment. It is not changed after it
// was made.
type listing struct {
	places    []place
	hasLogind bool
	whole     bool // no source that is there has failed
	seats     map[seat]int
}

// seat is where a session is: a terminal, or a desktop by its ID. The IDs of
// terminals do not count, because they depend on which source knew of them.
type seat struct {
	kind           msg.Kind
	account, place string
}

func seatOf(s msg.Session) seat {
	if s.Kind == msg.KindTerminal {
		return seat{s.Kind, s.Account, s.Name}
	}
	return seat{s.Kind, s.Account, s.ID}
}

func newListing(places []place, hasLogind, whole bool) *listing {
	x := &listing{places: places, hasLogind: hasLogind, whole: whole, seats: make(map[seat]int, len(places))}
	for i, p := range places {
		x.seats[seatOf(p.Session)] = i
	}
	return x
}

// find finds the places of sessions that were listed before, each once. One
// that is the same seat but of a later sign-in is gone.
func (x *listing) find(sessions []msg.Session) (places []place, gone []msg.Session) {
	places = make([]place, 0, len(sessions))
	seen := make([]bool, len(x.places))
	for _, s := range sessions {
		i, ok := x.seats[seatOf(s)]
		switch {
		case !ok || laterSignIn(s, x.places[i].Session):
			gone = append(gone, s)
		case !seen[i]:
			seen[i] = true
			p := x.places[i]
			s.Name, s.Type = p.Name, p.Type // a desktop learns of its display late
			p.Session = s
			places = append(places, p)
		}
	}
	return places, gone
}

// laterSignIn reports whether now is not the sign-in that was. Sources differ in
// when it was, and on a busy computer one of them may be too late to be heard:
// only times of the same source can be compared.
func laterSignIn(was, now msg.Session) bool {
	return was.Source == now.Source && !sameTime(was.Since, now.Since)
}

// sameTime compares two times of sign-in. Those from /proc are worked out from
// the time since boot and vary by a second.
func sameTime(a, b time.Time) bool {
	return a.IsZero() || b.IsZero() || a.Sub(b).Abs() <= 2*time.Second
}

// same reports whether the same sessions are in both. Idle times do not count.
func (x *listing) same(y *listing) bool {
	return slices.EqualFunc(x.places, y.places, func(a, b place) bool {
		s, t := a.Session, b.Session
		s.Idle, t.Idle = 0, 0
		since := s.Source != "proc" && s.Since.Equal(t.Since) || s.Source == "proc" && sameTime(s.Since, t.Since)
		s.Since, t.Since = time.Time{}, time.Time{}
		return since && s == t
	})
}

// sessionsNow returns the sessions of a kept listing with idle times and the
// front of the screen as they are now. It returns false if a terminal has
// changed hands, so that the listing cannot be right.
func (l *Local) sessionsNow(x *listing) ([]msg.Session, bool) {
	places := slices.Clone(x.places)
	for i := range places {
		p := &places[i]
		switch {
		case p.tty != "":
			d, err := l.dev.stat(p.tty)
			if err != nil || d.rdev != p.rdev || d.owner != p.uid {
				return nil, false
			}
			p.Idle = d.idle
		case !p.idleSince.IsZero():
			p.Idle = max(0, time.Since(p.idleSince))
		}
	}
	l.markFront(places)
	return sessionsOf(places), true
}

// listNow asks all sources. early are terminals that are listed in any case,
// see run.early.
func (l *Local) listNow(ctx context.Context, early map[uint64]bool) (*listing, error) {
	f, err := l.ask(ctx)
	if err != nil {
		return nil, err
	}
	return newListing(l.merged(f, early), f.hasLogind, f.whole), nil
}
