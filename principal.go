package msg

// Principal is who asks for something, as the transport proved it: the kernel
// for a local socket, a certificate or a ticket elsewhere. Nothing in it comes
// from the request.
type Principal struct {
	User      string   // name of the account
	Account   string   // what the system calls the account, as in Session.Account
	Groups    []string // names of the groups it is in
	Unsure    []string `json:",omitempty"` // of those of which it cannot be told now
	Denied    []string `json:",omitempty"` // of those that count for what is forbidden only, as Windows has them
	Host      string   // the computer that knows the account
	Terminal  string   // the terminal the asking program is on: "pts/3"; empty if none
	Session   string   // ID of the session it is in; empty if unknown
	Superuser bool     // may do everything: root, or an administrator
}

// Sender is how the principal is called in a message: "bob@web1".
func (p Principal) Sender() string {
	if p.Host == "" {
		return p.User
	}
	return p.User + "@" + p.Host
}

// Owns reports whether s is a session of the principal's own account.
func (p Principal) Owns(s Session) bool {
	return p.Account != "" && p.Account == s.Account
}

// IsAt reports whether the principal asks from within s.
func (p Principal) IsAt(s Session) bool {
	if p.Terminal != "" && s.Kind == KindTerminal {
		return s.Name == p.Terminal
	}
	return p.Session != "" && p.Session == s.ID
}
