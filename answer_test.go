package msg

import (
	"slices"
	"testing"
	"time"
)

func TestButtons(t *testing.T) {
	for set, want := range map[Buttons][]string{
		"": {"OK"}, ButtonsOK: {"OK"}, ButtonsOKCancel: {"OK", "Cancel"}, ButtonsYesNo: {"Yes", "No"},
		ButtonsYesNoCancel: {"Yes", "No", "Cancel"}, ButtonsRetryCancel: {"Retry", "Cancel"},
	} {
		if got := set.Labels(); !slices.Equal(got, want) {
			t.Errorf("%q has %q, want %q", set, got, want)
		}
	}
	if l, ok := ButtonsYesNo.Label("yES"); l != LabelYes || !ok {
		t.Errorf("yES is %q, %v", l, ok)
	}
	if l, ok := ButtonsYesNo.Label("ok"); ok {
		t.Errorf("a question is answered by %q", l)
	}
}

func TestIsID(t *testing.T) {
	id := NewID(time.Now())
	for _, written := range []string{id, ShortID(id), id[10:]} {
		if !IsID(written, id) {
			t.Errorf("%q is not taken for %q", written, id)
		}
	}
	if IsID("01arz3ndektsv4rrffq69g5fav", "01ARZ3NDEKTSV4RRFFQ69G5FAV") != true {
		t.Error("case matters")
	}
	for _, written := range []string{"", id[21:], "X" + id, id[:6]} {
		if IsID(written, id) {
			t.Errorf("%q is taken for %q", written, id)
		}
	}
}

func TestPrincipal(t *testing.T) {
	p := Principal{User: "bob", Account: "1001", Host: "web1", Terminal: "pts/3", Session: "7"}
	if p.Sender() != "bob@web1" || (Principal{User: "bob"}).Sender() != "bob" {
		t.Errorf("Sender: %q", p.Sender())
	}
	s := Session{ID: "7", Name: "pts/4", Account: "1001", Kind: KindTerminal}
	if !p.Owns(s) || p.Owns(Session{Account: "1002"}) || (Principal{}).Owns(Session{}) {
		t.Error("Owns")
	}
	if p.IsAt(s) {
		t.Error("a program on one terminal is at another one of the same session")
	}
	s.Name = "pts/3"
	if !p.IsAt(s) || !p.IsAt(Session{ID: "7", Kind: KindDesktop}) || (Principal{}).IsAt(Session{}) {
		t.Error("IsAt")
	}
}

func TestDND(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		dnd  DND
		want bool
	}{
		{DND{}, false}, {DND{On: true}, true},
		{DND{On: true, Until: now.Add(time.Second)}, true}, {DND{On: true, Until: now}, false},
	} {
		if c.dnd.Active(now) != c.want {
			t.Errorf("%+v: %v", c.dnd, !c.want)
		}
	}
}
