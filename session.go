package msg

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Session is a place where a person can see text, as it was at the moment of
// listing. It may be gone a moment later.
type Session struct {
	Host    string        // the computer it is on
	ID      string        // opaque: decimal on Windows, "3" or "c1" from logind, "pts/3" where nothing numbers sessions
	Name    string        // "pts/3", "tty2", ":0", "rdp-tcp#3"; empty if it has none
	User    string        // who is signed in; empty for a place with nobody (a Windows listener)
	Account string        // what the system calls that user: the decimal user ID; domain\user in lower case on Windows
	Kind    Kind          // how a message gets there
	State   State         // whether somebody is in front of it
	Type    string        // what the platform calls it: "tty", "x11", "wayland"
	Idle    time.Duration // since the last input; negative if unknown
	Since   time.Time     // sign-in; zero if unknown
	Source  string        // where it was found: "logind", "logind+proc", "utmp", "proc", SourceWTS
	Console bool          // the active session of the main seat
	Own     bool          // the session of the one who asks
}

// IdleUnknown is Session.Idle where the platform cannot tell.
const IdleUnknown time.Duration = -1

// SourceWTS is Session.Source of what Terminal Services of Windows have listed.
const SourceWTS = "wts"

// Kind says by which way a message reaches a session.
type Kind string

// The kinds of session.
const (
	KindTerminal Kind = "terminal"
	KindDesktop  Kind = "desktop"
)

// State is the connection state of a session; the names are those of Windows'
// WTS_CONNECTSTATE_CLASS.
type State string

// The states of a session.
const (
	StateActive       State = "active"       // a person can look at it now
	StateConnected    State = "connected"    // a place with nobody signed in
	StateDisconnected State = "disconnected" // signed in, but in the background
	StateListen       State = "listen"       // waits for connections (Windows)

	// Windows has these for a moment only.
	StateConnectQuery State = "connq"
	StateShadow       State = "shadow"
	StateIdle         State = "idle"
	StateReset        State = "reset"
	StateDown         State = "down"
	StateInit         State = "init"
)

// Check reports why a session says what none does, or nil. Little may be known of
// it: somebody for whom a message is kept has none.
func (s Session) Check() error {
	switch s.Kind {
	case "", KindTerminal, KindDesktop:
	default:
		return fmt.Errorf("a session of kind %q", s.Kind)
	}
	switch s.State {
	case "", StateActive, StateConnected, StateDisconnected, StateListen,
		StateConnectQuery, StateShadow, StateIdle, StateReset, StateDown, StateInit:
		return nil
	}
	return fmt.Errorf("a session in state %q", s.State)
}

// sessionJSON is the stable form of a Session outside the program.
type sessionJSON struct {
	Host    string     `json:"host"`
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	User    string     `json:"user"`
	Account string     `json:"account,omitempty"`
	Kind    Kind       `json:"kind"`
	State   State      `json:"state"`
	Type    string     `json:"type"`
	Idle    *int64     `json:"idle_seconds"` // null: unknown
	Since   *time.Time `json:"since"`        // null: unknown
	Source  string     `json:"source"`
	Console bool       `json:"console"`
	Own     bool       `json:"own"`
}

// MarshalJSON writes idle time in whole seconds and unknown values as null.
func (s Session) MarshalJSON() ([]byte, error) {
	j := sessionJSON{Host: s.Host, ID: s.ID, Name: s.Name, User: s.User, Account: s.Account, Kind: s.Kind, State: s.State,
		Type: s.Type, Source: s.Source, Console: s.Console, Own: s.Own}
	if s.Idle >= 0 {
		seconds := int64(s.Idle / time.Second)
		j.Idle = &seconds
	}
	if !s.Since.IsZero() {
		j.Since = &s.Since
	}
	// json.Marshal would write <, > and & as escapes, which the encoder around
	// this one may have been told not to do.
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(j)
	return b.Bytes(), err
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Session) UnmarshalJSON(b []byte) error {
	var j sessionJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*s = Session{Host: j.Host, ID: j.ID, Name: j.Name, User: j.User, Account: j.Account, Kind: j.Kind, State: j.State,
		Type: j.Type, Idle: IdleUnknown, Source: j.Source, Console: j.Console, Own: j.Own}
	if j.Idle != nil && *j.Idle >= 0 {
		s.Idle = time.Duration(min(*j.Idle, int64(math.MaxInt64/time.Second))) * time.Second
	}
	if j.Since != nil {
		s.Since = *j.Since
	}
	return nil
}
