package host

import (
	"slices"
	"strings"
	"testing"

	"msg"
	"msg/internal/hosttest"
)

func TestWays(t *testing.T) {
	info := func(k hosttest.Notifier) *notifier {
		return &notifier{k.Name, k.Vendor, k.Version, k.Capabilities}
	}
	old := &notifier{"Notification Daemon", "GNOME", "3.20.0", []string{"actions", "body"}}
	mate := &notifier{"Notification Daemon", "MATE", "1.26.0", []string{"actions", "body"}}
	wordless := &notifier{"gnome-shell", "GNOME", "43", []string{"actions"}}
	short, long, lines := "hello", strings.Repeat("word ", 200), strings.Repeat("line\n", 12)
	notification, dialog := []way{byNotification, byDialog}, []way{byDialog, byNotification}
	for _, c := range []struct {
		name string
		v    *notifier
		text string
		wait bool
		want []way
	}{
		{"buttons", info(hosttest.XfceNotifier), short, true, notification},
		{"buttons, long", info(hosttest.XfceNotifier), long, true, dialog},
		{"buttons, many lines", info(hosttest.XfceNotifier), lines, false, dialog},
		{"MATE", mate, short, true, notification},
		{"one that leaves its windows", old, short, true, dialog},
		{"the same, no answer", old, short, false, notification},
		{"mako", info(hosttest.MakoNotifier), short, true, dialog},
		{"mako, no answer", info(hosttest.MakoNotifier), short, false, notification},
		{"no text", wordless, short, false, dialog},
		{"no service", nil, short, false, []way{byDialog}},
	} {
		if got := ways(c.v, notice{Text: c.text, Wait: c.wait, Buttons: []string{"OK"}}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestCallout(t *testing.T) {
	old := notifier{"lxqt-notificationd", "lxqt.org", "0.16.0", []string{"actions", "body"}}
	n := newNotice(ask("a < b", msg.ButtonsRetryCancel))
	n.Summary, n.Sent = "<b>title</b>", "from bob"
	c := old.callout(n)
	if c.summary != "&lt;b&gt;title&lt;/b&gt;" || c.body != "from bob\na < b" || !slices.Equal(c.actions, []string{"retry", "Retry", "cancel", "Cancel"}) {
		t.Errorf("callout %+v", c)
	}
	for version, title := range map[string]string{"": "&lt;b&gt;title&lt;/b&gt;", "0.16": "&lt;b&gt;title&lt;/b&gt;", "0.17.0": n.Summary, "2.4.0": n.Summary} {
		v := old
		v.version = version
		if c := v.callout(n); c.summary != title {
			t.Errorf("version %q: the title is %q", version, c.summary)
		}
	}
	if label, ok := n.button("default"); ok {
		t.Errorf("a click on a question is %q", label)
	}
}

// TestCalloutSender: services cut the end of a body off, so whoever chooses a
// title cannot be at the end.
func TestCalloutSender(t *testing.T) {
	v := notifier{"gnome-shell", "GNOME", "43.9", []string{"actions", "body"}}
	m := ask("text", msg.ButtonsOK)
	m.From, m.Title = "bob@web1", ""
	if c := v.callout(newNotice(m)); !strings.HasPrefix(c.body, "text\n") || !strings.Contains(c.summary, m.From) {
		t.Errorf("the usual title: %+v", c)
	}
	m.Title = "Message from root@web1"
	if c := v.callout(newNotice(m)); !strings.HasPrefix(c.body, "from bob@web1, ") || !strings.HasSuffix(c.body, "\ntext") {
		t.Errorf("another title: %+v", c)
	}
}

// TestOneButton: a service that draws a button for the default action as well
// is not given one, or there would be two that say OK.
func TestOneButton(t *testing.T) {
	button, both := []string{"ok", "OK"}, []string{"ok", "OK", "default", "OK"}
	for _, c := range []struct {
		name, version string
		want          []string
	}{
		{"Xfce Notify Daemon", "0.7.3", button},
		{"Xfce Notify Daemon", "0.8.1", button},
		{"Xfce Notify Daemon", "0.8.2", both},
		{"Xfce Notify Daemon", "0.9.7", both},
		{"Xfce Notify Daemon", "1.0", both},
		{"Xfce Notify Daemon", "", button},
		{"gnome-shell", "43.9", both},
	} {
		v := notifier{c.name, "", c.version, []string{"actions", "body"}}
		if got := v.callout(newNotice(ask("hello", msg.ButtonsOK))).actions; !slices.Equal(got, c.want) {
			t.Errorf("%s %s: actions %q, want %q", c.name, c.version, got, c.want)
		}
	}
}

func TestUnixAddress(t *testing.T) {
	for address, want := range map[string]string{
		"unix:path=/run/user/1000/bus":            "/run/user/1000/bus",
		"unix:path=/tmp/a%20b,guid=1":             "/tmp/a b",
		"unix:abstract=/tmp/dbus-x,guid=1":        "@/tmp/dbus-x",
		"tcp:host=evil,port=1;unix:path=/run/bus": "/run/bus",
		"unixexec:path=/bin/sh":                   "",
		"autolaunch:":                             "",
		"tcp:host=localhost,port=1":               "",
		"unix:path=relative":                      "",
		"unix:tmpdir=/tmp":                        "",
		"unix:path=/a%00b":                        "",
		"":                                        "",
	} {
		if got, ok := unixAddress(address); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v, want %q", address, got, ok, want)
		}
	}
}

func TestMissingDetail(t *testing.T) {
	if got := missingDetail([]rune("漢")); got != "this desktop has no font for 漢 (U+6F22)" {
		t.Errorf("got %q", got)
	}
	if got := missingDetail([]rune("abcdefghijklmnop")); !strings.HasSuffix(got, " and more") {
		t.Errorf("got %q", got)
	}
}
