package lab_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/test/lab"
)

// dropIn changes the service of msgd, and starts it anew.
func dropIn(host *lab.Host, lines ...string) {
	host.Must("sh", "-c", `mkdir -p /run/systemd/system/msgd.service.d && printf '%s\n' "$@" >/run/systemd/system/msgd.service.d/test.conf`,
		"sh", strings.Join(append([]string{"[Service]"}, lines...), "\n"))
	host.Must("systemctl", "daemon-reload")
	host.Must("systemctl", "restart", "msgd.service")
}

// eventually waits until a command of the shell succeeds.
func eventually(host *lab.Host, command string) {
	host.Must("sh", "-c", "until "+command+"; do sleep 0.05; done")
}

// TestUnits has systemd start msgd for a client, and again after a crash and
// when it hangs, but not with a wrong configuration.
func TestUnits(t *testing.T) {
	eachSuite(t, func(t *testing.T, host *lab.Host) {
		installPackage(t, host)
		bob := bothSignIn(host)
		if out := host.Must("sh", "-c", "systemd-analyze verify --man=no msgd.service msgd.socket 2>&1"); out != "" {
			t.Errorf("systemd-analyze verify: %s", out)
		}
		score := host.Must("systemd-analyze", "security", "--no-pager", "--threshold=35", "msgd.service")
		t.Log(score[strings.LastIndex(strings.TrimSpace(score), "\n")+1:])

		host.Must("systemctl", "stop", "msgd.service")
		inUse(t, host, bob, "started by a client")
		wantUnits(t, host, "after a client has come", "active")

		host.Must("kill", "-KILL", property(host, "msgd.service", "MainPID"))
		inUse(t, host, bob, "sent while it was down")
		if n := property(host, "msgd.service", "NRestarts"); n != "1" {
			t.Errorf("after kill -9 it was started again %s times", n)
		}

		dropIn(host, "WatchdogSec=2", "TimeoutAbortSec=1")
		inUse(t, host, bob, "under a watchdog")
		hung := property(host, "msgd.service", "MainPID")
		host.Must("kill", "-STOP", hung)
		eventually(host, `[ "$(systemctl show --property=MainPID --value msgd.service)" != `+hung+` ]`)
		inUse(t, host, bob, "sent after it hung")
		if log := host.Must("journalctl", "--unit=msgd.service"); !strings.Contains(log, "Watchdog timeout") {
			t.Errorf("the watchdog did nothing:\n%s", log)
		}
	})
}

// TestWrongConfiguration looks at what a client gets then: an answer, soon.
func TestWrongConfiguration(t *testing.T) {
	host := withUsers(lab.Boot(t, "bookworm"))
	installPackage(t, host)
	bob := bothSignIn(host)
	host.Must("sh", "-c", "echo '[limit]' >"+configFile)
	host.Run(t.Context(), "systemctl", "restart", "msgd.service")
	eventually(host, "systemctl --quiet is-failed msgd.service")
	if status := property(host, "msgd.service", "ExecMainStatus"); status != "78" {
		t.Errorf("exit status %s", status)
	}
	if r := host.Run(t.Context(), "msgd", "check"); r.Code != 1 || !strings.Contains(r.Stdout, `there is no "limit"`) {
		t.Errorf("msgd check: %+v", r)
	}
	r := host.Run(t.Context(), "timeout", "20", "runuser", "-u", "alice", "--", "msg", "bob", "hello")
	if r.Code != 1 || r.Took > 4*time.Second || !strings.Contains(r.Stderr, "somebody else's terminal") {
		t.Errorf("a client: %+v", r)
	}
	t.Logf("a client is told, after %v: %s", r.Took, r.Stderr)
	host.Must("sh", "-c", ": >"+configFile)
	host.Must("systemctl", "restart", "msgd.service")
	inUse(t, host, bob, "put right")
}

// capabilities are those that the unit leaves to msgd.
func capabilities(t *testing.T) []string {
	t.Helper()
	unit, err := os.ReadFile("../../dist/systemd/msgd.service")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(regexp.MustCompile(`(?m)^CapabilityBoundingSet=(.*)$`).FindStringSubmatch(string(unit))[1])
}

// TestCapabilities takes one capability after another away: each is missed by
// somebody, so none is there without need.
func TestCapabilities(t *testing.T) {
	host := withUsers(lab.Boot(t, "trixie"))
	installPackage(t, host)
	alice, bob := host.SSH("alice"), host.Screen("bob")
	alice.TTY()
	await(t, bob, lab.Shows("lab[/dev/pts/"))
	bob.Type("tmux\n")
	eventually(host, "runuser -u bob -- tmux list-clients 2>/dev/null | grep -q .")

	all := capabilities(t)
	for _, without := range append([]string{"nothing"}, all...) {
		kept := strings.Join(strings.Fields(strings.ReplaceAll(strings.Join(all, " "), without, "")), " ")
		dropIn(host, "CapabilityBoundingSet=", "CapabilityBoundingSet="+kept)
		got := whatWorks(t, host)
		want := map[string]works{
			"nothing":          {terminal: true, tmux: true, ended: true},
			"CAP_SETUID":       {terminal: true, ended: true}, // there is no helper to end
			"CAP_SETGID":       {terminal: true, ended: true},
			"CAP_DAC_OVERRIDE": {tmux: true, ended: true},
			"CAP_KILL":         {terminal: true, tmux: true},
		}[without]
		if got != want {
			t.Errorf("without %s: %+v, want %+v", without, got, want)
		}
	}
}

// works is what reaches people.
type works struct {
	terminal bool // alice's
	tmux     bool // bob's
	ended    bool // a process of bob's that does not answer
}

func whatWorks(t *testing.T, host *lab.Host) (w works) {
	t.Helper()
	for _, r := range sendToAll(t, host) {
		switch {
		case r.Session.User == "alice":
			w.terminal = r.Outcome == msg.OutcomeAccepted
		case r.Session.User == "bob":
			w.tmux = r.Outcome == msg.OutcomeAccepted && r.Surface == "tmux"
		}
	}
	const helper = "pgrep --uid bob --full msg-helper-user"
	host.Run(t.Context(), "sh", "-c", "kill -STOP $("+helper+")")
	sendToAll(t, host) // which the helper does not take
	w.ended = host.Run(t.Context(), "timeout", "8", "sh", "-c", "while "+helper+" >/dev/null; do sleep 0.05; done").Code == 0
	host.Run(t.Context(), "pkill", "-KILL", "--uid", "bob", "--full", "msg-helper-user")
	return w
}

func sendToAll(t *testing.T, host *lab.Host) []msg.Receipt {
	t.Helper()
	return receiptsOf(t, host.Run(t.Context(), "msg", "/json", "*", "hello").Stdout)
}

// TestWindowsOutliveMsgd restarts and kills msgd while a question waits: the
// window stays, and its answer counts.
func TestWindowsOutliveMsgd(t *testing.T) {
	eachSuite(t, func(t *testing.T, host *lab.Host) {
		installPackage(t, host)
		bob := host.Screen("bob")
		await(t, bob, lab.Shows("lab[/dev/pts/"))
		bob.Type("tmux\n")
		eventually(host, "runuser -u bob -- tmux list-clients 2>/dev/null | grep -q .")
		for name, end := range ends(host) {
			question := "Were you " + name + "?"
			sent := ask(t, host, question)
			await(t, bob, lab.Shows(question))
			end()
			<-sent
			if screen := bob.Show(); !strings.Contains(screen, question) {
				t.Errorf("%s: the window has gone:\n%s", name, screen)
			}
			host.Must("sleep", "1.5") // keys before that were meant for something else
			bob.Press("Enter")
			wantAnswer(t, host, question)
		}
	})
}

// ends are the ways in which msgd ends; each returns when the next one serves.
func ends(host *lab.Host) map[string]func() {
	next := func(end ...string) func() {
		return func() {
			before := property(host, "msgd.service", "MainPID")
			if end[0] == "kill" {
				end = append(end, before)
			}
			host.Must(end...)
			eventually(host, `systemctl --quiet is-active msgd.service && [ "$(systemctl show --property=MainPID --value msgd.service)" != `+before+` ]`)
		}
	}
	return map[string]func(){"restarted": next("systemctl", "restart", "msgd.service"), "killed": next("kill", "-KILL")}
}

// ask sends a question to bob, and gives what became of the command.
func ask(t *testing.T, host *lab.Host, question string) <-chan lab.Result {
	sent := make(chan lab.Result, 1)
	go func() { sent <- host.Run(t.Context(), "msg", "/json", "/buttons:yesno", "bob", question) }()
	return sent
}

// wantAnswer waits until the journal has bob's answer.
func wantAnswer(t *testing.T, host *lab.Host, question string) {
	t.Helper()
	const script = `until query message /json | grep -F "$1" | grep -q '"outcome":"answered","answer":"Yes"'; do sleep 0.05; done`
	if r := host.Run(t.Context(), "timeout", "10", "sh", "-c", script, "sh", question); r.Code != 0 {
		t.Errorf("%q has no answer in the journal:\n%s%s", question, host.Must("query", "message", "/json"),
			host.Must("journalctl", "--no-pager", "--unit=msgd.service"))
	}
}

// TestDesktopUnderTheUnit shows a notification and a window of our own, from
// within what the unit takes away, and restarts msgd before they are answered.
func TestDesktopUnderTheUnit(t *testing.T) {
	host := withUsers(lab.Desktop(t))
	installPackage(t, host)
	d := host.XFCE("bob")
	long := strings.Repeat("A line that the notification does not have room for.^n", 30)
	for i, question := range []string{"Lunch?", "Read this: " + long} {
		sent := ask(t, host, question)
		if i == 0 {
			must(t)(d.WaitButton("Yes", soon))
		} else {
			must(t)(d.WaitWindow("Message from root@"+host.Name, soon))
		}
		for _, end := range ends(host) {
			end()
		}
		<-sent
		d.Screenshot(fmt.Sprintf("after-the-restart-%d", i))
		if i == 0 {
			d.Click(must(t)(d.WaitButton("Yes", soon)))
		} else {
			host.Must("sleep", "1.5") // keys before that were meant for something else
			d.Press("Return")
		}
		wantAnswer(t, host, question[:5])
	}
}
