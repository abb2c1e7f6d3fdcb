package samba

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"msg"
	"msg/internal/hosttest"
	"msg/internal/tsts"
)

// buildMsgd builds msgd and returns its path.
func buildMsgd(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "msgd")
	cmd := exec.Command("go", "build", "-o", path, "msg/cmd/msgd")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// configure writes a configuration that offers msgd to Windows, with all that it
// keeps in a folder of the test.
func configure(t testing.TB) (args []string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "msgd.toml")
	text := fmt.Sprintf("[windows]\nlisten = true\nkeytab = %q\n[journal]\npath = %q\n[fleet]\npath = %q\n",
		Keytab, filepath.Join(dir, "journal.db"), filepath.Join(dir, "fleet"))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"serve", "--config", path, "--socket", filepath.Join(dir, "msgd.sock")}
}

// terminal is a real one that bob sits at.
func terminal(t testing.TB) *hosttest.PTY {
	t.Helper()
	p := hosttest.OpenPTY(t, 80, 24)
	if err := os.Chown("/dev/"+p.Name, 1002, 1002); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1002, Gid: 1002}}
	p.Start(t, cmd)
	return p
}

// TestServe has the real msgd make the sockets by itself, before smbd starts, and
// make them again after it was killed.
func TestServe(t *testing.T) {
	s := Get(t)
	program, args := buildMsgd(t), configure(t)
	t.Cleanup(func() { // those of a msgd that is killed stay
		for name := range tsts.Pipes {
			_ = os.Remove(filepath.Join(Sockets, name))
		}
	})
	start := func() *process {
		p, err := launch(program, args...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			p.stop()
			if t.Failed() {
				t.Logf("%s", p.out.Bytes())
			}
		})
		return p
	}
	first := start()
	s.RestartSmbd(t)
	p := terminal(t)
	for _, text := range []string{"before", "after a crash"} {
		h := host(t, as("alice"))
		list, err := h.Sessions(t.Context())
		if err != nil || len(list) != 1 || list[0].Name != p.Name || list[0].User != `LINUXBOX\bob` {
			t.Fatalf("%+v, %v", list, err)
		}
		if got, err := send(t, t.Context(), h, p.Name, hosttest.Message(text)); err != nil || got[list[0].ID].Outcome != msg.OutcomeAccepted {
			t.Fatalf("%+v, %v", got, err)
		}
		if !p.Screen.Wait(t.Context(), text) || !strings.Contains(p.Screen.String(), `LINUXBOX\alice`) {
			t.Errorf("on the screen: %q", p.Screen.String())
		}
		if text == "before" {
			first.stop() // with SIGKILL: the sockets stay
			start()
		}
	}
	// Samba's own pipes, which samba-dcerpcd puts beside them, go on.
	if out, err := exec.Command("smbclient", "-L", Name, "-U", "alice%"+Password("alice")).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("IPC$")) {
		t.Errorf("%v\n%s", err, out)
	}
	if info, err := os.Stat(Sockets); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestTextLimit has texts of the limit and of a byte more, by our client, which
// does not send them, and by one that does.
func TestTextLimit(t *testing.T) {
	o := open(t, nil, seat("1", "pts/1", "bob", msg.OutcomeAnswered, msg.LabelOK))
	h := host(t, as("alice"))
	long := strings.Repeat("€", (msg.MaxText-2)/3) + "ab"
	for text, ok := range map[string]bool{long: true, long + "c": false} {
		got, err := send(t, t.Context(), h, "1", hosttest.Message(text))
		if ok && (err != nil || got["1"].Outcome != msg.OutcomeAccepted) || !ok && (!errors.Is(err, msg.ErrMessage) || !strings.Contains(err.Error(), "8193 bytes")) {
			t.Errorf("%d bytes: %+v, %v", len(text), got, err)
		}
	}
	shown := func() int { return strings.Count(o.Screen(msg.Session{ID: "1"}).String(), long+"\n") }
	if shown() != 1 {
		t.Errorf("shown %d times", shown())
	}
	needsImpacket(t)
	alice := known("alice", "LINUXBOX")
	for text, want := range map[string]string{long: "answer 1, result 0x0", long + "c": "answer 0, result 0x80070057"} {
		if got := (caller{Name, "1", text, alice, alice, levelPrivacy, ""}).call(t); got != want {
			t.Errorf("%d bytes by Impacket: %s, want %s", len(text), got, want)
		}
	}
	if shown() != 2 {
		t.Errorf("shown %d times", shown())
	}
}
