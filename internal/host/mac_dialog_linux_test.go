package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/hosttest"
)

// TestMacDialogArguments compares how the programs were called, text and all,
// with what is in testdata: whatever a text holds, it is one argument, and the
// script is the same.
func TestMacDialogArguments(t *testing.T) {
	var out strings.Builder
	for _, c := range []struct {
		name, title, text string
		root              bool
		buttons           msg.Buttons
		timeout           time.Duration
	}{
		{"plain", "", "Grüße aus 東京", false, "", time.Minute},
		{"from root", "Tonight", "The server goes down.", true, "", 0},
		{"a question", "Sure?", "one\ntwo", true, msg.ButtonsYesNoCancel, 1500 * time.Millisecond},
		{"quotes", `"title"`, `say "hi" & it's \ done`, false, "", time.Hour},
		{"a script", `" & (do shell script "id")`, `" & (do shell script "touch /tmp/owned") & "`, true, msg.ButtonsOKCancel, time.Second},
		{"options", "-e", "-e\nreturn 1", true, "", time.Second},
		{"shell", "$(id)", "`id`; $(id) | id > /tmp/owned", true, "", time.Second},
		{"control characters", "\x1b[2J", "a\x00b\r\n\x1b]0;owned\a\u202e", false, "", time.Second},
		{"for ever and a day", "t", "x", false, "", 1 << 62},
	} {
		w := newMacWorld(t)
		p := macPlace{uid: 70501, Session: msg.Session{ID: "gui/70501", Account: "70501", Kind: msg.KindDesktop}}
		if w.uid = 70501; c.root {
			w.uid = 0
		}
		m := msg.Message{ID: "01M86N6FEZRRTRDJY0ZEAAAAAA", From: "root@test", Title: c.title, Text: c.text, Buttons: c.buttons,
			Wait: c.buttons != "", Timeout: c.timeout, Sent: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC), Locale: "de_DE"}
		ended, err := w.startDialog(t.Context(), p, m)
		if err != nil {
			t.Fatal(err)
		}
		w.press("done pressed OK")
		<-ended
		fmt.Fprintf(&out, "# %s\n", c.name)
		for range map[bool]int{false: 1, true: 3}[c.root] {
			call := <-w.calls
			for i, arg := range call.argv {
				arg = strings.ReplaceAll(strings.ReplaceAll(arg, w.dir, "DIR"), macScript, "SCRIPT")
				fmt.Fprintf(&out, "%s%q\n", strings.Repeat("\t", min(i, 1)), arg)
			}
		}
	}
	golden(t, "mac_dialog.golden", out.String())
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil || got != string(want) {
		t.Errorf("%s (%v) should be\n%s", name, err, got)
	}
}

// TestMacScript holds that the script is what it was when somebody last thought
// about it: there is nothing in it that a message could change.
func TestMacScript(t *testing.T) { golden(t, "mac_dialog.applescript", macScript+"\n") }

func TestMacDialogAnswers(t *testing.T) {
	for _, c := range []struct {
		name    string
		reply   string
		buttons msg.Buttons
		want    string // outcome, answer, detail
	}{
		{"pressed", "done pressed Yes", msg.ButtonsYesNo, "answered Yes "},
		{"the other one", "done pressed No", msg.ButtonsYesNo, "answered No "},
		{"Cancel comes as an error of the language", "done closed", msg.ButtonsRetryCancel, "answered Cancel "},
		{"closed where there is no Cancel", "done closed", msg.ButtonsYesNo, "dismissed  "},
		{"its time is over", "done gave up", msg.ButtonsYesNo, "expired  "},
		{"a button that there is not", "done pressed Maybe", msg.ButtonsYesNo, `failed  osascript printed "pressed Maybe", which is no answer`},
		{"nothing", "done", msg.ButtonsOK, `failed  osascript printed "", which is no answer`},
		{"hostile", "done \x1b]0;x\a", msg.ButtonsOK, `failed  osascript printed "` + "^[]0;x^G" + `", which is no answer`},
		{"no screen", "fail execution error: No user interaction allowed. (-1713)", msg.ButtonsOK, "failed  osascript: execution error: No user interaction allowed. (-1713)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newMacWorld(t)
			w.login(me(macConsole))
			line := w.terminal(hosttest.OpenPTY(t, 80, 24))
			m := hosttest.Message("well?")
			m.Wait, m.Buttons, m.Timeout = true, c.buttons, 0
			w.press(c.reply)
			got := w.send(t.Context(), "*", m)
			d := got[myDesktop()]
			if is := fmt.Sprintln(d.Outcome, d.Answer, d.Detail); is != c.want+"\n" || d.Surface != surfaceDesktop || !d.Final {
				t.Errorf("the desktop: %q on %s, want %q", is, d.Surface, c.want)
			}
			x := got[line]
			if x.Surface != surfaceTerminal || d.Outcome == msg.OutcomeFailed && x.Outcome != msg.OutcomeExpired ||
				d.Outcome != msg.OutcomeFailed && (x.Outcome != d.Outcome || x.Answer != d.Answer) {
				t.Errorf("the terminal of the same person: %+v", x)
			}
			if shown := w.ptys[line].Screen.String(); strings.Contains(shown, "msg /") {
				t.Errorf("a terminal says how to answer, which nobody can there: %q", shown)
			}
		})
	}
}

// TestMacDialogWithoutAnswer holds that a message that does not wait is over when
// the dialog is on the screen, and leaves it there.
func TestMacDialogWithoutAnswer(t *testing.T) {
	w := newMacWorld(t)
	w.login(me(macConsole))
	if r := w.send(t.Context(), "*", hosttest.Message("lunch"))[myDesktop()]; r.Outcome != msg.OutcomeAccepted || r.Surface != surfaceDesktop {
		t.Errorf("receipt %+v", r)
	}
}

// TestMacDialogFailsAtOnce holds that a dialog which is never on the screen is
// not said to have been.
func TestMacDialogFailsAtOnce(t *testing.T) {
	w := newMacWorld(t)
	w.login(me(macConsole))
	w.settled = func() <-chan time.Time { return nil }
	w.press("fail execution error: No user interaction allowed. (-1713)")
	r := w.send(t.Context(), "*", hosttest.Message("lunch"))[myDesktop()]
	if r.Outcome != msg.OutcomeFailed || r.Detail != "osascript: execution error: No user interaction allowed. (-1713)" {
		t.Errorf("receipt %+v", r)
	}
	w.tools.osascript = filepath.Join(w.dir, "none")
	if r := w.send(t.Context(), "*", hosttest.Message("lunch"))[myDesktop()]; r.Outcome != msg.OutcomeFailed || !strings.HasPrefix(r.Detail, "starting osascript") {
		t.Errorf("without osascript: %+v", r)
	}
}

// TestMacDialogForOthers holds that nobody but root reaches another's desktop,
// and that a terminal whose user has none is not waited for.
func TestMacDialogForOthers(t *testing.T) {
	w := newMacWorld(t)
	w.uid = 70999
	w.login(utmpxEntry{pid: os.Getpid(), user: "alice", line: macConsole})
	line := w.terminal(hosttest.OpenPTY(t, 80, 24))
	m := hosttest.Message("well?")
	m.Wait, m.Timeout = true, 0
	got := w.send(t.Context(), "*", m)
	if r := got["gui/70501"]; r.Outcome != msg.OutcomeFailed || r.Detail != errMacOther.Error() {
		t.Errorf("alice's desktop: %+v", r)
	}
	if r := got[line]; r.Outcome != msg.OutcomeExpired || r.Detail != macNoAnswer {
		t.Errorf("a terminal without a desktop: %+v", r)
	}
	if len(w.calls) > 0 {
		t.Errorf("called %q", (<-w.calls).argv)
	}
}
