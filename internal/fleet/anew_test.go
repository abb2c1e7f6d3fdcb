package fleet

import (
	"context"
	"os"
	"testing"
)

// TestJoinAnew removes the folder of a member that runs, and joins the next fleet
// right away, as who begins anew does: nothing of the old one is in the way.
func TestJoinAnew(t *testing.T) {
	slow(t)
	before, now := newOffice(t), newOffice(t)
	lab := before.join("lab-07", person("lab-07", "1", "bob"))
	gone := before.join("gone")
	wantErr(t, "revoking", before.admin.Revoke(context.Background(), before.org, "gone", false), "")
	lab.waitFor("it knows what is revoked", func() bool {
		lab.Node.mu.Lock()
		defer lab.Node.mu.Unlock()
		return lab.state.Revoked != nil
	})
	gone.end()
	wantErr(t, "removing", os.RemoveAll(lab.dir), "")
	wantErr(t, "joining", Join(context.Background(), lab.dir, "lab-07", now.token), "")
	lab.end()
	lab.run(nil)
	boss := now.join("desk-1")
	now.allow(boss, "send, broadcast")
	receipts, _, err := boss.say("lab-07", hello("Welcome"))
	wantErr(t, "sending", err, "")
	expect(t, "what came of it", outcomes(receipts), "lab-07/1 accepted")
}
