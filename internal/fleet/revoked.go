package fleet

import (
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nkeys"
)

// Revocations is the list of keys and grants that do not count any more. The
// list with the highest serial replaces all before it.
type Revocations struct {
	Org    string    `json:"org"`
	Serial int       `json:"serial"`
	Issued time.Time `json:"issued"`
	Keys   []string  `json:"keys"` // public keys, and IDs of grants
}

func (r *Revocations) times() []time.Time { return []time.Time{r.Issued} }

func (r Revocations) has(key string) bool { return slices.Contains(r.Keys, key) }

// With is the next list, with more on it. Its serial is a time, if that is more:
// a hub that was restored from a copy may not know how many there were.
func (r Revocations) With(org string, now time.Time, keys ...string) Revocations {
	next := Revocations{Org: org, Serial: max(r.Serial+1, int(now.Unix())), Issued: now.UTC().Truncate(time.Second), Keys: slices.Clone(r.Keys)}
	for _, k := range keys {
		if !next.has(k) {
			next.Keys = append(next.Keys, k)
		}
	}
	return next
}

// Seal signs the list with the key of the organisation.
func (r Revocations) Seal(org nkeys.KeyPair) ([]byte, error) {
	return seal(org, domainRevoked, r, nil)
}

// openRevocations checks a sealed list.
func openRevocations(data []byte, org string) (Revocations, error) {
	var r Revocations
	s, err := parseSealed(data)
	if err == nil {
		err = s.unseal(org, domainRevoked, &r)
	}
	if err == nil && (r.Org != org || r.Serial < 1) {
		err = fmt.Errorf("%w: it is of another organisation", errProof)
	}
	if err != nil {
		return Revocations{}, fmt.Errorf("the list of what is revoked is %w", err)
	}
	return r, nil
}

// revoke takes over a list if it is newer.
func (v *verifier) revoke(data []byte) (newer bool, err error) {
	r, err := openRevocations(data, v.org)
	if err != nil {
		return false, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if r.Serial <= v.revoked.Serial {
		return false, nil
	}
	v.revoked = r
	return true, nil
}

func (v *verifier) isRevoked(key string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.revoked.has(key)
}
