//go:build !linux && !windows

package host

import (
	"context"
	"runtime"
)

// Examine lists the sessions, for a report that may be shown to others: nobody
// is sent anything, and nobody is named.
func Examine(ctx context.Context) []Finding {
	var f findings
	f.add("system", "%s", runtime.GOOS)
	l, err := Open()
	if err != nil {
		f.add("sessions", "%s", Numbered(err))
		return f
	}
	defer l.Close()
	list, err := l.Sessions(ctx)
	if err != nil {
		f.add("sessions", "%s", Numbered(err))
		return f
	}
	f.add("sessions", "%d", len(list))
	var who people
	for _, s := range list {
		f.add("session "+s.ID, "%s", who.describe(s))
	}
	return f
}
