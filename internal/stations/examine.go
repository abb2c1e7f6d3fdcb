package stations

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

// Examine calls what a message would need, and adds what each call returned.
// describe is a session in words.
func (s *Computer) Examine(ctx context.Context, add func(about, format string, args ...any), describe func(msg.Session) string) {
	begin := time.Now()
	raw, err := within(ctx, s, stationsTimeout, s.Services.Sessions)
	if err != nil {
		add("WTSEnumerateSessionsW", "%v, after %v", err, time.Since(begin).Round(100*time.Microsecond))
		return
	}
	add("WTSEnumerateSessionsW", "%d sessions, in %v", len(raw), time.Since(begin).Round(100*time.Microsecond))
	highest := uint32(0)
	for _, r := range raw {
		if r.ID < 1<<16 { // the IDs of listeners begin there
			highest = max(highest, r.ID)
		}
		found, err := within(ctx, s, stationsTimeout, func(ctx context.Context) (string, error) { return s.examineSession(ctx, r, describe), nil })
		if err != nil {
			found = err.Error()
		}
		add("session "+strconv.FormatUint(uint64(r.ID), 10), "%s", found)
	}
	box := wts.Box{Title: "msg /doctor", Text: "nobody sees this", Timeout: time.Second}
	_, err = within(ctx, s, boxTimeLimit, func(ctx context.Context) (wts.Response, error) {
		return s.Services.Send(ctx, highest+nowhere, box, false)
	})
	add("WTSSendMessageW", "to session %d, which does not exist: %s", highest+nowhere, returned(err))
}

// examineSession says what a session is, and what each call about it returned.
func (s *Computer) examineSession(ctx context.Context, r wts.Session, describe func(msg.Session) string) string {
	_, user := s.Services.Query(ctx, r.ID, wts.UserName)
	_, domain := s.Services.Query(ctx, r.ID, wts.DomainName)
	_, times := s.Services.Times(ctx, r.ID)
	line := r.Name + ", has ended"
	if x := s.session(ctx, r); x != nil {
		line = describeStation(*x, describe)
	}
	return line + "; user: " + returned(user) + ", domain: " + returned(domain) + ", times: " + returned(times)
}

func describeStation(x msg.Session, describe func(msg.Session) string) string {
	if x.User == "" {
		return x.Name + ", nobody, " + string(x.State)
	}
	return describe(x)
}

// returned is what a call has returned, in a word or with the error's number.
func returned(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}
