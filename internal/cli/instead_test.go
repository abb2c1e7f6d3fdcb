package cli

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"msg"
)

// TestInstead has what is asked for in place of sending a message.
func TestInstead(t *testing.T) {
	answer := func(button, id string) Msg {
		return Msg{Time: msg.DefaultTimeout, Do: DoAnswer, Answer: msg.Answer{Button: button, Message: id}}
	}
	dnd := func(d DND) Msg { return Msg{Time: msg.DefaultTimeout, Do: DoSetDND, DND: d} }
	for _, c := range []struct {
		args string // words, separated by a bar
		want Msg
	}{
		{"/ok", answer("OK", "")},
		{"--ok", answer("OK", "")},
		{"-OK:5DTB4K", answer("OK", "5DTB4K")},
		{"--ok=5DTB4K", answer("OK", "5DTB4K")},
		{"/ok:", answer("OK", "")},
		{"/answer:YES", answer("Yes", "")},
		{"/answer:no:5DTB4K", answer("No", "5DTB4K")},
		{"--answer|cancel:5DTB4K", answer("Cancel", "5DTB4K")},
		{"--answer=retry", answer("Retry", "")},
		{"/dnd", Msg{Time: msg.DefaultTimeout, Do: DoTellDND}},
		{"/dnd:", Msg{Time: msg.DefaultTimeout, Do: DoTellDND}},
		{"/dnd:on", dnd(DND{On: true})},
		{"/DND|ON", dnd(DND{On: true})},
		{"--dnd=off", dnd(DND{})},
		{"--dnd|off", dnd(DND{})},
		{"--dnd|until|17:00", dnd(DND{On: true, until: "17:00"})},
		{"--dnd|until 17:00", dnd(DND{On: true, until: "17:00"})},
		{"/dnd:until 7:05", dnd(DND{On: true, until: "7:05"})},
		{"/dnd:until|17:00", dnd(DND{On: true, until: "17:00"})},
		{"/dnd|until|2026-11-25|08:00", dnd(DND{On: true, until: "2026-11-25 08:00"})},
	} {
		got, err := ParseMsg(strings.Split(c.args, "|"))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("msg %s\n got %+v, %v\nwant %+v", c.args, got, err, c.want)
		}
	}
	for args, check := range map[string]func(Msg) bool{
		"/json|/ok":  func(m Msg) bool { return m.JSON },
		"/doctor":    func(m Msg) bool { return m.Do == DoDoctor },
		"/ok|/v":     func(m Msg) bool { return m.Verbose },
		"/dnd|/json": func(m Msg) bool { return m.JSON && m.Do == DoTellDND },
	} {
		if m, err := ParseMsg(strings.Split(args, "|")); err != nil || !check(m) {
			t.Errorf("msg %s: %+v, %v", args, m, err)
		}
	}
}

func TestInsteadErrors(t *testing.T) {
	for _, c := range []struct{ args, err, hint string }{
		{"bob|/ok", `"/ok" goes without a recipient and a message`, "msg /ok"},
		{"--answer|yes:5DTB4K|bob|hello", `"--answer yes:5DTB4K" goes without a recipient and a message`, "msg /answer:yes:5DTB4K"},
		{"/doctor|now", `"/doctor" goes without a recipient and a message`, "msg /doctor"},
		{"/ok|/w", `"/w" does not go with "/ok"`, ""},
		{"/server:web1|/dnd", `"/dnd" does not go with "/server:web1"`, ""},
		{"/ok|/dnd:on", `"/dnd:on" does not go with "/ok"`, ""},
		{"/ok|/ok", `"/ok" does not go with "/ok"`, ""},
		{"/answer:perhaps", `"/answer:perhaps" is not an answer: ok, cancel, yes, no or retry`, ""},
		{"/answer::5DTB4K", `"/answer::5DTB4K" is not an answer: ok, cancel, yes, no or retry`, ""},
		{"/answer", `"/answer" needs a value, as in /answer:yes`, ""},
		{"/dnd|bob", `"bob" is not understood: /dnd is on, off, until 17:00 or until 2026-11-25 08:00`, ""},
		{"bob|/dnd|on", `"bob on" is not understood: /dnd is on, off, until 17:00 or until 2026-11-25 08:00`, ""},
		{"/dnd|on|please", `"on please" is not understood: /dnd is on, off, until 17:00 or until 2026-11-25 08:00`, ""},
		{"/dnd:until", `"until" is not understood: /dnd is on, off, until 17:00 or until 2026-11-25 08:00`, ""},
		{"/dnd:until 25:00", `"until 25:00" is not understood: /dnd is on, off, until 17:00 or until 2026-11-25 08:00`, ""},
		{"/dnd:until 2026-02-30 08:00", `"until 2026-02-30 08:00" is not understood: /dnd is on, off, until 17:00 or until 2026-11-25 08:00`, ""},
	} {
		_, err := ParseMsg(strings.Split(c.args, "|"))
		var usage *UsageError
		if !errors.As(err, &usage) || err.Error() != c.err || usage.Hint != c.hint {
			t.Errorf("msg %s\n got %v, %+v\nwant %s, hint %s", c.args, err, usage, c.err, c.hint)
		}
	}
}

// TestDNDAt has the end of do-not-disturb, also where clocks are changed: in
// Berlin, 2027-03-28 has no 2:30, and 2026-10-25 has two.
func TestDNDAt(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skipf("no time zones here: %v", err)
	}
	at := func(s string) time.Time {
		when, err := time.ParseInLocation(dateLayout, s, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, c := range []struct{ written, now, want string }{
		{"17:00", "2026-11-23 09:15", "2026-11-23 17:00"},
		{"17:00", "2026-11-23 17:00", "2026-11-24 17:00"},
		{"9:15", "2026-11-30 09:16", "2026-12-01 09:15"},
		{"00:00", "2026-12-31 23:59", "2027-01-01 00:00"},
		{"2:30", "2027-03-27 22:00", "2027-03-28 03:30"},
		{"12:00", "2026-10-24 13:00", "2026-10-25 12:00"},
		{"2026-11-25 08:00", "2026-11-23 09:15", "2026-11-25 08:00"},
	} {
		got, err := DND{On: true, until: c.written}.At(at(c.now))
		if err != nil || !got.On || !got.Until.Equal(at(c.want)) {
			t.Errorf("until %s, at %s: %+v, %v; want %s", c.written, c.now, got, err, c.want)
		}
	}
	var usage *UsageError
	if got, err := (DND{On: true, until: "2026-11-23 09:15"}).At(at("2026-11-23 09:15")); !errors.As(err, &usage) || err.Error() != `"2026-11-23 09:15" has passed` {
		t.Errorf("an end that has passed: %+v, %v", got, err)
	}
	for _, on := range []bool{true, false} {
		if got, err := (DND{On: on}).At(at("2026-11-23 09:15")); err != nil || got != (msg.DND{On: on}) {
			t.Errorf("%v: %+v, %v", on, got, err)
		}
	}
}
