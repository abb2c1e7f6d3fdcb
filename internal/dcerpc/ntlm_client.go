package dcerpc

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Credentials are a name and password for NTLM.
type Credentials struct {
	User, Domain string
	Password     string `json:"-"`
	Workstation  string // of this computer, told to the server
	SPN          string // of the server, as in host/pc42; may be empty
}

// String and GoString keep the password out of errors and logs.
func (c Credentials) String() string { return fmt.Sprintf("%s\\%s", c.Domain, c.User) }

// GoString is for %#v.
func (c Credentials) GoString() string { return c.String() }

// ntlmClient is the client's half of NTLM.
type ntlmClient struct {
	cred      Credentials
	password  func() string // a function, because it cannot be printed
	flags     uint32
	negotiate []byte
	done      *ntlmSession
	random    func(n int) []byte
	now       func() time.Time
}

// NewNTLM proves a password by NTLM, version 2. On its own it is sent as it is
// (kind 10); within NewSPNEGO as one of the mechanisms.
func NewNTLM(cred Credentials) Initiator {
	password := cred.Password
	cred.Password = ""
	return &ntlmClient{cred: cred, password: func() string { return password }, random: randomBytes, now: time.Now}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func (n *ntlmClient) kind() uint8  { return authNTLM }
func (n *ntlmClient) mechs() []oid { return []oid{oidNTLM} }

func (n *ntlmClient) session() session {
	if n.done == nil {
		return nil
	}
	return n.done
}

func (n *ntlmClient) step(_ context.Context, in []byte) ([]byte, error) {
	if n.negotiate != nil {
		return n.authenticate(in)
	}
	n.flags = ntlmNeeded | ntlmTarget | ntlmNTLM | ntlmAlwaysSign | ntlmVersion | ntlm56
	n.negotiate = negotiateMessage(n.flags)
	return n.negotiate, nil
}

func (n *ntlmClient) authenticate(challenge []byte) ([]byte, error) {
	c, err := readChallenge(challenge)
	switch {
	case err != nil:
		return nil, err
	case n.done != nil:
		return nil, errors.New("a second challenge of NTLM")
	case c.flags&ntlmNeeded != ntlmNeeded:
		return nil, fmt.Errorf("%w: the server asks for less of NTLM than signing and sealing with 128 bits (flags %#x)", ErrSecurity, c.flags)
	case c.flags&ntlmTargetInfo == 0:
		return nil, fmt.Errorf("%w: the server knows only the first version of NTLM", ErrSecurity)
	}
	key := ntowf(n.cred.User, n.cred.Domain, n.password())
	nt, base := ntlmResponse(key, c.nonce, n.blob(c.pairs))
	exported := n.random(16)
	m := authenticateMessage{
		lm: make([]byte, 24), nt: nt,
		domain: n.cred.Domain, user: n.cred.User, workstation: n.cred.Workstation,
		key: rc4Once(base, exported), flags: n.flags&c.flags | ntlmTargetInfo,
	}
	b := m.bytes()
	copy(b[ntlmMIC:], hmacMD5(exported, n.negotiate, challenge, b))
	n.done = newNTLMSession(exported, toServer, toClient)
	return b, nil
}

// blob is NTLMv2_CLIENT_CHALLENGE, [MS-NLMP] 2.2.2.7: the time and what the
// server said of itself, to which 3.1.5.1.2 adds that there is a MIC, whom the
// client means, and that there is no channel around it.
func (n *ntlmClient) blob(pairs []avPair) []byte {
	b := make([]byte, ntlmBlobHeader, 256)
	b[0], b[1] = 1, 1
	if stamp := findPair(pairs, avTime); len(stamp) == 8 {
		copy(b[8:], stamp)
	} else {
		binary.LittleEndian.PutUint64(b[8:], fileTime(n.now()))
	}
	copy(b[16:], n.random(8))
	var own []avPair
	for _, p := range pairs {
		if p.id != avFlags && p.id != avTarget && p.id != avBindings {
			own = append(own, p)
		}
	}
	own = append(own, avPair{avFlags, []byte{avFlagMIC, 0, 0, 0}}, avPair{avTarget, utf16le(n.cred.SPN)}, avPair{avBindings, make([]byte, 16)})
	b = append(b, writePairs(own)...)
	return append(b, 0, 0, 0, 0)
}

// fileTime is Windows' time: 100 ns since 1601.
func fileTime(t time.Time) uint64 { return uint64(t.UnixNano()/100) + 116444736000000000 }
