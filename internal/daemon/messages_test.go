package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"msg"
	"msg/internal/hosttest"
)

func TestMessages(t *testing.T) {
	c := testConfig(t)
	c.Limits.Burst = 100
	o := run(t, c, hosttest.NewFake(seat("1", "alice"), seat("2", "bob"), seat("3", "alice")))
	o.must("zoe", "*", newMessage("to all"))
	o.must("zoe", "bob", newMessage("to bob"))
	o.must("alice", "alice", newMessage("to herself"))
	if _, err := o.send("alice", "bob", newMessage("refused")); !errors.Is(err, msg.ErrRefused) {
		t.Fatal(err)
	}
	for user, texts := range map[string]string{
		"root":  "refused, to herself, to bob, to all",
		"zoe":   "to bob, to all",
		"alice": "refused, to herself, to all",
		"bob":   "to bob, to all",
	} {
		var got []string
		for _, r := range o.records(user, "") {
			got = append(got, r.Message.Text)
		}
		want(t, user, strings.Join(got, ", "), texts)
	}
	toAll := func(user string) msg.Record { list := o.records(user, ""); return list[len(list)-1] }
	want(t, "the sender sees the whole", last(toAll("zoe").Receipts), "1 accepted, 2 accepted, 3 accepted")
	want(t, "alice sees her part", last(toAll("alice").Receipts), "1 accepted, 3 accepted")
	want(t, "bob sees his part", last(toAll("bob").Receipts), "2 accepted")
	want(t, "to whom, for the sender", strings.Join(toAll("zoe").To, " "), "*")
	want(t, "to whom, for bob", strings.Join(toAll("bob").To, " "), "bob")
	later := principal("bob")
	later.User = "rob" // has got the number of an account that was removed
	n := 0
	if err := o.Messages(t.Context(), later, "", 0, func(msg.Record) { n++ }); err != nil || n > 0 {
		t.Errorf("the heir of a number sees %d messages, %v", n, err)
	}
}

func TestMessagesByID(t *testing.T) {
	o := run(t, testConfig(t), hosttest.NewFake(seat("1", "bob")))
	tail := "ABCDEFGH"
	var ids []string
	for _, front := range []string{"01KAAAAAAAAAAAAAAA", "01KBBBBBBBBBBBBBBB"} {
		m := newMessage("x")
		m.ID = front + tail
		o.must("zoe", "bob", m)
		ids = append(ids, m.ID)
	}
	for id, want := range map[string]string{
		tail: ids[1] + " " + ids[0], strings.ToLower(ids[0]): ids[0], "B" + tail: ids[1], "CDEFGH": ids[1] + " " + ids[0],
		"DEFGH": "", "XCDEFGH": "", ids[0] + "0": "",
	} {
		var got []string
		for _, r := range o.records("bob", id) {
			got = append(got, r.Message.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s", id, got, want)
		}
	}
	if list := o.records("alice", ids[0]); len(list) > 0 {
		t.Errorf("somebody who knows the ID sees %+v", list)
	}
}

func TestMessagesLimit(t *testing.T) {
	o := run(t, testConfig(t), hosttest.NewFake(seat("1", "bob")))
	for i := range 7 {
		o.must("root", "bob", newMessage(fmt.Sprint(i)))
	}
	var got []string
	if err := o.Messages(t.Context(), principal("bob"), "", 3, func(r msg.Record) { got = append(got, r.Message.Text) }); err != nil {
		t.Error(err)
	}
	want(t, "the newest", strings.Join(got, " "), "6 5 4")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.Messages(ctx, principal("bob"), "", 3, func(msg.Record) { t.Error("reported to nobody") }); !errors.Is(err, context.Canceled) {
		t.Errorf("when nobody asks any more: %v", err)
	}
}

// TestSlowReaders: whoever asks and does not read what comes keeps nobody else
// from asking.
func TestSlowReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := run(t, testConfig(t), hosttest.NewFake(seat("1", "bob")))
		o.must("zoe", "bob", newMessage("x"))
		read := make(chan struct{})
		for range maxReading + 1 {
			go func() { _ = o.Messages(context.Background(), principal("bob"), "", 0, func(msg.Record) { <-read }) }()
		}
		synctest.Wait()
		if n := len(o.records("zoe", "")); n != 1 {
			t.Errorf("%d messages", n)
		}
		close(read)
	})
}

func TestReaders(t *testing.T) {
	c := testConfig(t)
	c.Journal.Readers = []string{"@adm"}
	o := run(t, c, hosttest.NewFake(seat("1", "alice")))
	o.must("zoe", "alice", newMessage("secret"))
	want(t, "a reader", fmt.Sprint(len(o.records("bob", ""))), "1")
	c.Journal.Readers = nil
	o.stop()
	o = run(t, c, o.fake)
	want(t, "no reader", fmt.Sprint(len(o.records("bob", ""))), "0")
}

// TestDamagedMessage: one record that cannot be read does not hide the others.
func TestDamagedMessage(t *testing.T) {
	o := run(t, testConfig(t), hosttest.NewFake(seat("1", "bob")))
	for range 3 {
		o.must("root", "bob", newMessage("x"))
	}
	if err := o.journal.do(func(t tables) error { return t.messages.Put(number(2).key(), []byte{format, 'x'}) }, nil); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"root", "bob"} {
		if n := len(o.records(user, "")); n != 2 {
			t.Errorf("%s sees %d messages", user, n)
		}
	}
	o.housekeeping(time.Now())
	if err := o.journal.view(func(t tables) error {
		if t.messages.Get(number(2).key()) != nil {
			return errRecord
		}
		return nil
	}); err != nil {
		t.Error("housekeeping leaves the damaged one")
	}
}
