// Package host is this computer as a msg.Host: who is signed in, and how text
// gets in front of them.
//
// It promises that a message can do nothing but be read (package text), that
// a place which does not take it delays nobody else, that an answer reaches
// only messages for the account it comes from, and that whatever a user
// controls is touched only with that user's own rights. On Linux the sessions
// come from logind, /proc and utmp and the surfaces are terminals, tmux and
// desktops. On Windows both are those of Terminal Services, of this computer
// and of others. On macOS there are terminals and dialogs. Elsewhere Open returns an error that is errors.ErrUnsupported.
//
// Start with Open; a process that stays also runs Local.Keep. A program that calls it must begin its main with
//
//	if host.IsHelper() {
//		os.Exit(host.RunHelper(late))
//	}
//
// because the part that has a user's rights is the same program again. It may
// outlive the program that started it, and then gives answers to late.
package host

import (
	"os"
	"strings"
)

// First arguments of the helper processes. Anybody may type them: a helper has
// the rights of whoever started it and does nothing that one could not do.
const (
	helperUser  = "--msg-helper-user"
	helperPopup = "--msg-helper-popup="
)

// IsHelper reports whether this process was started by this package to do one
// thing with one user's rights.
func IsHelper() bool {
	return len(os.Args) == 2 && (os.Args[1] == helperUser || strings.HasPrefix(os.Args[1], helperPopup))
}
