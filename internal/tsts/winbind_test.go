package tsts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"msg/internal/account"
	"msg/test/samba"
)

// computer is what winbind and the system say on a computer that is in no
// domain. As the real winbind there, it takes any domain for its own.
func computer(t testing.TB) *Names {
	t.Helper()
	etc := t.TempDir()
	for name, content := range map[string]string{"passwd": "root:x:0:0::/:/bin/sh\nalice:x:1001:1001::/:/bin/sh\n", "group": "msg:x:900:alice\nadmins:x:901:\n"} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &Names{Computer: "LINUXBOX", Realm: "MSG.TEST", Accounts: account.NewAt(etc), run: func(_ context.Context, name string, args ...string) (string, error) {
		line := strings.ToLower(name + " " + strings.Join(args, " "))
		switch {
		case line == "wbinfo --all-domains":
			return "BUILTIN\nLINUXBOX\n", nil
		case strings.HasPrefix(line, "wbinfo --name-to-sid=") && strings.HasSuffix(line, `\alice`):
			return "S-1-5-21-1-2-3-1000 SID_USER (1)\n", nil
		case strings.HasPrefix(line, "wbinfo --name-to-sid=") && strings.HasSuffix(line, `\root`):
			return "S-1-5-21-1-2-3-500 SID_USER (1)\n", nil
		case strings.HasPrefix(line, "wbinfo --name-to-sid=") && strings.HasSuffix(line, `\staff`):
			return "S-1-5-21-1-2-3-2000 SID_DOM_GROUP (2)\n", nil
		case line == "wbinfo --sid-to-uid=s-1-5-21-1-2-3-1000", line == "wbinfo --sid-to-uid=s-1-5-21-1-2-3-2000":
			return "1001\n", nil
		case line == "wbinfo --sid-to-uid=s-1-5-21-1-2-3-500":
			return "0\n", nil
		case line == "id -g -- alice":
			return "1001 900\n", nil
		}
		if said, ok := failures[line[strings.LastIndex(line, `\`)+1:]]; ok {
			return "", said
		}
		return "", fmt.Errorf("%s: %w: failed to call wbcLookupName: WBC_ERR_DOMAIN_NOT_FOUND", name, exec.Command("false").Run())
	}}
}

// failures are those of wbinfo, by who is asked for. They all end it in the way
// in which it ends where nobody has that name.
var failures = map[string]error{
	"carol": fmt.Errorf("wbinfo: %w: failed to call wbcLookupName: WBC_ERR_WINBIND_NOT_AVAILABLE", exec.Command("false").Run()),
	"dave":  fmt.Errorf("wbinfo: %w: failed to call wbcLookupName: WBC_ERR_NSS_ERROR", exec.Command("false").Run()),
	"erin":  fmt.Errorf("wbinfo: %w: failed to call wbcLookupName: WBC_ERR_NO_MEMORY", exec.Command("false").Run()),
	"frank": fmt.Errorf("wbinfo: %w: error while loading shared libraries: libwbclient.so.0", exec.Command("sh", "-c", "exit 127").Run()),
	"grace": fmt.Errorf("wbinfo: %w: ", exec.Command("false").Run()),
	"heidi": fmt.Errorf("wbinfo: %w: ", exec.Command("sh", "-c", "kill -KILL $$").Run()), // as at the end of its time
}

func TestDomain(t *testing.T) {
	n := computer(t)
	for name, want := range map[string]string{"": "LINUXBOX", ".": "LINUXBOX", "linuxbox": "LINUXBOX", "WINPC": "", "BUILTIN": "", "MSG.TEST": ""} {
		got, err := n.domain(t.Context(), name)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if _, err := n.domain(t.Context(), "WINPC"); err == nil || !strings.Contains(err.Error(), `cmdkey /add:linuxbox /user:LINUXBOX\name /pass`) {
		t.Errorf("the cure is not in %v", err)
	}
}

func TestLocal(t *testing.T) {
	for _, c := range []struct {
		domain, user string
		uid          uint32
		has          bool
	}{
		{"LINUXBOX", "Alice", 1001, true},
		{"MSG.TEST", "alice", 1001, true}, // the realm of the keytab
		{"OTHER.TEST", "alice", 0, false}, // which winbind would take for its own
		{"LINUXBOX", "root", 0, false},
		{"MSG.TEST", "root", 0, false},
		{"LINUXBOX", "staff", 0, false}, // a group
		{"LINUXBOX", "bob", 0, false},
	} {
		l, err := computer(t).local(t.Context(), c.domain, c.user)
		if err != nil || l.uid != c.uid || l.has != c.has || c.has && len(l.groups) != 2 {
			t.Errorf(`%s\%s: %+v, %v`, c.domain, c.user, l, err)
		}
	}
}

// TestLocalWithoutWinbind takes nobody for nobody because winbind is away, or
// wbinfo could not ask it.
func TestLocalWithoutWinbind(t *testing.T) {
	for user := range failures {
		n := computer(t)
		for range 2 { // the failure is not remembered either
			if l, err := n.local(t.Context(), "LINUXBOX", user); err == nil || l.has || len(n.known) != 0 {
				t.Errorf("%s: %+v, %v", user, l, err)
			}
		}
	}
	n := computer(t)
	if l, err := n.local(t.Context(), "LINUXBOX", "bob"); err != nil || l.has || len(n.known) != 1 {
		t.Errorf("who certainly is nobody: %+v, %v, %d are remembered", l, err, len(n.known))
	}
}

// fakeAuth is a program in the place of ntlm_auth.
func fakeAuth(t *testing.T, script string) *Winbind {
	t.Helper()
	w := &Winbind{Names: computer(t), Command: []string{"/bin/sh", "-c", script}}
	t.Cleanup(w.Close)
	return w
}

// readQuestion is the part of such a program that reads one question.
const readQuestion = `question() { while read -r line; do [ "$line" = . ] && return; echo "$line" >&3; done; exit; }; `

func TestVerify(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	w := fakeAuth(t, readQuestion+`exec 3>`+log+`
		question; echo "Authenticated: Yes"; echo "User-Session-Key: 000102030405060708090A0B0C0D0E0F"; echo .
		question; echo "Authenticated: No"; echo "Authentication-Error: Wrong Password"; echo .; echo .
		question; echo "Authenticated: Yes"; echo .
		question`)
	challenge := [8]byte{1, 2, 3, 4, 5, 6, 7, 8}
	key, who, err := w.Verify(t.Context(), challenge, "linuxbox", "alice", "", nil, []byte{0xab, 0xcd})
	if err != nil || key[15] != 15 || who.Domain != "LINUXBOX" || who.User != "alice" {
		t.Errorf("%x, %+v, %v", key, who, err)
	}
	b, err := os.ReadFile(log)
	const want = "LANMAN-Challenge: 0102030405060708\nNT-Response: abcd\nNT-Domain:: TElOVVhCT1g=\nUsername:: YWxpY2U=\nRequest-User-Session-Key: Yes\n"
	if string(b) != want || err != nil {
		t.Errorf("asked %q, %v", b, err)
	}
	if _, _, err := w.Verify(t.Context(), challenge, "", "alice", "", nil, nil); !errors.Is(err, errNotProved) || !strings.Contains(err.Error(), "Wrong Password") {
		t.Errorf("a wrong password: %v", err)
	}
	if _, _, err := w.Verify(t.Context(), challenge, "", "alice", "", nil, nil); !errors.Is(err, errKey) {
		t.Errorf("no key: %v", err) // by the same program, past the second dot
	}
}

// TestVerifyFails has the program fail in every way; the next one is asked then.
func TestVerifyFails(t *testing.T) {
	for name, script := range map[string]string{
		"ends":       "echo broken configuration >&2; exit 1",
		"complains":  readQuestion + `exec 3>/dev/null; question; echo "Error: hex decode failed!"; echo .; question`,
		"goes on":    "yes",
		"never ends": "yes | tr -d '\\n'",
	} {
		w := fakeAuth(t, script)
		for range 2 {
			if _, _, err := w.Verify(t.Context(), [8]byte{}, "", "alice", "", nil, nil); err == nil {
				t.Errorf("%s: proved", name)
			} else if name == "ends" && !strings.Contains(err.Error(), "broken configuration") && !strings.Contains(err.Error(), "broken pipe") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if len(w.idle) != 0 {
			t.Errorf("%s: %d are kept", name, len(w.idle))
		}
	}
	silent := fakeAuth(t, "exec sleep 10")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := silent.Verify(ctx, [8]byte{}, "", "alice", "", nil, nil); err == nil {
		t.Error("a program that says nothing: proved")
	}
}

// TestSambaNobody has the real winbind say that it knows nobody of a name.
func TestSambaNobody(t *testing.T) {
	samba.Get(t)
	n := &Names{Computer: "LINUXBOX", Accounts: account.New()}
	for user, has := range map[string]bool{"alice": true, "nobody-there": false} {
		if l, err := n.local(t.Context(), "LINUXBOX", user); err != nil || l.has != has {
			t.Errorf("%s: %+v, %v", user, l, err)
		}
	}
}
