package msg_test

import (
	"encoding/json"
	"testing"
	"time"

	"msg"
)

var sessionForms = []struct {
	name    string
	session msg.Session
	json    string
}{
	{
		"everything is known",
		msg.Session{
			Host: "web1", ID: "3", Name: "pts/3", User: "bob", Kind: msg.KindTerminal, State: msg.StateActive, Type: "tty",
			Idle: 80 * time.Minute, Since: time.Date(2026, 9, 6, 8, 22, 30, 0, time.UTC), Source: "logind+proc", Console: true, Own: true,
		},
		`{"host":"web1","id":"3","name":"pts/3","user":"bob","kind":"terminal","state":"active","type":"tty",` +
			`"idle_seconds":4800,"since":"2026-09-06T08:22:30Z","source":"logind+proc","console":true,"own":true}`,
	},
	{
		"nothing is known",
		msg.Session{Idle: msg.IdleUnknown},
		`{"host":"","id":"","name":"","user":"","kind":"","state":"","type":"",` +
			`"idle_seconds":null,"since":null,"source":"","console":false,"own":false}`,
	},
	{
		"idle for less than a second is known",
		msg.Session{ID: "1", Name: "console", State: msg.StateConnected, Kind: msg.KindDesktop},
		`{"host":"","id":"1","name":"console","user":"","kind":"desktop","state":"connected","type":"",` +
			`"idle_seconds":0,"since":null,"source":"","console":false,"own":false}`,
	},
}

// TestSessionJSON holds the names of the fields, which scripts rely on.
func TestSessionJSON(t *testing.T) {
	for _, c := range sessionForms {
		b, err := json.Marshal(c.session)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if string(b) != c.json {
			t.Errorf("%s:\n got %s\nwant %s", c.name, b, c.json)
		}
		back := msg.Session{ID: "what was there before is gone", Own: true}
		if err := json.Unmarshal(b, &back); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if back != c.session {
			t.Errorf("%s: round trip\n got %+v\nwant %+v", c.name, back, c.session)
		}
	}
}

func TestSessionJSONWholeSeconds(t *testing.T) {
	for _, c := range []struct{ idle, want time.Duration }{
		{1999 * time.Millisecond, time.Second},
		{time.Second - 1, 0},
		{-time.Hour, msg.IdleUnknown},
	} {
		b, err := json.Marshal(msg.Session{Idle: c.idle})
		if err != nil {
			t.Fatal(err)
		}
		var back msg.Session
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if back.Idle != c.want {
			t.Errorf("idle %v comes back as %v, want %v", c.idle, back.Idle, c.want)
		}
	}
}

// TestSessionJSONTolerant reads what an older or a newer version wrote.
func TestSessionJSONTolerant(t *testing.T) {
	var s msg.Session
	if err := json.Unmarshal([]byte(`{"id":"3","user":"bob","seat":"seat0"}`), &s); err != nil {
		t.Fatal(err)
	}
	if want := (msg.Session{ID: "3", User: "bob", Idle: msg.IdleUnknown}); s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
	for _, bad := range []string{`[]`, `{"id":3}`, `{"idle_seconds":"1"}`, `{"since":"yesterday"}`, `{`} {
		if err := json.Unmarshal([]byte(bad), &s); err == nil {
			t.Errorf("Unmarshal(%s) is no error", bad)
		}
	}
}
