package samba

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/hosttest"
	"msg/internal/tsts"
)

// TestLegacy goes by the interface of before Vista, because the other pipe is
// not there.
func TestLegacy(t *testing.T) {
	o := open(t, nil, seat("1", "pts/1", "bob", msg.OutcomeAnswered, msg.LabelYes), seat("2", "pts/2", "bob", msg.OutcomeExpired, ""))
	if err := os.Remove(filepath.Join(Sockets, strings.ToLower(tsts.PipeLSM))); err != nil {
		t.Fatal(err)
	}
	h := host(t, as("alice"))
	if list, err := h.Sessions(t.Context()); err != nil || len(list) != 2 || list[0].Name != "pts/1" {
		t.Fatalf("%+v, %v", list, err)
	}
	m := hosttest.Message("Grüße ✓ 😀\nzweite Zeile")
	m.Wait, m.Buttons, m.Timeout = true, msg.ButtonsYesNo, 2*time.Second
	got, err := send(t, t.Context(), h, "1,2", m)
	if err != nil || got["1"].Answer != msg.LabelYes || got["2"].Outcome != msg.OutcomeExpired {
		t.Errorf("%+v, %v", got, err)
	}
	if shown := o.Screen(msg.Session{ID: "1"}).String(); !strings.HasSuffix(shown, "\n"+m.Text+"\n") {
		t.Errorf("%q is not on the screen", m.Text)
	}
	long := hosttest.Message(strings.Repeat("x", 513)) // one UTF-16 unit more than its limit
	if got, err := send(t, t.Context(), h, "1", long); err == nil && got["1"].Outcome != msg.OutcomeFailed && got["1"].Outcome != msg.OutcomeRefused {
		t.Errorf("a text that is too long: %+v", got)
	}
	if shown := o.Screen(msg.Session{ID: "1"}).String(); strings.Contains(shown, "xxx") {
		t.Error("a part of a text that is too long is on the screen")
	}
}

// TestDown signs in while msgd is not there: smbd is, and there is nothing
// behind it.
func TestDown(t *testing.T) {
	o := open(t, nil, seat("1", "pts/1", "bob", "", ""))
	o.stop()
	_, err := tsts.Open(t.Context(), tsts.Options{Name: Name, Account: as("alice")})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v", err)
	}
}
