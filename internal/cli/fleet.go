package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"msg"
	"msg/internal/text"
)

// IsWhole reports whether a receipt is about a member of a fleet as a whole.
func IsWhole(s msg.Session) bool { return s.ID == "" && s.Name == "" && s.User == "" }

// WholeLine says what came of a message on a member as a whole.
func WholeLine(r msg.Receipt) string {
	host, detail := text.Line(r.Session.Host), text.Line(r.Detail)
	if r.Outcome == msg.OutcomeQueued {
		return host + ": " + cmp.Or(detail, "it is off") + "; it gets the message when it is back"
	}
	return host + ": " + cmp.Or(detail, string(r.Outcome))
}

// ReachLine is shown on a terminal while a message is on its way to a fleet.
func ReachLine(r msg.Reach) string {
	line := fmt.Sprintf("%d of %s reached, %s", r.Reached, count(r.Hosts, "host"), count(r.Sessions, "session"))
	return line + some(r.Answered, "answered") + some(r.Kept, "kept") + some(r.Absent, "not connected") + some(r.Failed, "failed")
}

// SummaryLine ends a message to several members.
func SummaryLine(r msg.Reach, m msg.Message) string {
	line := fmt.Sprintf("%s, %d reached", count(r.Hosts, "host"), r.Reached)
	line += some(r.Absent, "not connected") + some(r.Failed, "failed") + some(r.Nobody, "with nobody there")
	line += "; " + count(r.Sessions, "session")
	line += some(r.Kept, "kept")
	if m.Wait {
		line += fmt.Sprintf(", %d answered", r.Answered)
	}
	return line
}

func some(n int, what string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d %s", n, what)
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// MemberTable is the output of "query host". Where nobody has a leaf hub there is
// no column for it.
func MemberTable(list []msg.Member, loc text.Locale) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	sites := slices.ContainsFunc(list, func(m msg.Member) bool { return m.Site != "" })
	row := func(cells ...string) {
		if !sites {
			cells = slices.Delete(cells, 4, 5)
		}
		fmt.Fprintln(w, " "+strings.Join(cells, "\t"))
	}
	row("HOST", "STATE", "LAST SEEN", "VERSION", "SITE", "TAGS")
	for _, m := range list {
		state, seen := "Off", "never"
		if m.Online {
			state = "On"
		}
		if !m.Seen.IsZero() {
			seen = loc.Format(m.Seen)
		}
		row(text.Line(m.Name), state, seen, orDash(m.Version), orDash(m.Site), orDash(strings.Join(m.Tags, ",")))
	}
	_ = w.Flush() // a strings.Builder takes everything
	return b.String()
}

func orDash(s string) string { return cmp.Or(text.Line(s), "-") }
