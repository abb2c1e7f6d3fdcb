package fleet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRestored holds that a hub which is restored from a copy learns from its
// members what was revoked since, and that what it revokes then counts.
func TestRestored(t *testing.T) {
	slow(t)
	o := newOffice(t)
	boss := o.join("desk-1")
	lab := o.join("lab-07")
	bad := o.join("lab-08")
	worse := o.join("lab-09")
	g := o.allow(boss, "send, broadcast")
	copied := must(t, first(os.ReadFile(filepath.Join(o.dir, bookFile))), nil)
	if err := o.admin.Revoke(t.Context(), o.org, "lab-08", false); err != nil {
		t.Fatal(err)
	}
	lab.waitFor("it knows", func() bool { return lab.verifier.isRevoked(bad.publicKey(t)) })
	o.stop()
	if err := os.WriteFile(filepath.Join(o.dir, bookFile), copied, 0o600); err != nil {
		t.Fatal(err)
	}
	o.start()
	if _, back := o.hub.book.named("lab-08"); !back {
		t.Fatal("the copy is not an older one")
	}
	lab.waitFor("the hub has learned it", func() bool {
		r, err := openRevocations(o.hub.book.getRevoked(), o.orgPub)
		return err == nil && r.has(bad.publicKey(t))
	})
	boss.waitFor("it is in the fleet again", func() bool {
		receipts, _, err := boss.say("lab-08", hello("x"))
		return err == nil && len(receipts) == 1 && strings.Contains(receipts[0].Detail, "its key is revoked")
	})
	if err := o.admin.Revoke(t.Context(), o.org, "lab-09", false); err != nil {
		t.Fatal(err)
	}
	lab.waitFor("it knows of another", func() bool { return lab.verifier.isRevoked(worse.publicKey(t)) })
	if !lab.verifier.isRevoked(bad.publicKey(t)) || lab.verifier.isRevoked(g.ID) {
		t.Error("the list does not have what it should")
	}
}

// TestSerial holds that a list of what is revoked is newer than all before it, also
// those that are not known any more.
func TestSerial(t *testing.T) {
	first := Revocations{}.With("O", noon, "a")
	if first.Serial != int(noon.Unix()) {
		t.Errorf("the first is %d", first.Serial)
	}
	if next := first.With("O", noon.Add(-time.Hour), "b"); next.Serial != first.Serial+1 || !next.has("a") || !next.has("b") {
		t.Errorf("the next, with a clock that was set back: %+v", next)
	}
}

// TestRevokedWithoutKey holds that what was revoked without the key of the
// organisation is put on the list when that is there.
func TestRevokedWithoutKey(t *testing.T) {
	slow(t)
	o := newOffice(t)
	boss := o.join("desk-1")
	lab := o.join("lab-07")
	g := o.allow(boss, "send, broadcast")
	isListed := func(key string) bool {
		r, err := openRevocations(o.hub.book.getRevoked(), o.orgPub)
		return err == nil && r.has(key)
	}
	other, _ := newOrg(t)
	wantErr(t, "with another key", o.admin.Revoke(t.Context(), other, "lab-07", false), "wrong key")
	_, _, err := o.admin.Allow(t.Context(), other, "lab-07", nil, mustMay(t, "send, until 2100"))
	wantErr(t, "a grant with another key", err, "wrong key")
	if _, there := o.hub.book.named("lab-07"); !there {
		t.Error("it was revoked all the same")
	}
	wantErr(t, "a grant", o.admin.Revoke(t.Context(), nil, "desk-1", true), "")
	wantErr(t, "a grant of nobody", o.admin.Revoke(t.Context(), nil, "desk-1", true), "desk-1 has no grant")
	wantErr(t, "a member", o.admin.Revoke(t.Context(), nil, "lab-07", false), "")
	wantErr(t, "the member again", o.admin.Revoke(t.Context(), nil, "lab-07", false), "is not a member")
	if isListed(g.ID) || isListed(lab.publicKey(t)) {
		t.Fatal("it is on a list that nobody has signed")
	}
	o.stop()
	o.start() // which has not forgotten
	wantErr(t, "with the key", o.admin.Revoke(t.Context(), o.org, "lab-07", false), "")
	if !isListed(g.ID) || !isListed(lab.publicKey(t)) {
		t.Error("it is not on the list")
	}
	wantErr(t, "once more", o.admin.Revoke(t.Context(), o.org, "lab-07", false), "is not a member")
	boss.waitFor("it knows", func() bool { return boss.verifier.isRevoked(g.ID) && boss.verifier.isRevoked(lab.publicKey(t)) })
}
