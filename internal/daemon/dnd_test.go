package daemon

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"msg"
	"msg/internal/hosttest"
)

func (o *office) setDND(user string, d msg.DND) {
	o.t.Helper()
	if err := o.SetDND(o.t.Context(), principal(user), d); err != nil {
		o.t.Fatal(err)
	}
}

func TestDND(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := run(t, testConfig(t), hosttest.NewFake(seat("1", "alice"), seat("2", "bob")))
		until := time.Now().Add(2 * time.Hour)
		o.setDND("alice", msg.DND{On: true, Until: until})
		receipts := o.must("root", "*", newMessage("x"))
		want(t, "while it holds", last(receipts), "1 refused, 2 accepted")
		for _, r := range receipts {
			if r.Session.ID == "1" {
				want(t, "detail", r.Detail, "alice does not want to be disturbed (until "+until.Format("15:04")+")")
			}
		}
		want(t, "on record", last(o.records("root", "")[0].Receipts), "1 refused, 2 accepted")
		if len(o.records("alice", "")) != 0 {
			t.Error("alice reads what she was not to be disturbed with")
		}
		want(t, "to oneself", last(o.must("alice", "alice", newMessage("note"))), "1 accepted")
		if d, err := o.DND(t.Context(), principal("alice")); err != nil || !d.On || !d.Until.Equal(until) {
			t.Errorf("%+v, %v", d, err)
		}
		time.Sleep(2 * time.Hour)
		want(t, "when it is over", last(o.must("root", "alice", newMessage("x"))), "1 accepted")
		o.setDND("alice", msg.DND{On: true})
		want(t, "without an end", last(o.must("root", "alice", newMessage("x"))), "1 refused")
		o.setDND("alice", msg.DND{})
		want(t, "off", last(o.must("root", "alice", newMessage("x"))), "1 accepted")
	})
}

func TestUrgent(t *testing.T) {
	c := testConfig(t)
	c.Rules = rules(t, "[[rule]]\nfrom=['@adm']\nurgent=true\n[[rule]]\nfrom=['*']\n")
	o := run(t, c, hosttest.NewFake(seat("1", "alice")))
	o.setDND("alice", msg.DND{On: true})
	want(t, "urgent", last(o.must("bob", "alice", newMessage("fire"))), "1 accepted")
	want(t, "others", last(o.must("zoe", "alice", newMessage("lunch?"))), "1 refused")
}

func TestDNDLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, fake := testConfig(t), hosttest.NewFake(seat("1", "alice"))
		o := run(t, c, fake)
		o.setDND("alice", msg.DND{On: true, Until: time.Now().Add(time.Hour)})
		o.setDND("bob", msg.DND{On: true})
		o.stop()
		o = run(t, c, fake)
		want(t, "after a restart", last(o.must("root", "alice", newMessage("x"))), "1 refused")
		time.Sleep(3 * time.Hour) // and housekeeping
		o.stop()
		o = run(t, c, fake)
		if len(o.peace.of) != 1 || !o.peace.of[accountOf["bob"]].On {
			t.Errorf("remembered: %+v", o.peace.of)
		}
	})
}

func TestBadDND(t *testing.T) {
	o := run(t, testConfig(t), hosttest.NewFake())
	if err := o.SetDND(t.Context(), principal("alice"), msg.DND{On: true, Until: time.Now().Add(-time.Second)}); !errors.Is(err, msg.ErrMessage) {
		t.Errorf("until a time that is over: %v", err)
	}
	if err := o.SetDND(t.Context(), msg.Principal{User: "guest"}, msg.DND{On: true}); !errors.Is(err, msg.ErrRefused) {
		t.Errorf("without an account: %v", err)
	}
}

func TestDisturbed(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	for until, text := range map[time.Time]string{
		{}:                      "bob does not want to be disturbed",
		now.Add(time.Hour):      "bob does not want to be disturbed (until 10:00)",
		now.Add(24 * time.Hour): "bob does not want to be disturbed (until 2026-11-25 09:00)",
	} {
		want(t, until.String(), disturbed("bob", msg.DND{On: true, Until: until}, now), text)
	}
}
