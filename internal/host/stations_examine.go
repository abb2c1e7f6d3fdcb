package host

import (
	"context"
	"strconv"
	"time"

	"msg"
	"msg/internal/wts"
)

// nowhere is how far above the highest ID the session is that Send is tried
// with. There is none, so nobody sees anything; the error tells whether Windows
// has the call, and whether this account may use it.
const nowhere = 1000

// examine calls what a message would need, and says what each call returned.
func (s *stations) examine(ctx context.Context, f *findings) {
	begin := time.Now()
	raw, err := within(ctx, s, stationsTimeout, s.services.Sessions)
	if err != nil {
		f.add("WTSEnumerateSessionsW", "%v, after %v", err, took(begin))
		return
	}
	f.add("WTSEnumerateSessionsW", "%d sessions, in %v", len(raw), took(begin))
	var who people
	highest := uint32(0)
	for _, r := range raw {
		if r.ID < 1<<16 { // the IDs of listeners begin there
			highest = max(highest, r.ID)
		}
		found, err := within(ctx, s, stationsTimeout, func() (string, error) { return s.examineSession(r, &who), nil })
		if err != nil {
			found = err.Error()
		}
		f.add("session "+strconv.FormatUint(uint64(r.ID), 10), "%s", found)
	}
	box := wts.Box{Title: "msg /doctor", Text: "nobody sees this", Timeout: time.Second}
	_, err = within(ctx, s, boxTimeLimit, func() (wts.Response, error) { return s.services.Send(highest+nowhere, box, false) })
	f.add("WTSSendMessageW", "to session %d, which does not exist: %s", highest+nowhere, returned(err))
}

// examineSession says what a session is, and what each call about it returned.
func (s *stations) examineSession(r wts.Session, who *people) string {
	_, user := s.services.Query(r.ID, wts.UserName)
	_, domain := s.services.Query(r.ID, wts.DomainName)
	_, times := s.services.Times(r.ID)
	line := r.Name + ", has ended"
	if x := s.session(r); x != nil {
		line = describeStation(*x, who)
	}
	return line + "; user: " + returned(user) + ", domain: " + returned(domain) + ", times: " + returned(times)
}

func describeStation(x msg.Session, who *people) string {
	if x.User == "" {
		return x.Name + ", nobody, " + string(x.State)
	}
	return who.describe(x)
}

// returned is what a call has returned, in a word or with the error's number.
func returned(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}
