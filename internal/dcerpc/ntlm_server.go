package dcerpc

import (
	"context"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Verifier knows, or asks who knows, whether a response to a challenge is that
// of an account. Its error says nothing of passwords; it is logged, and not
// told to the client, but for a *Fault in it: without one access is denied.
type Verifier interface {
	Verify(ctx context.Context, challenge [8]byte, domain, user, workstation string, lm, nt []byte) (sessionBaseKey [16]byte, account Account, err error)
}

// NTLMServer is what the server's half of NTLM says of itself, and whom it
// asks.
type NTLMServer struct {
	Computer, Domain       string // NetBIOS names
	DNSComputer, DNSDomain string // may be empty
	Verifier               Verifier
}

func (n *NTLMServer) acceptor() *ntlmAcceptor { return &ntlmAcceptor{server: n} }

// ntlmAcceptor is the server's half of NTLM for one connection.
type ntlmAcceptor struct {
	server               *NTLMServer
	flags                uint32
	nonce                [8]byte
	negotiate, challenge []byte
	who                  Account
	done                 *ntlmSession
}

func (a *ntlmAcceptor) account() Account { return a.who }

func (a *ntlmAcceptor) session() session {
	if a.done == nil {
		return nil
	}
	return a.done
}

func (a *ntlmAcceptor) step(ctx context.Context, in []byte) ([]byte, error) {
	switch {
	case a.done != nil:
		return nil, errors.New("a further message of NTLM")
	case a.challenge != nil:
		return nil, a.authenticate(ctx, in)
	}
	asked, err := readNegotiate(in)
	if err != nil {
		return nil, err
	}
	if asked&ntlmNeeded != ntlmNeeded {
		return nil, fmt.Errorf("%w: the client asks for less of NTLM than signing and sealing with 128 bits (flags %#x)", ErrSecurity, asked)
	}
	a.flags = ntlmNeeded | ntlmTarget | ntlmNTLM | ntlmAlwaysSign | ntlmServer | ntlmTargetInfo | ntlmVersion | asked&ntlm56
	copy(a.nonce[:], randomBytes(8))
	a.negotiate = in
	a.challenge = challengeMessage{a.flags, a.nonce, a.server.Computer, a.server.pairs()}.bytes()
	return a.challenge, nil
}

func (n *NTLMServer) pairs() []avPair {
	stamp := binary.LittleEndian.AppendUint64(nil, fileTime(time.Now()))
	return []avPair{
		{avDomain, utf16le(n.Domain)}, {avComputer, utf16le(n.Computer)},
		{avDNSDomain, utf16le(n.DNSDomain)}, {avDNSComputer, utf16le(n.DNSComputer)},
		{avTime, stamp},
	}
}

func (a *ntlmAcceptor) authenticate(ctx context.Context, in []byte) error {
	m, err := readAuthenticate(in)
	if err != nil {
		return err
	}
	pairs, err := m.pairs()
	switch {
	case err != nil:
		return err
	case m.user == "":
		return errors.New("anonymous callers are refused")
	case m.flags&ntlmNeeded != ntlmNeeded || len(m.key) != 16:
		return fmt.Errorf("%w: the client does not sign and seal with 128 bits (flags %#x)", ErrSecurity, m.flags)
	}
	base, who, err := a.server.Verifier.Verify(ctx, a.nonce, m.domain, m.user, m.workstation, m.lm, m.nt)
	if err != nil {
		return fmt.Errorf("checking the account %q of domain %q: %w", m.user, m.domain, err)
	}
	key := rc4Once(base[:], m.key)
	if err := a.checkMIC(pairs, in, key); err != nil {
		return err
	}
	who.mechanism = "ntlm"
	a.who, a.done = who, newNTLMSession(key, toClient, toServer)
	return nil
}

// checkMIC looks at the MIC over all three messages, if the client says in
// what it signed that there is one.
func (a *ntlmAcceptor) checkMIC(pairs []avPair, in, key []byte) error {
	flags := findPair(pairs, avFlags)
	if len(flags) != 4 || flags[0]&avFlagMIC == 0 {
		return nil
	}
	if len(in) < ntlmPayload || !hmac.Equal(in[ntlmMIC:ntlmPayload], hmacMD5(key, a.negotiate, a.challenge, withoutMIC(in))) {
		return fmt.Errorf("%w: the messages of NTLM were changed", ErrSecurity)
	}
	return nil
}
