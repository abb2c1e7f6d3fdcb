// Package login is the account with which a Windows computer is reached: how
// people write it, and where its password comes from.
//
// It promises that a password comes from a person at a terminal or from a file
// that nobody else can read, never from arguments; that it is asked for once,
// and only if it is needed; and that no error and no printed value holds one.
// Start with Source.
package login

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"msg/internal/text"
)

// Account is who signs in.
type Account struct {
	// User is name or name@REALM; empty is whoever the Kerberos ticket is of.
	User   string
	Domain string // of DOMAIN\name

	// CCache is a file with Kerberos tickets, and Config the configuration of
	// Kerberos; both may be missing.
	CCache, Config string

	password func() (string, error)
}

// With is the account with a password that is known.
func (a Account) With(password string) Account {
	a.password = func() (string, error) { return password, nil }
	return a
}

// errNoPassword is what an account without a name says.
var errNoPassword = errors.New("nobody has said whose password")

// Password gets the password, which may mean to ask for it.
func (a Account) Password() (string, error) {
	if a.password == nil {
		return "", errNoPassword
	}
	return a.password()
}

// String is the account as people write it.
func (a Account) String() string {
	if a.Domain != "" {
		return a.Domain + `\` + a.User
	}
	return a.User
}

// Parse understands DOMAIN\name, name@REALM and name.
func Parse(written string) (Account, error) {
	domain, name, both := strings.Cut(written, `\`)
	if !both {
		domain, name = "", written
	}
	switch {
	case name == "" || both && domain == "":
		return Account{}, fmt.Errorf("%q is not the name of an account: write name, DOMAIN\\name or name@REALM", text.Cut(text.Line(written), 60))
	case text.Line(written) != written || strings.ContainsAny(name, `\/":;|=,+*?<>`):
		return Account{}, fmt.Errorf("%q has characters that no account has", text.Cut(text.Line(written), 60))
	}
	return Account{User: name, Domain: domain}, nil
}

// ErrNone is wrapped by the error of a Source that knows no account at all.
var ErrNone = errors.New("no account is given")

// Source is where an account comes from. It can be used by many goroutines.
type Source struct {
	// User is what somebody has written; @FILE is a file as smbclient's -A takes
	// one; empty is whoever the Kerberos ticket is of.
	User string

	PasswordFile   string // has the password in its first line
	CCache, Config string // see Account; empty if there are none

	// Ask asks a person at a terminal; nil if nobody can be asked.
	Ask func(prompt string) (string, error)

	// Owner is the user ID of the owner of a file, where there is one.
	Owner func(fs.FileInfo) (id int, ok bool)
	Self  int // the user ID that may own such files, beside root's

	once    sync.Once
	account Account
	err     error
}

// Given reports whether there is an account to try.
func (s *Source) Given() bool { return s != nil && (s.User != "" || s.CCache != "") }

// Account is the account. Its password is asked for when it is needed.
func (s *Source) Account() (Account, error) {
	s.once.Do(func() { s.account, s.err = s.read() })
	return s.account, s.err
}

func (s *Source) read() (Account, error) {
	var a Account
	var err error
	switch file, isFile := strings.CutPrefix(s.User, "@"); {
	case !s.Given():
		return a, fmt.Errorf("%w: sign in to Kerberos with kinit, or write /user:NAME", ErrNone)
	case isFile:
		a, err = s.credentials(file)
	case s.User != "":
		a, err = Parse(s.User)
		a.password = sync.OnceValues(func() (string, error) { return s.secret(a.String()) })
	}
	a.CCache, a.Config = s.CCache, s.Config
	return a, err
}

// secret gets the password of an account that was named alone.
func (s *Source) secret(name string) (string, error) {
	if s.PasswordFile != "" {
		return s.passwordIn(s.PasswordFile)
	}
	p, err := "", errNoTerminal
	if s.Ask != nil {
		p, err = s.Ask("Password of " + text.Line(name) + ": ")
	}
	switch {
	case errors.Is(err, errNoTerminal):
		return "", fmt.Errorf("the password of %q is needed and nobody can be asked: write it to a file of mode 0600 and name that in MSG_PASSWORD_FILE, or write /user:@FILE", name)
	case err != nil:
		return "", fmt.Errorf("reading the password of %q: %w", name, err)
	}
	if p == "" {
		return "", fmt.Errorf("no password was given for %q", name)
	}
	return p, nil
}

// errNoTerminal is wrapped by the error of an Ask that has nobody to ask.
var errNoTerminal = errors.New("there is no terminal to ask at")
