package host

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"msg"
	"msg/internal/hosttest"
	"msg/internal/text"
)

func TestNewNotice(t *testing.T) {
	m := hosttest.Message("a\x1b[2J\r\nb")
	m.Buttons = msg.ButtonsYesNo
	if n := newNotice(m); n.Text != "a^[[2J\nb" || !slices.Equal(n.Buttons, []string{"OK"}) || n.Command != "" {
		t.Errorf("a message that does not wait: %+v", n)
	}
	m.Wait = true
	if n := newNotice(m); !slices.Equal(n.Buttons, []string{"Yes", "No"}) || n.Command != "msg /answer:yes:"+msg.ShortID(m.ID) {
		t.Errorf("a question: %+v", n)
	}
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
		ok   bool
	}{
		{"a\nbb\n", []string{"a", "bb"}, true},
		{"half", []string{"half"}, true}, // that it is no JSON is found out
		{strings.Repeat("x", 100), nil, false},
		{"a\nstop\nb\n", []string{"a", "stop"}, false},
	} {
		var got []string
		err := lines(iotest.OneByteReader(strings.NewReader(c.in)), 20, func(b []byte) error {
			got = append(got, string(b))
			if string(b) == "stop" {
				return errors.New("stop")
			}
			return nil
		})
		if !slices.Equal(got, c.want) || (err == nil) != c.ok {
			t.Errorf("%q: %q, %v", c.in, got, err)
		}
	}
}

// TestRequestFits holds that the longest message fits into a line.
func TestRequestFits(t *testing.T) {
	m := ask(strings.Repeat("\x01", msg.MaxText), msg.ButtonsYesNoCancel)
	m.Title, m.From = strings.Repeat("\u202e", msg.MaxTitle), strings.Repeat("\u202e", 300)
	b, err := json.Marshal(request{ID: 1, Notice: newNotice(m), Tmux: &tmuxRequest{1, "pts/0"}})
	if err != nil || len(b) >= maxRequest {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func FuzzReply(f *testing.F) {
	for _, line := range []string{
		`{"id":1,"outcome":"accepted"}`, `{"id":1,"outcome":"answered","answer":"Yes","end":true}`,
		`{"id":1,"outcome":"failed","detail":"\u001b[2J","end":true}`, `{"id":0}`, `{"id":1,"outcome":"queued","end":true}`, `[`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := parseReply(line)
		if err != nil {
			if !errors.Is(err, errReply) {
				t.Errorf("error %v", err)
			}
			return
		}
		if r.ID == 0 || r.Outcome != msg.OutcomeAccepted && !r.End || text.Line(r.Detail) != r.Detail || utf8.RuneCountInString(r.Detail) > maxDetail {
			t.Errorf("taken: %+v", r)
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseReply(b); err != nil || again != r {
			t.Errorf("round trip: %+v, %v, want %+v", again, err, r)
		}
	})
}

func FuzzRequest(f *testing.F) {
	for _, line := range []string{
		`{"id":1,"within":1,"notice":{"title":"t","text":"x","buttons":["OK"]},"tmux":{"pid":1,"tty":"pts/3"}}`,
		`{"id":2,"within":1,"notice":{"text":"x","buttons":["Yes","No"],"wait":true,"timeout":5},"desktop":{"runtime":"/run/user/0","display":":0"}}`,
		`{"id":1,"close":true}`, `{"id":1,"notice":{},"tmux":{"pid":-1,"tty":"../x"}}`, `{}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := parseRequest(line)
		if err != nil || r.Close {
			return
		}
		switch {
		case r.ID == 0, (r.Tmux == nil) == (r.Desktop == nil), r.Notice.Timeout < 0, len(r.Notice.Buttons) == 0,
			r.Tmux != nil && strings.Contains(r.Tmux.TTY, ".."), r.Desktop != nil && !filepath.IsAbs(r.Desktop.Runtime):
			t.Errorf("taken: %+v", r)
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseRequest(b); err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("round trip: %+v, %v, want %+v", again, err, r)
		}
	})
}

func FuzzPopupResult(f *testing.F) {
	f.Add("answered", "Yes")
	f.Add("dismissed", "")
	f.Add("expired", "No")
	f.Fuzz(func(t *testing.T, outcome, answer string) {
		n := notice{Buttons: []string{"Yes", "No"}}
		e, err := parseResult(popupReply{msg.Outcome(outcome), answer}, n)
		if err == nil && (e.outcome == msg.OutcomeAnswered) != slices.Contains(n.Buttons, e.answer) {
			t.Errorf("taken: %+v", e)
		}
	})
}

func FuzzEnviron(f *testing.F) {
	f.Add("DISPLAY=:0\x00XAUTHORITY=/run/x\x00DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/0/bus\x00")
	f.Add("DISPLAY=:/../..\x00=\x00\x00DISPLAY")
	f.Add("DISPLAY=:99999.\x00DISPLAY=:1.2.3\x00")
	f.Fuzz(func(t *testing.T, s string) {
		e := parseEnviron(s)
		if e.display != "" && (e.display[0] != ':' || strings.Trim(e.display[1:], "0123456789.") != "" || len(e.display) > 12) {
			t.Errorf("display %q", e.display)
		}
		if e.xauthority != "" && !filepath.IsAbs(e.xauthority) {
			t.Errorf("authority %q", e.xauthority)
		}
	})
}

func FuzzUnixAddress(f *testing.F) {
	for _, address := range []string{"unix:path=/run/user/1000/bus,guid=1", "unix:abstract=/tmp/x;tcp:host=a,port=1", "unixexec:path=/bin/sh", "unix:path=%2ftmp%2fx"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		name, ok := unixAddress(address)
		if ok != (name != "") || ok && name[0] != '/' && name[0] != '@' || strings.ContainsRune(name, 0) {
			t.Errorf("%q, %v", name, ok)
		}
		if ok && !strings.Contains(address, "unix:") {
			t.Errorf("%q is not in %q", name, address)
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("\x1b[1;5C\x1bOA\x1b"))
	f.Fuzz(func(t *testing.T, b []byte) {
		typed := make(chan byte, len(b))
		for _, c := range b {
			typed <- c
		}
		close(typed)
		for c := range typed {
			if k := decodeKey(c, typed); k < keyOther {
				t.Errorf("key %d", k)
			}
		}
	})
}

// TestWriteLineDeadline has somebody at the other end who does not read.
func TestWriteLineDeadline(t *testing.T) {
	t.Parallel()
	ours, theirs, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	defer theirs.Close()
	long := strings.Repeat("x", 1<<20)
	begin := time.Now()
	for err == nil {
		err = writeLine(ours, long)
	}
	if after := time.Since(begin); after < writeTimeout || after > 2*writeTimeout {
		t.Errorf("gave up after %v: %v", after, err)
	}
}
