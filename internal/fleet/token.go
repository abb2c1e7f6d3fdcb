package fleet

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/nats-io/nkeys"
)

// JoinToken is what makes a computer a member: where the hub is, how to know it
// and the organisation, and a secret that the hub takes for so many computers.
type JoinToken struct {
	Hubs   []string // HOST:PORT, or srv:DOMAIN
	Pin    []byte   // SHA-256 of the public key of the hub's certificate
	Org    string   // public key of the organisation
	Secret string
}

const (
	tokenMark  = "msg1"
	pinSize    = 32
	secretSize = 16
	maxToken   = 2000
)

var tokenCode = base64.RawURLEncoding.Strict()

// String writes the token in one word.
func (t JoinToken) String() string {
	return strings.Join([]string{tokenMark, tokenCode.EncodeToString([]byte(strings.Join(t.Hubs, ","))), tokenCode.EncodeToString(t.Pin), t.Org, t.Secret}, ".")
}

var errToken = errors.New("that is not a join token: it begins with msg1. and is printed by msgd hub init and msgd hub token")

// ParseJoinToken reads what String wrote.
func ParseJoinToken(s string) (JoinToken, error) {
	parts := strings.Split(strings.TrimSpace(s), ".")
	if len(s) > maxToken || len(parts) != 5 || parts[0] != tokenMark {
		return JoinToken{}, errToken
	}
	hubs, err1 := tokenCode.DecodeString(parts[1])
	pin, err2 := tokenCode.DecodeString(parts[2])
	secret, err3 := tokenCode.DecodeString(parts[4])
	t := JoinToken{Hubs: strings.Split(string(hubs), ","), Pin: pin, Org: parts[3], Secret: parts[4]}
	if errors.Join(err1, err2, err3) != nil || len(pin) != pinSize || len(secret) != secretSize || !nkeys.IsValidPublicAccountKey(t.Org) {
		return JoinToken{}, errToken
	}
	for _, h := range t.Hubs {
		if err := checkAddress(h); err != nil {
			return JoinToken{}, fmt.Errorf("the join token is wrong: %w", err)
		}
	}
	return t, nil
}

// checkHub checks the address of a hub.
func checkHub(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || host+":" == srvMark || strings.ContainsAny(address, ", /@") {
		return fmt.Errorf("%q is not the address of a hub: write HOST:PORT", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q is not the address of a hub: its port is a number from 1 to 65535", address)
	}
	return nil
}
