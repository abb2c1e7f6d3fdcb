package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/account"
	"msg/internal/hosttest"
)

// desktopOf is a graphical session of a user.
func desktopOf(uid uint32) place {
	p := place{uid: uid}
	p.Kind = msg.KindDesktop
	return p
}

// shell makes helpers of a user that a script plays.
func (d *desk) shell(script string) {
	d.windows.command = func(account.Account) (*exec.Cmd, error) {
		return exec.Command("sh", "-c", script), nil
	}
}

// TestHostileHelper has helpers that somebody has changed. What they do
// concerns the windows of their user alone, and that at once.
func TestHostileHelper(t *testing.T) {
	const accept = `read l; echo '{"id":1,"outcome":"accepted"}' >&0; `
	for _, c := range []struct {
		name   string
		script string
		shown  bool // it says that the message is on the screen
		want   string
	}{
		{"ends at once", "exit 1", false, "the helper ended"},
		{"cannot be run", "exec /nonexistent", false, "the helper ended"},
		{"garbage", "head -c 100 /dev/urandom | tr -d '\\n' >&0; echo >&0; sleep 60", false, errReply.Error()},
		{"a flood", "yes '{\"id\":1,\"outcome\":\"accepted\"}' >&0", true, errReply.Error()},
		{"a line without an end", "exec 3>&0; tr '\\0' x </dev/zero >&3", false, errReply.Error()},
		{"an answer to what was not shown", `read l; echo '{"id":1,"outcome":"answered","answer":"Yes","end":true}' >&0; sleep 60`, false, errReply.Error()},
		{"another window", `read l; echo '{"id":7,"outcome":"accepted"}' >&0; sleep 60`, false, errReply.Error()},
		{"queued", `read l; echo '{"id":1,"outcome":"queued"}' >&0; sleep 60`, false, errReply.Error()},
		{"an answer that is no button", accept + `echo '{"id":1,"outcome":"answered","answer":"OK","end":true}' >&0; sleep 60`, true, errReply.Error()},
		{"shown twice", accept + `echo '{"id":1,"outcome":"accepted"}' >&0; sleep 60`, true, errReply.Error()},
		{"ends later", accept + "exit 0", true, "the helper ended"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.shell(c.script)
			begin := time.Now()
			w := d.show(ask("hello", msg.ButtonsYesNo))
			if c.shown {
				want(t, w, msg.OutcomeAccepted, "", "")
			}
			want(t, w, msg.OutcomeFailed, "", c.want)
			wantEnd(t, w)
			if after := time.Since(begin); after > 2*time.Second {
				t.Errorf("it took %v to find out", after)
			}
			d.wantEnded()
		})
	}
}

// wantEnded waits until no helper is running any more.
func (d *desk) wantEnded() {
	d.t.Helper()
	ended := make(chan struct{})
	go func() {
		d.windows.reaping.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-inTime(d.t).Done():
		d.t.Error("a helper was left running")
	}
}

// TestHostileDetail has a helper with a text for the sender's terminal.
func TestHostileDetail(t *testing.T) {
	d := newDesk(t)
	d.shell(`read l; printf '{"id":1,"outcome":"failed","end":true,"detail":"\\u001b[2J%0500d"}\n' 0 >&0; sleep 60`)
	e := next(t, d.show(ask("hello", msg.ButtonsOK)))
	if e.Outcome != msg.OutcomeFailed || strings.ContainsRune(e.Detail, 0x1b) || len([]rune(e.Detail)) > maxDetail {
		t.Errorf("event %+v", e)
	}
}

// TestStoppedHelper has one user whose helper does nothing, and others who
// must not notice. Afterwards that user gets a new one.
func TestStoppedHelper(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a time-out")
	}
	d := newDesk(t)
	n := hosttest.StartNotifications(t, d.bus, hosttest.XfceNotifier)
	good := d.windows.command
	d.shell("kill -STOP $$")
	patient := d.windows.within
	d.windows.within = newWindows(nil).within
	stuck := d.show(ask("one", msg.ButtonsOK))
	tmux := place{uid: uint32(os.Getuid()), tty: "pts/0", client: &tmuxClient{pid: os.Getpid()}}
	begin := time.Now()
	want(t, d.windows.show(t.Context(), tmux, ask("two", msg.ButtonsOK)), msg.OutcomeFailed, "", errSilent.Error())
	if after := time.Since(begin); after > tmuxTimeout+helperGrace+time.Second {
		t.Errorf("it took %v", after)
	}
	want(t, stuck, msg.OutcomeFailed, "", errSilent.Error())
	d.wantEnded()
	d.windows.command, d.windows.within = good, patient
	want(t, d.show(hosttest.Message("three")), msg.OutcomeAccepted, "", "")
	n.Next(inTime(t))
}

// TestHelperOfManyWindows holds the bound on what one user can have.
func TestHelperOfManyWindows(t *testing.T) {
	d := newDesk(t)
	d.shell(`while read l; do i=$((i+1)); echo "{\"id\":$i,\"outcome\":\"accepted\"}" >&0; done`)
	for range maxWindows {
		want(t, d.show(ask("hello", msg.ButtonsOK)), msg.OutcomeAccepted, "", "")
	}
	want(t, d.show(ask("hello", msg.ButtonsOK)), msg.OutcomeFailed, "", "messages are on the screen")
}

// TestHelperIdle holds that a helper stays for the next message, and then goes.
func TestHelperIdle(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	n := hosttest.StartNotifications(t, d.bus, hosttest.XfceNotifier)
	d.windows.idle = 300 * time.Millisecond
	var pids []int
	for range 2 {
		w := d.show(ask("hello", msg.ButtonsOK))
		x := n.Next(inTime(t))
		want(t, w, msg.OutcomeAccepted, "", "")
		pids = append(pids, d.helper().process.Pid)
		n.Press(x.ID, "ok")
		want(t, w, msg.OutcomeAnswered, "OK", "")
	}
	if pids[0] != pids[1] {
		t.Error("each message had a helper of its own")
	}
	d.wantEnded()
	if d.helper() != nil {
		t.Error("a helper that has ended would get the next message")
	}
	want(t, d.show(hosttest.Message("again")), msg.OutcomeAccepted, "", "")
}

func (d *desk) helper() *helper {
	d.windows.mu.Lock()
	defer d.windows.mu.Unlock()
	return d.windows.helpers[uint32(os.Getuid())]
}

// TestWindowsLetGo holds that what is on the screen stays there when this
// process does not wait any more, and is taken off it when its time is over.
func TestWindowsLetGo(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	n := hosttest.StartNotifications(t, d.bus, hosttest.XfceNotifier)
	plain, asking := hosttest.Message("plain"), ask("question", msg.ButtonsYesNo)
	plain.Timeout, asking.Timeout = 500*time.Millisecond, time.Second
	w, x := d.show(plain), d.show(asking)
	n.Next(inTime(t))
	n.Next(inTime(t))
	want(t, w, msg.OutcomeAccepted, "", "")
	want(t, x, msg.OutcomeAccepted, "", "")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, x, msg.OutcomeFailed, "", errLetGo.Error())
	want(t, d.show(plain), msg.OutcomeFailed, "", errLetGo.Error())
	if len(n.Closed) > 0 {
		t.Error("windows were taken off the screen")
	}
	for range 2 {
		select {
		case <-n.Closed:
		case <-inTime(t).Done():
			t.Fatal("a window stays for ever")
		}
	}
	d.wantEnded()
}

// TestWindowsStayWhenMsgdEnds ends what waits as msgd does when it is restarted:
// the windows stay, whoever looks at them, and go when their time is over.
func TestWindowsStayWhenMsgdEnds(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	n := hosttest.StartNotifications(t, d.bus, hosttest.XfceNotifier)
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	one, two := ask("one", msg.ButtonsYesNo), ask("two", msg.ButtonsYesNo)
	one.Timeout, two.Timeout = time.Second, time.Second
	p := desktopOf(uint32(os.Getuid()))
	began := time.Now()
	stopped, closed := d.windows.show(ctx, p, one), d.windows.show(ctx, p, two)
	n.Next(inTime(t))
	n.Next(inTime(t))
	want(t, stopped, msg.OutcomeAccepted, "", "")
	want(t, closed, msg.OutcomeAccepted, "", "")
	stop(fmt.Errorf("restart: %w", msg.ErrStopping))
	closed.close() // which whoever waited for it does at its end
	want(t, stopped, msg.OutcomeFailed, "", msg.ErrStopping.Error())
	want(t, closed, msg.OutcomeFailed, "", msg.ErrStopping.Error())
	stopped.close()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		select {
		case <-n.Closed:
			if shown := time.Since(began); shown < one.Timeout {
				t.Errorf("a window was taken off the screen after %v", shown)
			}
		case <-inTime(t).Done():
			t.Fatal("a window stays for ever")
		}
	}
	d.wantEnded()
}

func TestHelperWithoutAccount(t *testing.T) {
	d := newDesk(t)
	const nobody = 3999999999
	want(t, d.windows.show(t.Context(), desktopOf(nobody), hosttest.Message("hello")), msg.OutcomeFailed, "", "looking up user")
	if os.Getuid() != 0 {
		want(t, d.windows.show(t.Context(), desktopOf(0), hosttest.Message("hello")), msg.OutcomeFailed, "", "permission denied")
	}
}

// TestHelperRights looks at a helper of another user: it has that user's
// rights and no others, and nothing of this process.
func TestHelperRights(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can act for others")
	}
	d := newDesk(t)
	t.Setenv("SECRET", "x")
	d.dir = filepath.Join(d.windows.desktop.Runtime, strconv.Itoa(unprivileged))
	if err := errors.Join(os.Mkdir(d.dir, 0o700), os.Chmod(d.windows.desktop.Runtime, 0o755)); err != nil {
		t.Fatal(err)
	}
	n := hosttest.StartNotifications(t, hosttest.BusOf(t, d.dir, unprivileged), hosttest.XfceNotifier)
	w := d.windows.show(t.Context(), desktopOf(unprivileged), ask("hello", msg.ButtonsYesNo))
	x := n.Next(inTime(t))
	want(t, w, msg.OutcomeAccepted, "", "")
	checkRights(t, d.windows.helpers[unprivileged].process.Pid)
	n.Press(x.ID, "yes")
	want(t, w, msg.OutcomeAnswered, "Yes", "")
}

// unprivileged is an account that every Debian has.
const unprivileged = 65534

// checkRights looks at a process of unprivileged.
func checkRights(t *testing.T, pid int) {
	t.Helper()
	fs := procFS{root: "/proc"}
	account, err := account.New().Account(unprivileged)
	if err != nil {
		t.Fatal(err)
	}
	status, _ := os.ReadFile(fs.path(pid, "status"))
	ids := fmt.Sprintf("%d\t%[1]d\t%[1]d\t%[1]d\n", unprivileged)
	for _, line := range []string{"Uid:\t" + ids, "Gid:\t" + ids, "CapEff:\t0000000000000000\n", "CapPrm:\t0000000000000000\n"} {
		if !strings.Contains(string(status), line) {
			t.Errorf("the helper has not %q: %s", line, status)
		}
	}
	_, groups, _ := strings.Cut(string(status), "Groups:\t")
	groups, _, _ = strings.Cut(groups, "\n")
	if len(strings.Fields(groups)) != len(account.Groups) {
		t.Errorf("the helper has the groups %q", groups)
	}
	stat, _ := os.ReadFile(fs.path(pid, "stat"))
	if p, err := parseStat(stat); err != nil || p.session != pid || p.tty != 0 {
		t.Errorf("the helper is in session %d on terminal %d, %v", p.session, p.tty, err)
	}
	environ, _ := os.ReadFile(fs.path(pid, "environ"))
	if strings.Contains(string(environ), "SECRET") || !strings.Contains(string(environ), "HOME="+account.Home+"\x00") {
		t.Errorf("the environment of the helper is %q", environ)
	}
	for fd, prefix := range map[string]string{"0": "socket:", "1": "/dev/null", "2": "/dev/null"} {
		if target, err := os.Readlink(fs.path(pid, "fd/"+fd)); !strings.HasPrefix(target, prefix) {
			t.Errorf("descriptor %s of the helper is %q, %v", fd, target, err)
		}
	}
}
