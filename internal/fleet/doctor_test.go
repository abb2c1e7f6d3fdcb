package fleet

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// examined are the lines of what is wrong.
func examined(list []Finding) string {
	var b strings.Builder
	for _, f := range list {
		if f.Do != "" {
			fmt.Fprintf(&b, "%s: %s; %s\n", f.About, f.Found, f.Do)
		}
	}
	return b.String()
}

// TestDoctorWell holds that nothing is wrong where all is well, and that no key
// is told.
func TestDoctorWell(t *testing.T) { onBoth(t, testDoctorWell) }

func testDoctorWell(t *testing.T, o *office) {
	lab := o.join("lab-07")
	o.allow(lab, "send, broadcast")
	list := append(ExamineHub(t.Context(), o.dir), ExamineMember(t.Context(), lab.dir)...)
	expect(t, "wrong", examined(list), "")
	all := fmt.Sprint(list)
	for _, part := range []string{"1 members", "of 1 members are connected", "the clocks agree", "nats-server 2.", "messages of up to", "broadcast"} {
		if !strings.Contains(all, part) {
			t.Errorf("it does not say %q:\n%s", part, all)
		}
	}
	if o.cluster != nil {
		for _, part := range []string{"3 servers answer", "it tells who is connected", "connections can be ended", "may do everything in it", "to the disk at once", "stream AUDIT on 3 servers", "a certificate of the authority"} {
			if !strings.Contains(strings.ReplaceAll(all, "AUDIT: ", "AUDIT "), part) && !strings.Contains(all, part) {
				t.Errorf("it does not say %q:\n%s", part, all)
			}
		}
	}
	if seed := regexp.MustCompile(`\bS[UAX][A-Z2-7]{50,}`).FindString(all); seed != "" || strings.Contains(all, o.token.Secret) {
		t.Errorf("it tells a secret: %s", all)
	}
}

// TestDoctorFolder holds that what keeps msgd from opening its folder is found.
func TestDoctorFolder(t *testing.T) {
	o := newOffice(t)
	desk := o.join("desk-1")
	desk.end()
	for name, text := range map[string]string{
		stateFile:              "",
		inboxDir + "/log":      string(appendLine(nil, []byte(`{"id":"X","expires":"2026-11-30T12:00:00Z","report":"AA=="}`))),
		outboxDir + "/ID.json": "[]",
	} {
		path := filepath.Join(desk.dir, name)
		before, _ := os.ReadFile(path) // there may be none
		wantErr(t, "writing", os.WriteFile(path, []byte(text), 0o600), "")
		_, err := Open(desk.dir, "1.0", Local{}, quiet())
		wantErr(t, name, err, "reading ")
		if list := examined(ExamineMember(t.Context(), desk.dir)); !strings.Contains(list, path) || !strings.Contains(list, "move that file away") {
			t.Errorf("%s: %s", name, list)
		}
		if before == nil {
			wantErr(t, "removing", os.Remove(path), "")
		} else {
			wantErr(t, "writing", os.WriteFile(path, before, 0o600), "")
		}
	}
	expect(t, "in the end", examined(ExamineMember(t.Context(), desk.dir)), "")
}

// TestDoctorAway holds what is said when the hub does not run, and when a member
// is none any more.
func TestDoctorAway(t *testing.T) { onBoth(t, testDoctorAway) }

func testDoctorAway(t *testing.T, o *office) {
	lab := o.join("lab-07")
	if err := o.admin.Revoke(t.Context(), o.org, "lab-07", false); err != nil {
		t.Fatal(err)
	}
	found(t, ExamineMember(t.Context(), lab.dir), "it does not know the key of this computer")
	o.stop()
	if o.cluster != nil {
		found(t, ExamineHub(t.Context(), o.dir), "hub: its process does not answer", "start it: msgd hub serve")
	} else {
		found(t, ExamineHub(t.Context(), o.dir), "connection refused; start it")
		found(t, ExamineMember(t.Context(), lab.dir), "connection refused; start it")
	}
	o.start()
}

func found(t *testing.T, list []Finding, parts ...string) {
	t.Helper()
	got := examined(list)
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("it does not find %q:\n%s", part, got)
		}
	}
}

// TestDoctorMember holds what is said of clocks, another hub, and a damaged
// folder.
func TestDoctorMember(t *testing.T) {
	o := newOffice(t)
	lab := o.join("lab-07")
	for by, part := range map[time.Duration]string{10 * time.Minute: "the clock there is 10m0s behind", -10 * time.Minute: "the clock there is 10m0s ahead"} {
		d := &doctor{clock: func() time.Time { return time.Now().Add(by) }}
		d.member(t.Context(), lab.dir)
		found(t, d.list, part)
	}
	c := lab.config
	sum := sha256.Sum256([]byte("somebody in between"))
	c.Pin = sum[:]
	other := t.TempDir()
	if err := os.CopyFS(other, os.DirFS(lab.dir)); err != nil {
		t.Fatal(err)
	}
	if err := writeJSON(filepath.Join(other, nodeFile), c); err != nil {
		t.Fatal(err)
	}
	found(t, ExamineMember(t.Context(), other), "this is not the hub that the join token speaks of")
	if err := os.WriteFile(filepath.Join(other, nodeFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	found(t, ExamineMember(t.Context(), other), "run it as root")
}

// TestDoctorStream holds that streams with fewer copies are found, which msgd
// hub serve mends.
func TestDoctorStream(t *testing.T) {
	o := newSite(t)
	s, err := o.hub.js.Stream(t.Context(), streamMSG)
	if err != nil {
		t.Fatal(err)
	}
	c := s.CachedInfo().Config
	c.Replicas = 1
	if _, err := o.hub.js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	found(t, ExamineHub(t.Context(), o.dir), "stream MSG: it is on 1 servers, and has to be on 3")
	if err := o.hub.js.DeleteStream(t.Context(), streamAUDIT); err != nil {
		t.Fatal(err)
	}
	found(t, ExamineHub(t.Context(), o.dir), "stream AUDIT: "+jetstream.ErrStreamNotFound.Error())
	o.stop()
	o.start()
	boss := &desk{t: t, Node: &Node{config: nodeConfig{Name: "the hub"}}}
	boss.waitFor("the streams are as they should be", func() bool { return examined(ExamineHub(t.Context(), o.dir)) == "" })
}

// TestDoctorServer holds what is said of servers that are not configured as they
// should be.
func TestDoctorServer(t *testing.T) {
	const whole = `tls { cert_file: "node.pem", key_file: "node.pem", handshake_first: true }
`
	for name, c := range map[string]struct {
		conf    string
		until   time.Time
		include bool
		want    []string
	}{
		"no store":     {whole, time.Now().AddDate(1, 0, 0), true, []string{"server odd: it has no JetStream", "account MSGD: it has no store", "1 servers answer, and a stream needs 3"}},
		"late sync":    {whole + "jetstream { store_dir: store, max_file: 1GB }\n", time.Now().AddDate(1, 0, 0), true, []string{`it writes to the disk every 2m0s`, `set "sync_interval: always"`}},
		"sync of 10 s": {whole + "jetstream { store_dir: store, max_file: 100MB, sync_interval: 10s }\n", time.Now().AddDate(1, 0, 0), true, []string{"it writes to the disk every 10s", "its store takes 104857600 bytes"}},
		"not included": {whole, time.Now().AddDate(1, 0, 0), false, []string{"system account: ", "it does not know the key of the hub in system.nk", "account MSGD: "}},
		"small":        {whole + "jetstream { store_dir: store, max_file: 1GB, sync_interval: always }\nmax_connections: 3\nmax_payload: 1MB\n", time.Now().AddDate(1, 0, 0), true, []string{"set max_payload: 8388608", "it takes 3 connections, and there are 3 members"}},
		"slow pings":   {whole + "jetstream { store_dir: store, max_file: 1GB, sync_interval: always }\nping_interval: \"2m\"\nping_max: 2\n", time.Now().AddDate(1, 0, 0), true, []string{"counts as connected for up to 8m0s", "leave ping_interval"}},
		"late TLS":     {strings.Replace(whole, "true", "false", 1), time.Now().AddDate(1, 0, 0), true, []string{`it does not begin with TLS; its block tls needs "handshake_first: true"`}},
		"old paper":    {whole + "jetstream { store_dir: store, max_file: 1GB, sync_interval: always }\n", time.Now().AddDate(0, 0, 5), true, []string{"the certificate of 127.0.0.1 is good until", "renew it"}},
		"expired":      {whole, time.Now().Add(-time.Minute), true, []string{"certificate has expired"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each has a server of its own
			hub := oddServer(t, c.conf, c.until, c.include)
			found(t, ExamineHub(t.Context(), hub), c.want...)
			if _, err := StartHub(hub, quiet()); err == nil {
				t.Error("the hub starts all the same")
			}
		})
	}
}

// oddServer runs one server of its own, and makes a hub for it with three
// members in the book.
func oddServer(t *testing.T, conf string, until time.Time, include bool) (hub string) {
	t.Helper()
	hub, _ = serverWith(t, conf, until, include, func(s string) string { return s })
	return hub
}

// serverWith changes what is included.
func serverWith(t *testing.T, conf string, until time.Time, include bool, change func(string) string) (hub string, n *node3) {
	t.Helper()
	s := theCluster(t)
	dir := t.TempDir()
	hub = filepath.Join(dir, "hub")
	n = &node3{name: "odd", address: freePort(t), config: filepath.Join(dir, "odd.conf")}
	if _, err := InitCluster(hub, []string{n.address}, []string{n.address}, s.ca.pem, true, time.Now()); err != nil {
		t.Fatal(err)
	}
	b := must(t, first(loadBook(hub)), nil)
	for i := range 3 {
		name := fmt.Sprintf("lab-%d", i)
		b.members[name] = &record{Name: name, Key: name}
	}
	text := fmt.Sprintf("server_name: odd\nlisten: %q\n", n.address)
	if include { // what stands later counts
		text += change(string(must(t, first(os.ReadFile(filepath.Join(hub, ClusterFile))), nil)))
	}
	text += strings.ReplaceAll(strings.ReplaceAll(conf, "node.pem", filepath.Join(dir, "node.pem")), "store_dir: store", fmt.Sprintf("store_dir: %q", filepath.Join(dir, "store")))
	if err := b.save(); err != nil {
		t.Fatal(err)
	}
	if err := s.ca.issue(filepath.Join(dir, "node.pem"), until, "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(n.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := n.start(s.program); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.kill)
	waiting := &desk{t: t, Node: &Node{config: nodeConfig{Name: "odd"}}}
	waiting.waitFor("it is ready", func() bool { return strings.Contains(n.log.String(), "Server is ready") })
	return hub, n
}

// TestOlder compares versions.
func TestOlder(t *testing.T) {
	for version, old := range map[string]bool{"2.12.3": false, "2.12.2": true, "2.13.0": false, "3.0.0": false, "2.9.30": true, "2.12.3-RC.1": false, "": true, "2.12": true, "nine": true} {
		if got := older(version, leastServer); got != old {
			t.Errorf("%q: %v", version, got)
		}
	}
	d := &doctor{clock: time.Now}
	d.version("server old", "2.10.7")
	found(t, d.list, "nats-server 2.10.7; it has to be 2.12.3 or newer; install a newer one")
}
