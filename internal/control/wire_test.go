package control

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/hosttest"
)

// examples are the lines of doc/protocol.md in fences.
func examples(t testing.TB) []string {
	t.Helper()
	b, err := os.ReadFile("../../doc/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	fenced := false
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		} else if fenced {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

// again decodes a line and encodes what was found; kind says what it was.
func again(line string) (kind, back string, err error) {
	var v any
	switch {
	case strings.HasPrefix(line, `{"version":`):
		var r request
		r, err = decodeRequest([]byte(line))
		kind, v = "request "+r.Op, r
	case strings.HasPrefix(line, greetingMark):
		v, _, err = decodeGreeting([]byte(line))
		kind = "greeting"
	default:
		var r reply
		r, err = decodeReply([]byte(line))
		kind, v = "reply "+strings.Split(line, `"`)[1], throughTypes(r)
		if r.Done != nil && r.Done.Error != nil {
			kind += " " + r.Done.Error.Code
		}
	}
	if err != nil {
		return kind, "", err
	}
	b, err := encode(v)
	return kind, strings.TrimSuffix(string(b), "\n"), err
}

// throughTypes turns what a reply holds into the types of package msg and
// back.
func throughTypes(r reply) reply {
	switch {
	case r.Session != nil:
		r.Session = sessionOf(r.Session.value())
	case r.Receipt != nil:
		r.Receipt = receiptOf(r.Receipt.value())
	case r.Record != nil:
		r.Record = recordOf(r.Record.value())
	case r.Done != nil:
		r.Done = doneOf(r.Done.err())
	}
	return r
}

// TestDocument reads the protocol page, which has to show everything.
func TestDocument(t *testing.T) {
	seen := map[string]bool{}
	for _, line := range examples(t) {
		kind, back, err := again(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
		} else if back != line {
			t.Errorf("%s: comes back as\n%s", line, back)
		}
		seen[kind] = true
	}
	want := []string{"greeting", "request sessions", "request send", "request answer", "request dnd", "request messages", "request members",
		"reply session", "reply receipt", "reply record", "reply dnd", "reply member", "reply reach", "reply done", "reply done unsupported", "reply done failed"}
	for _, c := range codes {
		want = append(want, "reply done "+c.code)
	}
	for _, kind := range want {
		if !seen[kind] {
			t.Errorf("doc/protocol.md has no example of %s", kind)
		}
		delete(seen, kind)
	}
	if len(seen) > 0 {
		t.Errorf("doc/protocol.md shows what nobody knows: %v", seen)
	}
}

// sendLine is a request to send with one thing in it replaced.
func sendLine(t testing.TB, old, new string) string {
	t.Helper()
	const line = `{"version":1,"op":"send","to":["bob"],"message":{"id":"01K4EXYZ0123456789ABCDEFGH","from":"","text":"x","timeout":0,"sent":"2026-09-06T08:22:00Z"}}`
	if !strings.Contains(line, old) {
		t.Fatalf("no %s in %s", old, line)
	}
	return strings.Replace(line, old, new, 1)
}

func TestBadRequests(t *testing.T) {
	if _, err := decodeRequest([]byte(sendLine(t, "", ""))); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	many := strings.Repeat(`"a",`, maxSelectors)
	for name, c := range map[string]struct {
		line string
		is   error
	}{
		"empty":             {``, errLine},
		"no object":         {`[]`, errLine},
		"null":              {`null`, errLine},
		"half":              {`{"version":1,"op":"dnd"`, errLine},
		"not JSON":          {`sessions`, errLine},
		"two":               {`{"version":1,"op":"dnd"}{"version":1,"op":"dnd"}`, errLine},
		"garbage behind":    {`{"version":1,"op":"dnd"} x`, errLine},
		"unknown field":     {`{"version":1,"op":"dnd","x":1}`, errLine},
		"unknown op":        {`{"version":1,"op":"shutdown"}`, errLine},
		"no op":             {`{"version":1}`, errLine},
		"no version":        {`{"op":"dnd"}`, errLine},
		"foreign field":     {`{"version":1,"op":"sessions","to":["bob"]}`, errLine},
		"foreign message":   {sendLine(t, `"send"`, `"messages"`), errLine},
		"foreign answer":    {`{"version":1,"op":"dnd","answer":{"button":"OK"}}`, errLine},
		"foreign dnd":       {`{"version":1,"op":"sessions","dnd":{"on":true}}`, errLine},
		"other version":     {`{"version":2,"op":"dnd","x":1}`, ErrVersion},
		"version 0":         {`{"version":0,"op":"dnd"}`, ErrVersion},
		"not UTF-8":         {sendLine(t, `"x"`, "\"\xff\""), errLine},
		"no recipients":     {sendLine(t, `["bob"]`, `[]`), errLine},
		"empty recipient":   {sendLine(t, `["bob"]`, `[""]`), errLine},
		"endless recipient": {sendLine(t, `bob`, strings.Repeat("x", maxSelector+1)), errLine},
		"10,001 recipients": {sendLine(t, `["bob"]`, `[`+many+`"b"]`), errLine},
		"no message":        {`{"version":1,"op":"send","to":["bob"]}`, errLine},
		"no ID":             {sendLine(t, `01K4EXYZ0123456789ABCDEFGH`, ``), errLine},
		"a long ID":         {sendLine(t, `01K4`, `001K4`), errLine},
		"too large an ID":   {sendLine(t, `01K4`, `81K4`), errLine},
		"an ID with U":      {sendLine(t, `01K4`, `01U4`), errLine},
		"empty message":     {sendLine(t, `"x"`, `""`), msg.ErrMessage},
		"endless message":   {sendLine(t, `"x"`, `"`+strings.Repeat("x", msg.MaxText+1)+`"`), msg.ErrMessage},
		"negative time":     {sendLine(t, `"timeout":0`, `"timeout":-1`), msg.ErrMessage},
		"time as text":      {sendLine(t, `"timeout":0`, `"timeout":"1s"`), errLine},
		"unknown buttons":   {sendLine(t, `"timeout"`, `"buttons":"maybe","timeout"`), msg.ErrMessage},
		"no answer":         {`{"version":1,"op":"answer"}`, errLine},
		"endless answer":    {`{"version":1,"op":"answer","answer":{"button":"` + strings.Repeat("x", maxButton+1) + `"}}`, errLine},
		"a long answer ID":  {`{"version":1,"op":"answer","answer":{"message":"` + strings.Repeat("x", maxID+1) + `","button":"OK"}}`, errLine},
		"negative limit":    {`{"version":1,"op":"messages","limit":-1}`, errLine},
		"huge limit":        {`{"version":1,"op":"messages","limit":100001}`, errLine},
		"a long ID to find": {`{"version":1,"op":"messages","id":"` + strings.Repeat("x", maxID+1) + `"}`, errLine},
	} {
		if _, err := decodeRequest([]byte(c.line)); !errors.Is(err, c.is) {
			t.Errorf("%s: %v, want %v", name, err, c.is)
		}
	}
}

func TestBadReplies(t *testing.T) {
	const s = `{"host":"h","id":"1","name":"","user":"","kind":"terminal","state":"active","type":"","idle_seconds":null,"since":null,"source":"","console":false,"own":false}`
	receipt := func(message, session, outcome string) string {
		return `{"message":"` + message + `","session":` + session + `,"outcome":"` + outcome + `","at":"2026-09-06T08:22:00Z","final":true}`
	}
	if _, err := decodeReply([]byte(`{"receipt":` + receipt("x", s, "queued") + `}`)); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	for name, line := range map[string]string{
		"none":                   `{}`,
		"null":                   `{"session":null}`,
		"two":                    `{"dnd":{"on":true},"done":{}}`,
		"unknown":                `{"sessions":[]}`,
		"unknown in session":     `{"session":` + strings.Replace(s, `"host"`, `"x":1,"host"`, 1) + `}`,
		"kind":                   `{"session":` + strings.Replace(s, `"terminal"`, `"telegraph"`, 1) + `}`,
		"state":                  `{"session":` + strings.Replace(s, `"active"`, `"asleep"`, 1) + `}`,
		"negative idle time":     `{"session":` + strings.Replace(s, `"idle_seconds":null`, `"idle_seconds":-1`, 1) + `}`,
		"endless idle time":      `{"session":` + strings.Replace(s, `"idle_seconds":null`, `"idle_seconds":9223372037`, 1) + `}`,
		"outcome":                `{"receipt":` + receipt("x", s, "read") + `}`,
		"receipt for no message": `{"receipt":` + receipt("", s, "queued") + `}`,
		"receipt of no session":  `{"receipt":` + receipt("x", "null", "queued") + `}`,
		"record of nothing":      `{"record":{"account":"","to":[],"receipts":[]}}`,
		"record with null":       `{"record":{"message":{"id":"x"},"account":"","to":[],"receipts":[null]}}`,
		"record, bad receipt":    `{"record":{"message":{"id":"x"},"account":"","to":[],"receipts":[` + receipt("x", s, "read") + `]}}`,
		"code":                   `{"done":{"error":{"code":"oops","text":"x"}}}`,
		"no text":                `{"done":{"error":{"code":"failed","text":""}}}`,
		"missing nobody":         `{"done":{"missing":[""]}}`,
	} {
		if _, err := decodeReply([]byte(line)); !errors.Is(err, errLine) {
			t.Errorf("%s: %v, want an error", name, err)
		}
	}
}

func TestReadLine(t *testing.T) {
	const limit = 10000
	for name, c := range map[string]struct {
		in   string
		want int // length of the first line
		err  error
	}{
		"a line":        {"abc\ndef\n", 3, nil},
		"an empty line": {"\n", 0, nil},
		"a long one":    {strings.Repeat("x", limit-1) + "\n", limit - 1, nil},
		"too long":      {strings.Repeat("x", limit) + "\n", 0, errLine},
		"endless":       {strings.Repeat("x", 10*limit), 0, errLine},
		"cut off":       {"abc", 0, io.ErrUnexpectedEOF},
		"cut off late":  {strings.Repeat("x", 5000), 0, io.ErrUnexpectedEOF},
		"the end":       {"", 0, io.EOF},
	} {
		line, err := readLine(bufio.NewReader(strings.NewReader(c.in)), limit)
		if len(line) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %d bytes, %v; want %d, %v", name, len(line), err, c.want, c.err)
		}
	}
}

// TestLargestRequest is one that has to fit: 10,000 recipients and a message
// of which every character takes six bytes.
func TestLargestRequest(t *testing.T) {
	m := hosttest.Message(strings.Repeat("\x01", msg.MaxText))
	m.Title = strings.Repeat("\x01", msg.MaxTitle)
	r := request{Version: Version, Op: opSend, Message: &m}
	for range maxSelectors {
		r.To = append(r.To, strings.Repeat("x", 90))
	}
	line, err := encode(r)
	if err != nil || len(line) > maxRequest {
		t.Fatalf("%d bytes, %v", len(line), err)
	}
	back, err := decodeRequest(line)
	if err != nil || len(back.To) != maxSelectors || back.Message.Text != m.Text {
		t.Errorf("it does not come back: %v", err)
	}
}

func FuzzRequest(f *testing.F) {
	for _, line := range examples(f) {
		f.Add([]byte(line))
	}
	f.Add([]byte(`{"version":2}`))
	f.Add([]byte(`{"version":1,"op":"send","to":["a\ud800"],"message":{"id":"01K4EXYZ0123456789ABCDEFGH","text":"\u0000"}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := decodeRequest(line)
		if err != nil {
			return
		}
		b, err := encode(r)
		if err != nil {
			t.Fatalf("%+v cannot be sent: %v", r, err)
		}
		back, err := decodeRequest(b)
		if err != nil || !sameRequest(r, back) {
			t.Errorf("%s comes back as %+v, %v", b, back, err)
		}
	})
}

// sameRequest compares times by what they mean, and lists by what they hold.
func sameRequest(a, b request) bool {
	if a.Message != nil && b.Message != nil {
		if !a.Message.Sent.Equal(b.Message.Sent) {
			return false
		}
		a.Message.Sent, b.Message.Sent = time.Time{}, time.Time{}
	}
	if a.DND != nil && b.DND != nil {
		if !a.DND.Until.Equal(b.DND.Until) {
			return false
		}
		a.DND.Until, b.DND.Until = time.Time{}, time.Time{}
	}
	if len(a.To) == 0 && len(b.To) == 0 {
		a.To, b.To = nil, nil
	}
	return reflect.DeepEqual(a, b)
}

func FuzzReply(f *testing.F) {
	for _, line := range examples(f) {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := decodeReply(line)
		if err != nil {
			return
		}
		// What came in once is written in one form only.
		once, err := encode(throughTypes(r))
		if err != nil {
			t.Fatalf("%s cannot be sent on: %v", line, err)
		}
		r, err = decodeReply(once)
		if err != nil {
			t.Fatalf("%s is not understood: %v", once, err)
		}
		if twice, err := encode(throughTypes(r)); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%s comes back as %s, %v", once, twice, err)
		}
	})
}

func FuzzGreeting(f *testing.F) {
	f.Add([]byte(`$ {"msgd":1,"host":"web1"}`))
	f.Add([]byte(`{"msgd":2,"name":"web1"}`))
	f.Add([]byte(`{"msgd":`))
	f.Fuzz(func(t *testing.T, line []byte) {
		g, found, err := decodeGreeting(line)
		switch {
		case !found && err != nil:
			t.Errorf("noise is an error: %v", err)
		case found && err == nil && g.Version != Version:
			t.Errorf("version %d is taken", g.Version)
		case found != (err != nil || g.Version != 0):
			t.Errorf("%+v, %v, %v", g, found, err)
		}
	})
}

// TestStates holds that each state of a session is told, those which Windows has
// for a moment only, too, and no other.
func TestStates(t *testing.T) {
	line := func(state msg.State) []byte {
		b, err := encode(reply{Session: sessionOf(msg.Session{Host: "pc", ID: "1", Kind: msg.KindDesktop, State: state})})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, state := range []msg.State{"", msg.StateActive, msg.StateConnected, msg.StateDisconnected, msg.StateListen,
		msg.StateConnectQuery, msg.StateShadow, msg.StateIdle, msg.StateReset, msg.StateDown, msg.StateInit} {
		if r, err := decodeReply(line(state)); err != nil || r.Session.value().State != state {
			t.Errorf("%q: %+v, %v", state, r.Session, err)
		}
	}
	if _, err := decodeReply(line("asleep")); err == nil || !strings.Contains(err.Error(), `a session in state "asleep"`) {
		t.Errorf("one that there is not: %v", err)
	}
}
