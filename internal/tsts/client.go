package tsts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/cloudsoda/go-smb2"
	"github.com/jcmturner/gokrb5/v8/client"

	"msg"
	"msg/internal/dcerpc"
	"msg/internal/login"
	"msg/internal/stations"
	"msg/internal/text"
	"msg/internal/wts"
)

// Options is how a computer is reached.
type Options struct {
	Name    string // of the computer, or its address
	Account login.Account

	// SignIn is shared by the computers that are opened with the same account; nil
	// is one for this computer alone.
	SignIn *SignIn

	// Dial connects to its port 445; nil does so by its name.
	Dial func(ctx context.Context) (net.Conn, error)
}

// signInTime is how long a computer may take until calls can be made, beside the
// time in which a person types a password.
const signInTime = 30 * time.Second

// port is that of SMB.
const port = "445"

// maxCredits is how many requests of SMB may be under way; each box that waits
// has one.
const maxCredits = 512

// maxBoxes is how many boxes may be open in all of the process.
const maxBoxes = 1024

// slots are those of all computers of the process.
var slots = make(chan struct{}, maxBoxes)

// Open signs in to a computer and finds out by which interface it lists its
// sessions. The error is a *msg.SystemError where Windows has a number for it.
// It is errors.ErrUnsupported where another way to the computer may be better:
// it has no Terminal Services (ErrNotThere), or does not take a ticket that
// nobody has named.
func Open(ctx context.Context, o Options) (msg.Host, error) {
	if o.Dial == nil {
		o.Dial = func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(o.Name, port))
		}
	}
	if o.SignIn == nil {
		o.SignIn = &SignIn{}
	}
	r := &remote{now: time.Now}
	s := stations.New(stations.Options{
		Name: o.Name, Services: r, Remote: true, Locale: text.LocaleFor, Slots: slots, Cures: cures,
	})
	proof, err := o.prove(ctx)
	if err == nil {
		err = o.connect(ctx, r, proof)
	}
	var other notMeant
	switch {
	case errors.As(err, &other):
		return nil, notMeant{s.Explain(other.error)}
	case err != nil:
		return nil, proof.explain(s.Explain(err))
	}
	return reached{s, proof.how}, nil
}

// reached is what Open returns.
type reached struct {
	*stations.Computer
	how string
}

// Proof says in a few words by what this side has proved who it is, and why so.
func (r reached) Proof() string { return "signed in " + r.how }

// cures are those of a computer that is not Windows; %s is the other one.
var cures = map[uint32]string{
	wts.ErrorLogonFailure: `%s does not know this account or its password: /user:NAME says which account (one of its own is %s\NAME)`,
	wts.ErrorBadStub:      "%s does not understand the call: it may speak another version of the protocol",
	errorProcedure:        "%s does not have the call: it may speak another version of the protocol",
	errorBusy:             "%s has too much to do, or too many connections of this account: try again later",
	errorUnknownInterface: "%s does not have the interface: it may speak another version of the protocol",

	wts.ErrorSecurityPackage: "%s and this computer cannot prove to each other who they are: its name is another one there, the clocks differ, or it does not take NTLM; write its full name, or /user:NAME",

	errorAccountRestriction: "%s does not let this account sign in over the network: accounts without a password never may",
	errorPasswordExpired:    "the password of this account has expired: change it on %s",
	errorMustChange:         "the password of this account has to be changed before: sign in to %s once",
	errorAccountDisabled:    "this account is disabled on %s",
	errorAccountExpired:     "this account has expired on %s",
	errorLockedOut:          "this account is locked on %s: too many wrong passwords",
	errorLogonType:          "%s does not let this account sign in over the network: see \"Access this computer from the network\" in its policy",
	errorTimeSkew:           "the clocks of %s and of this computer differ by minutes",
	errorNoTrust:            "%s has lost its domain: somebody has to join it again",
}

// proof makes what proves who signs in, anew for each connection: to SMB, and to
// an interface.
type proof struct {
	smb func() smb2.Initiator
	rpc func() dcerpc.Initiator
	how string // for people

	without error // why an account of Kerberos had to go without it
}

// explain has an error of signing in say why it was not by Kerberos.
func (p proof) explain(err error) error {
	var e *msg.SystemError
	if p.without == nil || !errors.As(err, &e) || e.Code != wts.ErrorLogonFailure && e.Code != wts.ErrorSecurityPackage {
		return err
	}
	return &msg.SystemError{Code: e.Code, Text: e.Text, Cure: e.Cure + "; Kerberos was not used: " + p.without.Error()}
}

// prove takes Kerberos where there is a ticket, and a password otherwise.
func (o Options) prove(ctx context.Context) (proof, error) {
	c, why := o.SignIn.kerberosFor(o.Account, o.Name, time.Now())
	if why == nil {
		why = o.tickets(ctx, c)
	}
	switch {
	case why == nil:
		p := o.byKerberos(c)
		p.how = "by a ticket of Kerberos"
		return p, nil
	case ctx.Err() != nil:
		return proof{}, context.Cause(ctx)
	case o.Account.User != "":
		return o.byPassword(ctx)
	}
	e := numbered("Kerberos", wts.ErrorSecurityPackage)
	return proof{}, o.otherWay(&msg.SystemError{
		Code: e.Code, Text: e.Text, Cure: fmt.Sprintf("no ticket for %s: %v; or write /user:NAME for a password", o.Name, why),
	})
}

// tickets gets those that will be needed, both at the same time.
func (o Options) tickets(ctx context.Context, c *client.Client) error {
	other := make(chan error, 1)
	go func() { other <- ticket(ctx, apart(c), "host/"+o.Name) }()
	if err := ticket(ctx, c, "cifs/"+o.Name); err != nil {
		return err
	}
	return <-other
}

func (o Options) byKerberos(c *client.Client) proof {
	return proof{
		smb: func() smb2.Initiator { return &smb2.Krb5Initiator{Client: c, TargetSPN: "cifs/" + o.Name} },
		rpc: func() dcerpc.Initiator { return dcerpc.NewSPNEGO(dcerpc.NewKerberos(c, "host/"+o.Name)) },
	}
}

func (o Options) byNTLM(password string) proof {
	user, domain := o.Account.User, o.Account.Domain
	if domain == "." { // of the other computer
		domain = ""
	}
	return proof{
		smb: func() smb2.Initiator {
			return &smb2.NTLMInitiator{User: user, Password: password, Domain: domain, TargetSPN: "cifs/" + o.Name}
		},
		rpc: func() dcerpc.Initiator {
			return dcerpc.NewSPNEGO(dcerpc.NewNTLM(dcerpc.Credentials{User: user, Domain: domain, Password: password, SPN: "host/" + o.Name}))
		},
	}
}

// share is IPC$ of a computer, which has the pipes.
type share struct {
	ipc *smb2.Share
	raw net.Conn
}

// signIn signs in to SMB.
func (o Options) signIn(ctx context.Context, p proof) (share, error) {
	raw, err := o.Dial(ctx)
	if err != nil {
		return share{}, unreachable(o.Name, err)
	}
	d := smb2.Dialer{MaxCreditBalance: maxCredits, Initiator: p.smb(), Negotiator: smb2.Negotiator{RequireMessageSigning: true}}
	session, err := d.DialConn(ctx, &guard{Conn: raw}, raw.RemoteAddr().String())
	if err != nil {
		raw.Close()
		return share{}, o.otherWay(ofSMB("signing in", err))
	}
	ipc, err := session.WithContext(ctx).Mount(`\\` + o.Name + `\IPC$`)
	if err != nil {
		raw.Close()
		return share{}, ofSMB(`connecting to IPC$`, err)
	}
	return share{ipc, raw}, nil
}

// connect signs in and makes the first connection to an interface.
func (o Options) connect(ctx context.Context, r *remote, p proof) error {
	ctx, cancel := context.WithTimeoutCause(ctx, signInTime, fmt.Errorf("%q does not answer: nothing came for %v", o.Name, signInTime))
	defer cancel()
	s, err := o.signIn(ctx, p)
	if err != nil {
		return err
	}
	r.hang = func() { s.raw.Close() }
	r.dial = func(ctx context.Context, pipe string, uuids ...string) ([]caller, error) {
		return bindAll(ctx, func() (io.ReadWriteCloser, error) {
			f, err := openPipe(ctx, s.ipc, pipe)
			if err != nil {
				return nil, ofSMB("opening the pipe "+pipe, err)
			}
			return f, nil
		}, p.rpc, uuids...)
	}
	if err := r.start(ctx); err != nil {
		s.raw.Close()
		return err
	}
	return nil
}

// otherWay lets a computer be reached in another way if it does not take an
// account that nobody has named: the ticket was meant for others.
func (o Options) otherWay(err error) error {
	if o.Account.User != "" {
		return err
	}
	return notMeant{err}
}

// notMeant is errors.ErrUnsupported beside what it is.
type notMeant struct{ error }

// Is makes it errors.ErrUnsupported.
func (notMeant) Is(target error) bool { return target == errors.ErrUnsupported }

// Unwrap is the error itself.
func (e notMeant) Unwrap() error { return e.error }

// unreachable is a computer whose port does not answer.
func unreachable(name string, err error) error {
	e := numbered("connecting", wts.ErrorServerDown)
	why := "port " + port + " does not answer"
	var dns *net.DNSError
	var late net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		why = "there is no computer of that name"
	case errors.As(err, &late) && late.Timeout():
	default:
		why += " (" + text.Line(rootOf(err).Error()) + ")"
	}
	return &msg.SystemError{Code: e.Code, Text: e.Text, Cure: fmt.Sprintf("%s: %s; it is off, its name is wrong, or its firewall blocks TCP port %s; write ssh://%s for a computer with ssh and msgd", name, why, port, name)}
}

// rootOf is the innermost error, which says it in the fewest words.
func rootOf(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
