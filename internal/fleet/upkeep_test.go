package fleet

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// blocked makes a folder one that nothing can be written to, even by root: its
// name is a file meanwhile.
func blocked(t *testing.T, dir string, do func()) {
	t.Helper()
	aside := dir + ".aside"
	if err := errors.Join(os.Rename(dir, aside), os.WriteFile(dir, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	do()
	if err := errors.Join(os.Remove(dir), os.Rename(aside, dir)); err != nil {
		t.Fatal(err)
	}
}

// TestBookNotWritten holds that what the book of a hub could not write down has
// not happened.
func TestBookNotWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "hub")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	b := newBook(dir)
	secret := must(t, first(b.invite(2, time.Now().Add(time.Hour))), nil)
	_, key := newUser(t)
	_, other := newUser(t)
	must(t, first(b.redeem(secret, "lab-07", key, time.Now())), nil)
	blocked(t, dir, func() {
		_, err1 := b.redeem(secret, "lab-08", other, time.Now())
		_, err2 := b.change("lab-07", func(r *record) { r.Tags = []string{"lab"} })
		_, err3 := b.remove("lab-07")
		_, err4 := b.invite(1, time.Now().Add(time.Hour))
		for i, err := range []error{err1, err2, err3, err4, b.setRevoked([]byte("x"))} {
			wantErr(t, "change "+string(rune('1'+i)), err, "nothing was changed: ")
		}
	})
	r, known := b.named("lab-07")
	if _, joined := b.find(other); joined || !known || len(r.Tags) > 0 || b.getRevoked() != nil || len(b.invites) != 1 {
		t.Errorf("it has happened: %v, %v, %+v, %d", joined, known, r, len(b.invites))
	}
	must(t, first(b.redeem(secret, "lab-08", other, time.Now())), nil) // the second use was not used up
	again := must(t, first(loadBook(dir)), nil)
	if _, known := again.named("lab-08"); !known || len(again.members) != 2 {
		t.Errorf("%d members on the disk", len(again.members))
	}
}

// TestNotInBook holds that the log of the hub has the true reason why a key is not
// let in, and that a book which is gone is not taken for a hub that never was.
func TestNotInBook(t *testing.T) {
	dir := t.TempDir()
	_, err := loadBook(dir)
	wantErr(t, "without a book", err, "is gone")
	wantErr(t, "writing", os.WriteFile(filepath.Join(dir, bookFile), []byte("{"), 0o600), "")
	_, err = loadBook(dir)
	wantErr(t, "a damaged book", err, `book.json": it cannot be read: `)
	b := newBook(dir)
	secret := must(t, first(b.invite(1, time.Now().Add(time.Hour))), nil)
	_, key := newUser(t)
	_, other := newUser(t)
	_, err = b.redeem("", "lab-07", key, time.Now())
	wantErr(t, "without a token", err, "not in the book of this hub")
	must(t, first(b.redeem(secret, "lab-07", key, time.Now())), nil)
	_, err = b.redeem(secret, "lab-08", other, time.Now())
	wantErr(t, "a token that is used up", err, "used up")
	must(t, first(b.remove("lab-07")), nil)
	_, err = b.redeem("", "lab-07", key, time.Now())
	wantErr(t, "a key that was revoked", err, "its key was revoked")
}

// TestCannotTake holds that a sender is told of a member that cannot write a
// message down, which is not shown then; and that one that is kept comes later.
func TestCannotTake(t *testing.T) {
	o := newOffice(t)
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	o.allow(boss, "send, broadcast")
	blocked(t, filepath.Join(lab.dir, inboxDir), func() {
		receipts, _, err := boss.say("lab-07", hello("not now"))
		wantErr(t, "sending", err, "")
		if len(receipts) != 1 || !strings.Contains(receipts[0].Detail, "it cannot be taken: writing ") {
			t.Errorf("the sender is told %+v", receipts)
		}
	})
	if n := strings.Count(lab.refusals(), "writing "); n != 1 {
		t.Errorf("written down %d times", n)
	}
	receipts, _, err := boss.say("lab-07", hello("now"))
	wantErr(t, "sending", err, "")
	expect(t, "then", outcomes(receipts), "lab-07/1 accepted")
	expect(t, "shown", strings.Count(lab.screen("1"), "not now"), 0)
}

// TestIdleHub holds that a hub gives memory back once, when it has nothing to do
// any more, and not while it has.
func TestIdleHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var freed atomic.Int64
		h := &Hub{log: quiet(), upkeep: newUpkeep()}
		h.free = func() { freed.Add(1) }
		h.tasks.Go(h.keepUp)
		time.Sleep(idleAfter / 3) // not when it looks
		for range 20 {
			h.busy.Store(true)
			time.Sleep(idleAfter / 2)
		}
		expect(t, "while there are messages", freed.Load(), 0)
		time.Sleep(2 * idleAfter)
		expect(t, "when there are none", freed.Load(), 1)
		time.Sleep(time.Hour)
		expect(t, "an hour later", freed.Load(), 1)
		h.endUpkeep()
	})
}

// TestMend holds that a hub whose store has failed asks to be started anew if it
// stays so though there is room, and does not if it works again, or there is none.
func TestMend(t *testing.T) {
	o := newOffice(t)
	stuck := func() error {
		select {
		case err := <-o.hub.stuck:
			return err
		default:
			return nil
		}
	}
	o.hub.storeFails("trying", errors.New("full"))
	o.hub.mend()
	if err := stuck(); o.hub.fails.Load() || err != nil {
		t.Errorf("it works, and yet: %v", err)
	}
	i := must(t, first(o.hub.audit.Info(t.Context())), nil)
	expect(t, "what was tried and is left", i.State.Msgs, 0)

	if err := o.hub.js.DeleteStream(t.Context(), streamAUDIT); err != nil {
		t.Fatal(err)
	}
	o.hub.storeFails("trying", errors.New("full"))
	full := o.hub.dir
	o.hub.dir = filepath.Join(full, hubFile) // where there is no room for a file
	o.hub.mend()
	if err := stuck(); !o.hub.fails.Load() || err != nil {
		t.Errorf("there is no room, and yet: %v", err)
	}
	o.hub.dir = full
	o.hub.mend()
	wantErr(t, "there is room", stuck(), "the hub has to be started anew")
}
