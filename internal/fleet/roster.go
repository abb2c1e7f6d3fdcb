package fleet

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
)

// A sender asks before each message who is there. As long as the members are
// the same it is told that, and who of them is connected: a bit for each, in
// the place of a list of which everything else is known already.

// digestOf is the same for lists with the same members, as far as a message is
// concerned: who is connected, and since when, is no part of it.
func digestOf(list []MemberInfo) []byte {
	var b []byte
	text := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	for _, m := range list {
		text(m.Name)
		text(m.Key)
		text(m.Site)
		b = binary.AppendVarint(b, int64(m.Number))
		b = binary.AppendUvarint(b, uint64(len(m.Tags)))
		for _, tag := range m.Tags {
			text(tag)
		}
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

// brief leaves the members out of an answer to somebody who knows them. A list
// that has more than one page is always told.
func (t told) brief(a ask) told {
	if a.Name != "" || t.More {
		return t
	}
	t.Digest = digestOf(t.Members)
	if !bytes.Equal(t.Digest, a.Digest) {
		return t
	}
	for i, m := range t.Members {
		if m.Online {
			t.Online.set(i, true)
		}
	}
	t.Members = nil
	return t
}

// roster asks who the members are, and who of them is connected; what else is
// known of them may be older.
func (n *Node) roster(ctx context.Context) (told, error) {
	n.mu.Lock()
	known := n.known
	n.mu.Unlock()
	t, err := n.fleet(ctx, ask{Digest: known.Digest})
	switch {
	case err != nil:
		return told{}, err
	case len(t.Members) == 0 && t.Digest != nil && bytes.Equal(t.Digest, known.Digest):
		t.Members = slices.Clone(known.Members)
		for i := range t.Members {
			t.Members[i].Online = t.Online.has(i)
		}
		return t, nil
	case t.Digest != nil && !bytes.Equal(t.Digest, digestOf(t.Members)):
		return told{}, errors.New("asking the hub: its list of members is not what it says that it is")
	}
	n.mu.Lock()
	n.known = t
	n.mu.Unlock()
	return t, nil
}
