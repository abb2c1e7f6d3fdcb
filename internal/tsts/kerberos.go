package tsts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/types"

	"msg/internal/login"
	"msg/internal/text"
)

// kerberosFor is a client of Kerberos with the tickets of an account for a
// computer, or the reason why there is none: the file, another account in it,
// or a computer that has no name that Kerberos could know.
func (s *SignIn) kerberosFor(a login.Account, computer string, now time.Time) (*client.Client, error) {
	if a.CCache == "" {
		return nil, errors.New("there are no tickets: sign in with kinit")
	}
	if isAddress(computer) {
		return nil, errAddress
	}
	cache, err := loadTickets(a.CCache)
	if err != nil {
		return nil, err
	}
	realm := cache.GetClientRealm()
	owner := cache.GetClientPrincipalName().PrincipalNameString()
	if a.User != "" && !isPrincipal(a, owner, realm) {
		return nil, fmt.Errorf("the ticket is of %q", text.Line(owner+"@"+realm))
	}
	tgt, ok := cache.GetEntry(types.PrincipalName{NameType: 2, NameString: []string{"krbtgt", realm}})
	if !ok {
		return nil, fmt.Errorf("%q has no ticket to get others with", a.CCache)
	}
	if now.After(tgt.EndTime) {
		return nil, fmt.Errorf("the ticket of %q has ended: sign in with kinit again", text.Line(owner+"@"+realm))
	}
	conf, err := s.config(a.Config)
	if err != nil {
		return nil, err
	}
	return fromTickets(cache, conf)
}

// isPrincipal reports whether an account is the one that the tickets are of.
// The name of a domain may be the short one, which no ticket has.
func isPrincipal(a login.Account, owner, realm string) bool {
	name, at, isUPN := strings.Cut(a.User, "@")
	if isUPN {
		return strings.EqualFold(name, owner) && strings.EqualFold(at, realm)
	}
	first, _, _ := strings.Cut(realm, ".")
	return strings.EqualFold(name, owner) && (a.Domain == "" || strings.EqualFold(a.Domain, first) || strings.EqualFold(a.Domain, realm))
}

// loadTickets reads a file of tickets. The library does not check lengths, and
// panics at a file that is cut short.
func loadTickets(path string) (cache *credentials.CCache, err error) {
	defer func() {
		if recover() != nil {
			cache, err = nil, fmt.Errorf("%q is not a file of Kerberos tickets", path)
		}
	}()
	cache, err = credentials.LoadCCache(path)
	if err != nil {
		return nil, fmt.Errorf("reading the tickets of Kerberos: %v", err)
	}
	return cache, nil
}

func loadConfig(path string) (*config.Config, error) {
	conf, err := config.Load(path)
	if err != nil {
		var unsupported config.UnsupportedDirective // of libraries that know more
		if errors.As(err, &unsupported) {
			return conf, nil
		}
		return nil, fmt.Errorf("configuration of Kerberos, %q: %v", path, err)
	}
	return conf, nil
}

func fromTickets(cache *credentials.CCache, conf *config.Config) (c *client.Client, err error) {
	defer func() {
		if recover() != nil {
			c, err = nil, errors.New("the tickets of Kerberos cannot be read")
		}
	}()
	c, err = client.NewFromCCache(cache, conf, client.DisablePAFXFAST(true))
	if err != nil {
		return nil, fmt.Errorf("tickets of Kerberos: %v", err)
	}
	return c, nil
}

// ticketTime is how long Kerberos may take to sign in, or to give a ticket.
const ticketTime = 10 * time.Second

// ticket gets the ticket for a service, which the client keeps.
func ticket(ctx context.Context, c *client.Client, spn string) error {
	return within(ctx, func() error {
		_, _, err := c.GetServiceTicket(spn)
		return err
	})
}

// kerberosErrors say what the names of errors mean (RFC 4120 7.5.9).
var kerberosErrors = []struct{ name, means string }{
	{"KDC_ERR_C_PRINCIPAL_UNKNOWN", "Kerberos does not know this account"},
	{"KDC_ERR_S_PRINCIPAL_UNKNOWN", "Kerberos does not know this computer by that name"},
	{"KRB_AP_ERR_SKEW", "the clocks of this computer and of Kerberos differ by minutes"},
	{"KRB_AP_ERR_TKT_EXPIRED", "the ticket has ended: sign in with kinit again"},
	{"KDC_ERR_ETYPE_NOSUPP", "Kerberos has no kind of key in common with this computer"},
	{"KDC_ERR_POLICY", "a policy of Kerberos forbids it"},
	{"communication error with KDC", "Kerberos does not answer"},
	{"failed to communicate with KDC", "Kerberos does not answer"},
	{"no KDCs defined", "no server of Kerberos is known: see its configuration"},
	{"not have any defined KDCs", "no server of Kerberos is known: see its configuration"},
	{"error looking up SRV", "no server of Kerberos is known: see its configuration"},
	{"no KDC SRV records", "no server of Kerberos is known: see its configuration"},
}

// kerberosError makes one short line of an error of the library.
func kerberosError(err error) error {
	if err == nil {
		return nil
	}
	for _, r := range refusals {
		if strings.Contains(err.Error(), r.name) {
			return &r.refusedError
		}
	}
	for _, e := range kerberosErrors {
		if strings.Contains(err.Error(), e.name) {
			return errors.New(e.means)
		}
	}
	return errors.New("Kerberos: " + text.Cut(text.Line(err.Error()), 200))
}
