package tsts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"

	"msg"
	"msg/internal/login"
	"msg/internal/text"
	"msg/internal/wts"
)

// SignIn signs one account in to Kerberos by its password, once for all computers
// that are opened with it: a wrong password counts as one try and not as one for
// each of them, and one that Kerberos does not answer is waited for once. The zero
// value is ready.
type SignIn struct {
	once   sync.Once
	done   chan struct{}
	client *client.Client
	err    error // a refusedError, or why it has to go without Kerberos

	reading sync.Once
	conf    *config.Config
	confErr error
}

// config is the configuration of Kerberos, which is read once: that takes as long
// as all else that is done here for a computer.
func (s *SignIn) config(path string) (*config.Config, error) {
	s.reading.Do(func() {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			s.confErr = notKerberos{errors.New("there is no configuration of Kerberos")}
			return
		}
		s.conf, s.confErr = loadConfig(path)
	})
	if s.confErr != nil {
		return nil, s.confErr
	}
	return ownConfig(s.conf), nil
}

// refusedError is what Kerberos says of an account that it knows. Nothing else is
// tried with its password then: each try counts, and too many lock the account.
type refusedError struct {
	code uint32 // of Windows
	says string
}

// Error says what Kerberos says.
func (e *refusedError) Error() string { return e.says }

// refusals are what ends a sign-in (RFC 4120 7.5.9). The last one is the library's,
// for an answer that the key of the password does not open: a realm that asks for
// no proof before it answers does not count that.
var refusals = []struct {
	name string
	refusedError
}{
	{"KDC_ERR_PREAUTH_FAILED", refusedError{wts.ErrorLogonFailure, "the password is wrong"}},
	{"KDC_ERR_KEY_EXPIRED", refusedError{errorPasswordExpired, "the password has expired"}},
	{"KDC_ERR_NAME_EXP", refusedError{errorAccountExpired, "the account has expired"}},
	{"KDC_ERR_CLIENT_REVOKED", refusedError{errorAccountRestriction, "the account is disabled, locked or expired"}},
	{"error decrypting EncPart of AS_REP", refusedError{wts.ErrorLogonFailure, "the password is wrong"}},
}

// in gets the client of Kerberos that has signed in. Only the first call signs in.
func (s *SignIn) in(ctx context.Context, user, realm, password string, conf *config.Config) (*client.Client, error) {
	s.once.Do(func() {
		s.done = make(chan struct{})
		c := client.NewWithPassword(user, realm, password, conf, client.DisablePAFXFAST(true))
		go func() {
			defer close(s.done)
			s.client, s.err = c, within(context.WithoutCancel(ctx), c.Login)
		}()
	})
	select {
	case <-s.done:
		return apart(s.client), s.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// apart is a client with the same tickets, for use at the same time: the library
// sorts the servers of its configuration anew at each look.
func apart(c *client.Client) *client.Client {
	own := *c
	own.Config = ownConfig(c.Config)
	return &own
}

func ownConfig(c *config.Config) *config.Config {
	conf := *c
	conf.Realms = slices.Clone(conf.Realms)
	for i := range conf.Realms {
		conf.Realms[i].KDC = slices.Clone(conf.Realms[i].KDC)
	}
	return &conf
}

// within does what the library of Kerberos does in ticketTime at most: it asks one
// server after another, nothing ends it, and it panics at some answers.
func within(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	go func() {
		var err error
		defer func() {
			if recover() != nil {
				err = errors.New("an answer of Kerberos cannot be read")
			}
			done <- err
		}()
		err = kerberosError(do())
	}()
	late := time.NewTimer(ticketTime)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-late.C:
		return fmt.Errorf("there is no answer from Kerberos within %v", ticketTime)
	}
}

// principal is an account as Kerberos knows it, or why it cannot: it is one of the
// computer itself, or of a domain of which this computer knows no realm.
func principal(a login.Account, computer string, conf *config.Config) (user, realm string, err error) {
	if isAddress(computer) {
		return "", "", notKerberos{errAddress}
	}
	user, domain, isUPN := strings.Cut(a.User, "@")
	if !isUPN {
		domain = a.Domain
	}
	own, _, _ := strings.Cut(computer, ".")
	if domain == "" || domain == "." || !isUPN && strings.EqualFold(domain, own) {
		return "", "", notKerberos{errors.New("the account is one of the computer itself (name@REALM is one of Kerberos)")}
	}
	realm, err = realmOf(domain, isUPN, conf)
	return user, realm, err
}

// realmOf finds the realm of a domain, which may be written by its short name, and
// in small letters. One that only DNS can know is asked for as Windows does.
func realmOf(domain string, isUPN bool, conf *config.Config) (string, error) {
	names := []string{conf.LibDefaults.DefaultRealm}
	for _, r := range conf.Realms {
		names = append(names, r.Realm)
	}
	for _, name := range names {
		if strings.EqualFold(name, domain) {
			return name, nil
		}
	}
	for _, name := range names {
		if short, _, _ := strings.Cut(name, "."); !isUPN && strings.EqualFold(short, domain) {
			return name, nil
		}
	}
	if conf.LibDefaults.DNSLookupKDC && strings.Contains(domain, ".") {
		return strings.ToUpper(domain), nil
	}
	return "", notKerberos{fmt.Errorf("the configuration of Kerberos has no realm for %q", text.Line(domain))}
}

// notKerberos is why an account or a computer is none that Kerberos could know.
type notKerberos struct{ error }

var errAddress = errors.New("a ticket needs the name of a computer and not its address")

func isAddress(computer string) bool {
	_, err := netip.ParseAddr(computer)
	return err == nil
}

// byPassword proves a password, as Windows does: by Kerberos where it knows the
// account and the computer, and by NTLM otherwise.
func (o Options) byPassword(ctx context.Context) (proof, error) {
	password, err := o.Account.Password()
	if err != nil {
		return proof{}, err
	}
	var without error
	c, why := o.signInBy(ctx, password)
	if why == nil {
		why = o.tickets(ctx, c)
	}
	var refused *refusedError
	var never notKerberos
	switch {
	case why == nil:
		p := o.byKerberos(c)
		p.how = "by Kerberos, with the password"
		return p, nil
	case ctx.Err() != nil:
		return proof{}, context.Cause(ctx)
	case errors.As(why, &refused):
		e := numbered("Kerberos", refused.code)
		return proof{}, &msg.SystemError{Code: e.Code, Text: e.Text, Cure: fmt.Sprintf(
			"Kerberos says of %s that %s; nothing else was tried, so that no account is locked over it", o.Account, refused.says)}
	case !errors.As(why, &never):
		without = why
	}
	p := o.byNTLM(password)
	p.how, p.without = "by NTLM, because "+why.Error(), without
	return p, nil
}

// signInBy signs in to Kerberos by the password.
func (o Options) signInBy(ctx context.Context, password string) (*client.Client, error) {
	conf, err := o.SignIn.config(o.Account.Config)
	if err != nil {
		return nil, err
	}
	user, realm, err := principal(o.Account, o.Name, conf)
	if err != nil {
		return nil, err
	}
	return o.SignIn.in(ctx, user, realm, password, conf)
}
