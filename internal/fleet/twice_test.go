package fleet

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestHubTwice holds that a second hub of a folder does not open the store of the
// one that runs.
func TestHubTwice(t *testing.T) {
	o := newOffice(t)
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	o.allow(boss, "send, broadcast")
	_, _, err := boss.say("lab-07", hello("x"))
	wantErr(t, "sending", err, "")
	lab.waitFor("the hub has its report", func() bool {
		h := lab.inbox.all()[0]
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.settled()
	})
	long := time.Now().Add(-time.Hour)
	files := func(visit func(path string)) {
		err := filepath.WalkDir(filepath.Join(o.dir, storeDir), func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				visit(path)
			}
			return err
		})
		wantErr(t, "looking at the store", err, "")
	}
	files(func(path string) { wantErr(t, "dating a file", os.Chtimes(path, long, long), "") })
	_, err = StartHub(o.dir, quiet())
	wantErr(t, "a second hub", err, "runs here already")
	files(func(path string) {
		if i, err := os.Stat(path); err == nil && i.ModTime().After(long) {
			t.Errorf("%s is another", path)
		}
	})
}
