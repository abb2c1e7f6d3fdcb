package fleet

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"msg"
)

// markPower tells this program that it has a mount namespace of its own.
const markPower = "MSG_TEST_POWER"

// TestPowerCut holds that what the hub, a sender and a member have acknowledged
// is there after the power was cut; and that the test would see a loss.
//
// The power is cut by copying the image of a file system right after the last
// acknowledgement: what had not reached the image is missing in the copy.
func TestPowerCut(t *testing.T) {
	if os.Getenv(markPower) == "" {
		powerAgain(t)
		return
	}
	t.Run("nothing is lost", testNothingLost)
	t.Run("without syncing it is", testLossSeen)
}

// powerAgain runs the test once more where it may mount.
func powerAgain(t *testing.T) {
	switch {
	case testing.Short():
		t.Skip("not with -short")
	case runtime.GOOS != "linux":
		t.Skip("needs Linux, this is " + runtime.GOOS)
	case os.Geteuid() != 0:
		t.Skip("needs root, for mounts")
	}
	for _, tool := range []string{"unshare", "mount", "mkfs.ext4", "losetup"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs the program %q, see test/install-tools", tool)
		}
	}
	if out, err := exec.Command("losetup", "--find").CombinedOutput(); err != nil {
		t.Skipf("needs a loop device: %s", strings.TrimSpace(string(out)))
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", self, "-test.run=^TestPowerCut$", "-test.v")
	cmd.Env = append(os.Environ(), markPower+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "power_test.go") { // what was seen
			t.Log(strings.TrimSpace(line))
		}
	}
}

// disk is a file system in an image, in memory.
type disk struct {
	t          *testing.T
	dir, image string
	mounted    string
	cuts       int
}

func newDisk(t *testing.T) *disk {
	t.Helper()
	dir, err := os.MkdirTemp("", "power")
	if err != nil {
		t.Fatal(err)
	}
	d := &disk{t: t, dir: dir, image: filepath.Join(dir, "image")}
	d.do("mount", "-t", "tmpfs", "tmpfs", dir)
	t.Cleanup(func() {
		d.do("umount", dir)
		_ = os.Remove(dir) // it is empty
	})
	f, err := os.Create(d.image)
	if err == nil {
		err = f.Truncate(128 << 20)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	d.do("mkfs.ext4", "-q", "-F", d.image)
	d.mounted = d.mount(d.image, "m")
	return d
}

func (d *disk) do(name string, args ...string) {
	d.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		d.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func (d *disk) mount(image, name string) string {
	d.t.Helper()
	at := filepath.Join(d.dir, name)
	if err := os.Mkdir(at, 0o755); err != nil {
		d.t.Fatal(err)
	}
	d.do("mount", "-o", "loop", image, at)
	d.t.Cleanup(func() { d.do("umount", at) })
	return at
}

// cut copies the image as it is now. What it returns finds the path in the copy
// for one on the disk.
func (d *disk) cut() func(string) string {
	d.t.Helper()
	d.cuts++
	image := fmt.Sprintf("%s.%d", d.image, d.cuts)
	d.do("cp", d.image, image)
	at := d.mount(image, fmt.Sprintf("cut%d", d.cuts))
	return func(path string) string {
		rest, err := filepath.Rel(d.mounted, path)
		if err != nil || strings.HasPrefix(rest, "..") {
			d.t.Fatalf("%q is not on the disk", path)
		}
		return filepath.Join(at, rest)
	}
}

func testNothingLost(t *testing.T) {
	d := newDisk(t)
	t.Setenv("TMPDIR", d.mounted) // where the folders of hubs and members are made
	o := newOffice(t)
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	off := o.join("lab-08", person("lab-08", "1", "dora"))
	o.allow(boss, "send, broadcast, 1000 a minute")
	off.end()
	var ids []string
	for i := range 20 {
		m := hello(fmt.Sprintf("number %02d.", i))
		m.Queue = time.Hour
		receipts, _, err := boss.say("lab-*", m)
		wantErr(t, "sending", err, "")
		expect(t, "outcome", outcomes(receipts), "lab-07/1 accepted, lab-08/ queued")
		ids = append(ids, receipts[0].Message)
	}
	boss.waitFor("all is acknowledged", func() bool {
		for _, id := range ids {
			s, h := boss.outbox.get(id), lab.inbox.get(id)
			s.mu.Lock()
			stored := s.Stored
			s.mu.Unlock()
			h.mu.Lock()
			settled := h.settled()
			h.mu.Unlock()
			if !stored || !settled {
				return false
			}
		}
		return true
	})
	copied := d.cut()
	boss.end()
	lab.end()
	o.stop()
	after(t, o, copied, []*desk{boss, lab, off}, ids)
	o.start() // for its end
}

// wantReport makes sure that a hub has what lab-07 has said of a message: one
// report, which may have been sent again while the hub was slow to say that it
// has it.
func wantReport(t *testing.T, h *Hub, id string) {
	t.Helper()
	member, _ := h.book.named("lab-07")
	serials := map[int]bool{}
	for _, i := range first(h.past("desk-1", ask{ID: id})).Items {
		r, err := openReport(i.Data, i.Subject, h.config.Org, member.Key)
		if err != nil || !r.Done || outcomes(r.Receipts) != "lab-07/1 accepted" {
			t.Errorf("%s: the hub has %+v, %v", id, r, err)
		}
		serials[r.Serial] = true
	}
	if len(serials) != 1 {
		t.Errorf("%s: the hub has %d reports", id, len(serials))
	}
}

// after looks at what is there after the power cut.
func after(t *testing.T, o *office, copied func(string) string, desks []*desk, ids []string) {
	t.Helper()
	h, err := StartHub(copied(o.dir), testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	expect(t, "kept for the one that was off", len(first(h.pending("lab-08", ask{})).Items), len(ids))
	inbox := first(openInbox(filepath.Join(copied(desks[1].dir), inboxDir), time.Now()))
	outbox := first(openOutbox(filepath.Join(copied(desks[0].dir), outboxDir), time.Now()))
	for _, id := range ids {
		wantReport(t, h, id)
		if held := inbox.get(id); held == nil || !held.Report.Done {
			t.Errorf("%s: it is not in the inbox any more, or not as done: %+v", id, held)
		}
		if outbox.get(id) == nil {
			t.Errorf("%s: it is not in the outbox any more", id)
		}
	}
	var back []*desk
	for _, d := range desks {
		n := &desk{t: t, dir: copied(d.dir), fake: d.fake}
		n.run(nil)
		defer n.end()
		back = append(back, n)
	}
	for i, id := range ids {
		back[0].waitFor("the sender knows what came of it", func() bool {
			r := back[0].Records(root, id)
			return len(r) == 1 && outcomes(r[0].Receipts) == "lab-07/1 accepted, lab-08/1 accepted"
		})
		for _, d := range desks[1:] {
			expect(t, "shown", strings.Count(d.screen("1"), fmt.Sprintf("number %02d.", i)), 1)
		}
	}
}

// testLossSeen holds that the store without SyncAlways loses what it has
// acknowledged, and that the copy shows it.
func testLossSeen(t *testing.T) {
	d := newDisk(t)
	dir := filepath.Join(d.mounted, "hub")
	if _, err := InitHub(dir, "127.0.0.1:1", []string{"127.0.0.1:1"}, true, time.Now()); err != nil {
		t.Fatal(err)
	}
	s, js := openStore(t, dir, false)
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: streamMSG, Subjects: []string{prefix + kindSend + ".>"}, Storage: jetstream.FileStorage})
	if err != nil {
		t.Fatal(err)
	}
	const acknowledged = 200
	for range acknowledged {
		if _, err := js.Publish(t.Context(), subjectAll(kindSend, "desk-1"), make([]byte, 400), jetstream.WithMsgID(msg.NewID(time.Now()))); err != nil {
			t.Fatal(err)
		}
	}
	copied := d.cut()
	s.Shutdown()
	s.WaitForShutdown()
	s, js = openStore(t, copied(dir), true)
	defer s.WaitForShutdown()
	defer s.Shutdown()
	left := uint64(0)
	if stream, err := js.Stream(t.Context(), streamMSG); err == nil {
		left = first(stream.Info(t.Context())).State.Msgs
	}
	if left >= acknowledged {
		t.Errorf("%d of %d are there without syncing: the test sees no loss", left, acknowledged)
	}
	t.Logf("without syncing %d of %d that were acknowledged are there", left, acknowledged)
}

// openStore starts the hub's server with its store and nothing else.
func openStore(t *testing.T, dir string, sync bool) (*server.Server, jetstream.JetStream) {
	t.Helper()
	o := first(serverOptions(dir, first(loadHub(dir))))
	o.SyncAlways = sync
	s := first(server.NewServer(o))
	s.Start()
	if !s.ReadyForConnections(hubStarts) {
		t.Fatal("the server does not get ready")
	}
	conn := first(nats.Connect("", nats.InProcessServer(s)))
	t.Cleanup(conn.Close)
	return s, first(jetstream.New(conn))
}
