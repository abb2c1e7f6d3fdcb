package cli

import (
	"fmt"
	"strings"
	"time"

	"msg"
	"msg/internal/text"
)

// The columns are those of Windows, to the column, because scripts cut them:
// each field starts where it starts there, and a line of SessionTable is
// padded to its full width, so that cutting the last field works too.

// SessionTable is the output of "query session".
func SessionTable(sessions []msg.Session) string {
	var b strings.Builder
	b.WriteString(sessionRow(" ", "SESSIONNAME", "USERNAME", "ID", "STATE", "TYPE", "DEVICE"))
	for _, s := range sessions {
		name, user := inTable(s)
		b.WriteString(sessionRow(marker(s), name, user, s.ID, stateWord(s.State), s.Type, ""))
	}
	return b.String()
}

func sessionRow(mark, name, user, id, state, typ, device string) string {
	line := mark + left(name, 16, 13) + "  " + left(user, 20, 17) + "  "
	return right(line, id, 5) + "  " + left(state, 6, 6) + "  " + left(typ, 10, 7) + "  " + left(device, 8, 5) + "\n"
}

// UserTable is the output of "query user". now is the moment of listing.
func UserTable(sessions []msg.Session, loc text.Locale) string {
	var b strings.Builder
	b.WriteString(userRow(" ", "USERNAME", "SESSIONNAME", "ID", "STATE", "IDLE TIME", "LOGON TIME"))
	for _, s := range sessions {
		name, user := inTable(s)
		b.WriteString(userRow(marker(s), user, name, s.ID, stateWord(s.State), idleWord(s.Idle), logon(s.Since, loc)))
	}
	return b.String()
}

func userRow(mark, user, name, id, state, idle, since string) string {
	line := right(mark+left(user, 20, 17)+"  "+left(name, 16, 13), id, 5) + "  " + left(state, 6, 6) + "  "
	return right(line, idle, 9) + "  " + since + "\n"
}

// inTable is how a session and its user are called in a table: those of Windows
// in lower case and without a domain, as Windows does.
func inTable(s msg.Session) (name, user string) {
	if s.Source != msg.SourceWTS {
		return s.Name, s.User
	}
	return strings.ToLower(s.Name), strings.ToLower(UserLabel(s))
}

func marker(s msg.Session) string {
	if s.Own {
		return ">"
	}
	return " "
}

// left makes a field of exactly width cells. A longer value is cut to keep
// cells and "...", as Windows cuts session names.
func left(s string, width, keep int) string {
	s = text.Line(s)
	if text.Width(s) > width {
		s = text.Cut(s, keep+3)
		s = text.Cut(s, width)
	}
	return s + strings.Repeat(" ", width-text.Width(s))
}

// right appends a field whose last cell is width cells behind line. A value
// that is too long takes blanks from the left, all but one, before it moves
// the rest of the line.
func right(line, s string, width int) string {
	s = text.Line(s)
	room := width - text.Width(s)
	if room >= 0 {
		return line + strings.Repeat(" ", room) + s
	}
	trimmed := strings.TrimRight(line, " ")
	spare := max(0, len(line)-len(trimmed)-1)
	return line[:len(line)-min(spare, -room)] + s
}

func stateWord(s msg.State) string {
	switch s {
	case msg.StateActive:
		return "Active"
	case msg.StateConnected:
		return "Conn"
	case msg.StateDisconnected:
		return "Disc"
	case msg.StateListen:
		return "Listen"
	case msg.StateConnectQuery:
		return "ConnQ"
	case msg.StateShadow, msg.StateIdle, msg.StateReset, msg.StateDown, msg.StateInit:
		return strings.ToUpper(string(s[:1])) + string(s[1:])
	}
	return string(s)
}

// idleWord writes idle time in Windows' forms. "none" (unknown) carries a
// space behind it there, which moves it one column to the left.
func idleWord(d time.Duration) string {
	minutes := int64(d / time.Minute)
	days, hours := minutes/(24*60), minutes/60%24
	switch {
	case d < 0:
		return "none "
	case minutes == 0:
		return "."
	case days > 0:
		return fmt.Sprintf("%d+%02d:%02d", days, hours, minutes%60)
	case hours > 0:
		return fmt.Sprintf("%d:%02d", hours, minutes%60)
	}
	return fmt.Sprint(minutes)
}

func logon(t time.Time, loc text.Locale) string {
	if t.IsZero() {
		return "none"
	}
	return loc.Format(t)
}

// Filter keeps the sessions that a query asks for: all, or those with a
// session name, user name or ID; "query user" leaves out places with nobody.
// missing are the names that fit nothing.
func Filter(q Query, sessions []msg.Session) (kept []msg.Session, missing []string) {
	for _, s := range sessions {
		if q.Kind != QueryUser || s.User != "" {
			kept = append(kept, s)
		}
	}
	target := msg.Target{msg.ParseSelector("*")}
	if q.Filter != "" {
		var err error
		if target, err = msg.ParseTarget(q.Filter); err != nil {
			return nil, []string{q.Filter}
		}
	} else if len(kept) > 0 {
		return kept, nil
	}
	kept, none := target.Resolve(kept)
	for _, s := range none {
		missing = append(missing, s.String())
	}
	return kept, missing
}

// Counters is what "query session /counter" adds under the table. Windows
// counts sessions created since it started; here nothing keeps such a count,
// so these are the sessions there are now.
func Counters(sessions []msg.Session) string {
	active, disconnected := 0, 0
	for _, s := range sessions {
		switch s.State {
		case msg.StateActive:
			active++
		case msg.StateDisconnected:
			disconnected++
		}
	}
	return fmt.Sprintf("\nTotal sessions now: %d\nTotal sessions active: %d\nTotal sessions disconnected: %d\n", len(sessions), active, disconnected)
}

// NoneLine is printed on standard error when nothing is listed.
func NoneLine(kind QueryKind, filter string) string {
	what := "session"
	switch kind {
	case QueryUser:
		what = "User"
	case QueryMessage:
		what = "message"
	case QueryHost:
		what = "host"
	}
	return "No " + what + " exists for " + text.Line(filter)
}
