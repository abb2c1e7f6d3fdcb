package host

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"msg/internal/text"
)

// notifier is what a notification service says of itself: GetServerInformation
// and GetCapabilities of the Desktop Notifications Specification.
type notifier struct {
	name, vendor, version string
	capabilities          []string
}

func (v notifier) can(capability string) bool { return slices.Contains(v.capabilities, capability) }

// trimmed keeps of what a service says of itself what anybody looks at.
func (v notifier) trimmed() notifier {
	const longest = 64
	cut := func(s string) string { return strings.Clone(s[:min(len(s), longest)]) }
	var known []string
	for _, c := range []string{"actions", "body", "body-markup"} {
		if v.can(c) {
			known = append(known, c)
		}
	}
	return notifier{cut(v.name), cut(v.vendor), cut(v.version), known}
}

// withButtons are the services that show a button for every action. The
// capability "actions" does not say so: dunst and mako have it, and there is
// nothing to press.
var withButtons = []string{
	"Xfce Notify Daemon", "gnome-shell", "Plasma", "cinnamon", "Budgie Notification Server",
	"Raven",               // Budgie before 10.6
	"Notification Daemon", // of MATE, and the one of GNOME before its shell
	"lxqt-notificationd", "io.elementary.notifications",
}

// buttons reports whether a person can press each action.
func (v notifier) buttons() bool {
	return v.can("actions") && slices.ContainsFunc(withButtons, func(name string) bool { return strings.EqualFold(name, v.name) })
}

// stays reports whether a window that is closed by its sender stays on the
// screen all the same, as with GNOME's old daemon 3.20.
func (v notifier) stays() bool { return v.name == "Notification Daemon" && v.vendor == "GNOME" }

// titleIsMarkup reports whether the title is read as markup, which is against
// the specification: lxqt-notificationd up to 0.16, Budgie before 10.6.
func (v notifier) titleIsMarkup() bool {
	return v.name == "Raven" || v.name == "lxqt-notificationd" && v.before(0, 17, 0)
}

// Where notifications cease to be the right way: some services push the
// buttons off the screen, others cut the text.
const (
	longLines   = 8
	longText    = 600 // characters
	longColumns = 60
)

func (n notice) long() bool {
	return utf8.RuneCountInString(n.Text) > longText || len(text.Wrap(n.Text, longColumns)) > longLines
}

// way is one of the ways to show a notice on a desktop.
type way int

const (
	byNotification way = iota
	byDialog
)

// ways are the ways in the order in which they are tried. v is nil if there is
// no notification service.
func ways(v *notifier, n notice) []way {
	switch {
	case v == nil:
		return []way{byDialog}
	case n.long() || !v.can("body"):
		return []way{byDialog, byNotification}
	case n.Wait && (!v.buttons() || v.stays()):
		return []way{byDialog, byNotification}
	}
	return []way{byNotification, byDialog}
}

// callout is what a notification service is given for a notice.
type callout struct {
	summary, body string
	actions       []string // key, label, key, label
	urgency       byte
	expire        int32 // milliseconds; 0 is never

	detail   string // what is to be said about how it is shown
	noAnswer bool
}

// The key of the action that a click on the notification itself means.
const defaultAction = "default"

const (
	urgencyNormal   = 1
	urgencyCritical = 2 // shown in do-not-disturb mode as well, and stays
)

// callout makes the arguments for a service.
func (v notifier) callout(n notice) callout {
	c := callout{summary: n.Summary, body: n.Text + "\n" + n.Sent, urgency: urgencyCritical}
	if strings.HasPrefix(n.Sent, "from ") { // the title does not say who: GNOME shows six lines at most
		c.body = n.Sent + "\n" + n.Text
	}
	if !n.Wait {
		c.expire = int32(min(n.Timeout/time.Millisecond, math.MaxInt32))
		if v.stays() {
			c.urgency = urgencyNormal // nothing else ever takes it off the screen
		}
	}
	v.addActions(&c, n)
	if v.can("body-markup") {
		c.body = escapeMarkup(c.body)
	}
	if v.titleIsMarkup() {
		c.summary = escapeMarkup(c.summary)
	}
	return c
}

// addActions offers the buttons, as far as there is a way to press them.
func (v notifier) addActions(c *callout, n notice) {
	onlyOK := len(n.Buttons) == 1
	switch {
	case v.buttons():
		for _, label := range n.Buttons {
			c.actions = append(c.actions, strings.ToLower(label), label)
		}
		if onlyOK && !v.drawsDefault() {
			c.actions = append(c.actions, defaultAction, n.Buttons[0])
		}
	case !n.Wait:
	case onlyOK && v.can("actions"):
		c.actions = []string{defaultAction, n.Buttons[0]}
		c.detail = "this desktop shows no buttons: a click on the message is its " + n.Buttons[0]
	default:
		c.noAnswer = true
		c.detail = "this desktop shows no buttons: it can be answered with " + n.Command + " in a terminal"
		c.body += "\n\nTo answer, type " + n.Command + " in a terminal."
	}
}

// button is the label of the action that a service says was invoked.
func (n notice) button(action string) (label string, ok bool) {
	if action == defaultAction && len(n.Buttons) == 1 {
		return n.Buttons[0], true
	}
	for _, label := range n.Buttons {
		if strings.ToLower(label) == action {
			return label, true
		}
	}
	return "", false
}

// drawsDefault reports whether the default action is a button like the others
// there, as with xfce4-notifyd before 0.8.2.
func (v notifier) drawsDefault() bool {
	return v.name == "Xfce Notify Daemon" && v.before(0, 8, 2)
}

// before compares versions. One that nobody tells is before all.
func (v notifier) before(version ...int) bool {
	var major, minor, patch int
	_, _ = fmt.Sscanf(v.version, "%d.%d.%d", &major, &minor, &patch) // what is not there is 0
	return slices.Compare([]int{major, minor, patch}, version) < 0
}

// escapeMarkup writes text as the markup of the specification, which is some
// HTML.
func escapeMarkup(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
