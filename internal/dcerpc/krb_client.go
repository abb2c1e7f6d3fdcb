package dcerpc

import (
	"context"
	"errors"
	"fmt"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// krbClient is the client's half of Kerberos.
type krbClient struct {
	tickets *client.Client
	spn     string

	key  types.EncryptionKey // of the ticket
	auth *types.Authenticator
	done *krbSession
}

// NewKerberos proves who the client is to the service with the name spn, as in
// host/pc42.example. Where its ticket comes from (a cache of credentials, a
// keytab or a password) is for whoever makes the Kerberos client.
func NewKerberos(tickets *client.Client, spn string) Initiator {
	return &krbClient{tickets: tickets, spn: spn}
}

func (k *krbClient) kind() uint8  { return authKerberos }
func (k *krbClient) mechs() []oid { return []oid{oidMSKerberos, oidKerberos} }

func (k *krbClient) session() session {
	if k.done == nil {
		return nil
	}
	return k.done
}

func (k *krbClient) step(ctx context.Context, in []byte) ([]byte, error) {
	switch {
	case k.auth == nil:
		return k.begin(ctx)
	case k.done != nil:
		return nil, errors.New("a further message of Kerberos")
	}
	return k.finish(in)
}

// ticket asks for one. The library knows no contexts: when ctx ends first, its
// answer, which it gives up on by itself, is not waited for.
func (k *krbClient) ticket(ctx context.Context) (messages.Ticket, error) {
	type answer struct {
		ticket messages.Ticket
		key    types.EncryptionKey
		err    error
	}
	got := make(chan answer, 1)
	go func() {
		var a answer
		defer func() { got <- a }()
		defer guard(&a.err)
		a.ticket, a.key, a.err = k.tickets.GetServiceTicket(k.spn)
	}()
	select {
	case a := <-got:
		if a.err != nil {
			return a.ticket, fmt.Errorf("asking for a ticket for %q: %w", k.spn, a.err)
		}
		k.key = a.key
		return a.ticket, nil
	case <-ctx.Done():
		return messages.Ticket{}, ctx.Err()
	}
}

// begin makes the AP-REQ.
func (k *krbClient) begin(ctx context.Context) ([]byte, error) {
	ticket, err := k.ticket(ctx)
	if err != nil {
		return nil, err
	}
	who := k.tickets.Credentials
	auth, err := types.NewAuthenticator(who.Domain(), who.CName())
	if err != nil {
		return nil, fmt.Errorf("making an authenticator: %w", err)
	}
	auth.Cksum, auth.SeqNumber = gssSum(), newNumber()
	if auth.SubKey, err = newSubkey(k.key); err != nil {
		return nil, err
	}
	req, err := messages.NewAPReq(ticket, k.key, auth)
	if err != nil {
		return nil, fmt.Errorf("making an AP-REQ: %w", err)
	}
	types.SetFlag(&req.APOptions, flags.APOptionMutualRequired)
	k.auth = &auth
	return req.Marshal()
}

// finish reads the server's AP-REP and answers it with one.
func (k *krbClient) finish(in []byte) ([]byte, error) {
	part, err := openReply(in, k.key)
	if err != nil {
		return nil, err
	}
	if !sameTime(part, k.auth.CTime, k.auth.Cusec) {
		return nil, fmt.Errorf("%w: the AP-REP is for another AP-REQ", ErrSecurity)
	}
	key, own := k.auth.SubKey, len(part.Subkey.KeyValue) > 0
	if own {
		key = part.Subkey
	}
	out, err := sealReply(messages.EncAPRepPart{CTime: k.auth.CTime, Cusec: k.auth.Cusec, SequenceNumber: part.SequenceNumber}, k.key)
	if err != nil {
		return nil, err
	}
	s, err := newKrbSession(key, false, own, uint64(k.auth.SeqNumber), uint64(part.SequenceNumber))
	if err != nil {
		return nil, err
	}
	k.done = s
	return out, nil
}
