package lab_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"msg"
	"msg/test/lab"
)

// withDaemon is eachInstalled with msgd running, started by its socket, and the
// user carol beside alice and bob; alice is in the group msg.
func withDaemon(t *testing.T, test func(t *testing.T, host *lab.Host)) {
	eachInstalled(t, func(t *testing.T, host *lab.Host) {
		startDaemon(t, host)
		test(t, host)
	})
}

// startDaemon installs msgd with its units on a host that has the commands.
func startDaemon(t testing.TB, host *lab.Host) {
	t.Helper()
	host.Copy(filepath.Join(built.dir, "msgd"), "/usr/bin/msgd")
	for _, unit := range []string{"msgd.socket", "msgd.service"} {
		host.Copy(filepath.Join("..", "..", "dist", "systemd", unit), "/etc/systemd/system/"+unit)
	}
	host.Copy(filepath.Join("..", "..", "dist", "sysusers.d", "msg.conf"), "/usr/lib/sysusers.d/msg.conf")
	host.Must("systemd-sysusers")
	host.AddUser("carol")
	host.Must("usermod", "--append", "--groups", "msg", "alice")
	host.Must("systemctl", "daemon-reload")
	host.Must("systemctl", "start", "msgd.socket")
}

// records are the journal as root sees it.
func records(t *testing.T, host *lab.Host, id ...string) []msg.Record {
	t.Helper()
	return readJSON[msg.Record](t, host.Must(append([]string{"query", "message", "/json"}, id...)...))
}

// TestWhoMaySend has somebody outside the group msg send to others, and
// somebody inside it.
func TestWhoMaySend(t *testing.T) {
	withDaemon(t, func(t *testing.T, host *lab.Host) {
		alice, bob := host.SSH("alice"), host.SSH("bob")
		alice.TTY()
		bob.TTY()

		bob.Type("msg alice from-bob-$((40+2)); echo code=$?\r")
		waitFor(t, bob, "code=1")
		waitFor(t, bob, "not allowed")
		bob.Type("msg '*' to-all-$((40+2)); echo second=$?\r")
		waitFor(t, bob, "second=1")
		waitFor(t, bob, "to-all-42") // on his own terminal
		if strings.Contains(alice.Output(), "-42") {
			t.Errorf("alice was shown what bob may not send:\n%s", alice.Output())
		}
		bob.Type("msg bob to-$((40+2))-myself; echo third=$?\r")
		waitFor(t, bob, "to-42-myself")
		waitFor(t, bob, "third=0")

		alice.Type("msg '*' from-alice-$((40+2)); echo code=$?\r")
		waitFor(t, alice, "code=0")
		waitFor(t, bob, "from-alice-42")
		waitFor(t, bob, "Message from alice@"+host.Name)

		var refused, sent int
		for _, r := range records(t, host) {
			switch {
			case r.Message.From == "bob@"+host.Name && (r.Refused != "" || slices.ContainsFunc(r.Receipts, refusal)):
				refused++
			case r.Message.From == "alice@"+host.Name && len(r.Receipts) == 2:
				sent++
			}
		}
		if refused != 2 || sent != 1 {
			t.Errorf("the journal has %d refusals and %d messages of alice\n%s", refused, sent, host.Must("query", "message"))
		}
	})
}

func refusal(r msg.Receipt) bool { return r.Outcome == msg.OutcomeRefused }

// answer is the ID that a message names for answers from elsewhere.
var answer = regexp.MustCompile(`msg /(?:ok|answer:[a-z]+):([0-9A-Z]{6})`)

// idOn returns the ID of the message on a terminal that asks for an answer.
func idOn(t *testing.T, term *lab.Term) string {
	t.Helper()
	m := answer.FindStringSubmatch(term.Output())
	if m == nil {
		t.Fatalf("the terminal names no ID:\n%s", term.Output())
	}
	return m[1]
}

// TestAnswers answers from the terminal that was asked, from a second one of
// the same user, and from inside tmux; nobody can answer for somebody else.
func TestAnswers(t *testing.T) {
	withDaemon(t, func(t *testing.T, host *lab.Host) {
		asker, bob, second, carol := host.SSH("alice"), host.SSH("bob"), host.SSH("bob"), host.SSH("carol")
		for _, term := range []*lab.Term{asker, bob, second, carol} {
			term.TTY()
		}

		asker.Type("msg /v /w " + bob.TTY() + " first-question; echo code=$?\r")
		waitFor(t, bob, "msg /ok")
		id := idOn(t, bob)
		carol.Type("msg /ok:" + id + "; echo stolen=$?\r")
		waitFor(t, carol, "stolen=1")
		bob.Type("msg /ok; echo given=$?\r")
		waitFor(t, bob, "given=0")
		waitFor(t, asker, "Message to session "+bob.TTY()+" was answered: OK (bob, after ")
		waitFor(t, asker, "code=0")

		asker.Type("msg /v /buttons:yesno " + bob.TTY() + " second-question; echo two=$?\r")
		waitFor(t, bob, "msg /answer:yes")
		ids := answer.FindAllStringSubmatch(bob.Output(), -1)
		second.Type("msg /answer:no:" + ids[len(ids)-1][1] + "; echo given=$?\r")
		waitFor(t, second, "given=0")
		waitFor(t, asker, "was answered: No (bob, after ")
		waitFor(t, asker, "two=0")
	})
}

// TestAnswerInTmux presses Enter in a popup, and Escape in another.
func TestAnswerInTmux(t *testing.T) {
	withDaemon(t, func(t *testing.T, host *lab.Host) {
		screen := host.Screen("bob")
		await(t, screen, lab.Shows("lab[/dev/pts/"))
		screen.Type("tmux")
		screen.Press("Enter")
		await(t, screen, lab.Shows("0:bash*"))
		before := screen.Show()

		asker := host.SSH("alice")
		asker.TTY()
		asker.Type("msg /v /buttons:yesno bob may-I-restart; echo code=$?\r")
		await(t, screen, func(s string) bool {
			return strings.Contains(s, "may-I-restart") && strings.Contains(s, "[ Yes ]") && strings.Contains(s, "[ No ]")
		})
		pressLater(host, screen, "Right", "Enter") // No
		waitFor(t, asker, "was answered: No (bob, after ")
		waitFor(t, asker, "code=0")
		await(t, screen, func(s string) bool { return sameScreen(before, s) || !strings.Contains(s, "may-I-restart") })
	})
}

// pressLater presses keys when a popup heeds them: not in its first second, and
// not while somebody is typing.
func pressLater(host *lab.Host, screen *lab.Screen, keys ...string) {
	host.Must("sleep", "1.5")
	screen.Press(keys...)
}

// TestInterrupt takes the question off the screen when the asker gives up.
func TestInterrupt(t *testing.T) {
	withDaemon(t, func(t *testing.T, host *lab.Host) {
		screen := host.Screen("bob")
		await(t, screen, lab.Shows("lab[/dev/pts/"))
		screen.Type("tmux")
		screen.Press("Enter")
		await(t, screen, lab.Shows("0:bash*"))
		asker := host.SSH("alice")
		asker.TTY()
		asker.Type("msg /w /time:0 bob never-mind; echo code=$?\r")
		await(t, screen, lab.Shows("never-mind"))
		asker.Type("\x03")
		waitFor(t, asker, "code=130")
		await(t, screen, func(s string) bool { return !strings.Contains(s, "never-mind") })
	})
}

// TestQueue keeps a message for somebody who is not there.
func TestQueue(t *testing.T) {
	withDaemon(t, func(t *testing.T, host *lab.Host) {
		host.Must("msg", "/queue:1h", "bob,carol", "for-later")
		if r := host.Run(t.Context(), "msg", "/queue:1h", "nobody-here", "lost"); r.Code != 1 {
			t.Errorf("a message for no account: %+v", r)
		}
		// It outlives a crash.
		host.Must("systemctl", "kill", "--signal=KILL", "msgd.service")
		host.Must("query", "message")
		bob := host.SSH("bob")
		waitFor(t, bob, "for-later")
		carol, again := host.SSH("carol"), host.SSH("bob")
		waitFor(t, carol, "for-later")
		again.TTY()
		host.Must("msg", "bob", "the-last-one")
		waitFor(t, again, "the-last-one")
		if strings.Contains(again.Output(), "for-later") || strings.Count(bob.Output(), "for-later") != 1 {
			t.Error("it was shown twice")
		}
		var outcomes []string
		for _, r := range records(t, host) {
			if r.Message.Text == "for-later" {
				for _, receipt := range r.Receipts {
					outcomes = append(outcomes, string(receipt.Outcome))
				}
			}
		}
		if strings.Join(outcomes, " ") != "accepted accepted" {
			t.Errorf("the journal has %q\n%s", outcomes, host.Must("query", "message"))
		}
	})
}

// TestDoNotDisturb is bob's to switch.
func TestDoNotDisturb(t *testing.T) {
	withDaemon(t, func(t *testing.T, host *lab.Host) {
		bob := host.SSH("bob")
		bob.TTY()
		bob.Type("msg /dnd on; echo on=$?\r")
		waitFor(t, bob, "on=0")
		if r := host.Run(t.Context(), "msg", "bob", "not-now"); r.Code != 1 || !strings.Contains(r.Stderr, "disturbed") {
			t.Errorf("msg: %+v", r)
		}
		bob.Type("msg /dnd off; echo off=$?\r")
		waitFor(t, bob, "off=0")
		host.Must("msg", "bob", "now-then")
		waitFor(t, bob, "now-then")
		if strings.Contains(bob.Output(), "not-now") {
			t.Error("bob was disturbed")
		}
	})
}
