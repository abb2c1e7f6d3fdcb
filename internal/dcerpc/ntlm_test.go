package dcerpc

import (
	"bytes"
	"crypto/rc4"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The values of [MS-NLMP] 4.2: the user "User" of "Domain" with the password
// "Password", at the server "Server".
const (
	exampleChallenge = `4e544c4d53535000 02000000 0c000c0038000000 33828ae2 0123456789abcdef 0000000000000000
		2400240044000000 06007017 0000000f 530065007200760065007200 02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000`
	exampleBlob = `0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000
		02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000 00000000`
)

// TestNTLMExample is [MS-NLMP] 4.2.4, step by step.
func TestNTLMExample(t *testing.T) {
	key := ntowf("User", "Domain", "Password")
	check := func(what string, got []byte, want string) {
		t.Helper()
		if !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("%s is %x, want %s", what, got, want)
		}
	}
	check("NTOWFv2", key, "0c868a403bfd7a93a3001ef22ef02e3f")
	c, err := readChallenge(unhex(t, exampleChallenge))
	if err != nil {
		t.Fatal(err)
	}
	if c.target != "Server" || c.flags != 0xe28a8233 || string(findPair(c.pairs, avDomain)) != string(utf16le("Domain")) {
		t.Errorf("the challenge is read as %+v", c)
	}
	response, base := ntlmResponse(key, c.nonce, unhex(t, exampleBlob))
	check("NTProofStr", response[:16], "68cd0ab851e51c96aabc927bebef6a1c")
	check("SessionBaseKey", base, "8de40ccadbc14a82f15cb0ad0de95ca3")
	random := bytes.Repeat([]byte{0x55}, 16)
	check("EncryptedRandomSessionKey", rc4Once(base, random), "c5dad2544fc979909 4ce1ce90bc9d03e")

	way := newNTLMWay(random, toServer)
	check("SIGNKEY", way.sign, "4788dc861b4782f35d43fd98fe1a2d39")
	sealing, err := rc4.NewCipher(unhex(t, "59f600973cc4960a25480a7c196e4c58"))
	if err != nil || *sealing != *way.handle {
		t.Error("SEALKEY is not that of the example")
	}
	s := newNTLMSession(random, toServer, toClient)
	text := utf16le("Plaintext")
	token, err := s.seal(sealed{pdu: text, to: len(text), level: LevelPrivacy})
	if err != nil {
		t.Fatal(err)
	}
	check("sealed message", text, "54e50165bf1936dc996020c1811b0f06fb5f")
	check("signature", token, "01000000 7fb38ec5c55d4976 00000000")

	peer := newNTLMSession(random, toClient, toServer)
	if err := peer.open(sealed{pdu: text, to: len(text), level: LevelPrivacy}, token); err != nil || !bytes.Equal(text, utf16le("Plaintext")) {
		t.Errorf("opened: %x, %v", text, err)
	}
}

// TestNTLMResponseBlob makes the example's blob of what the challenge says,
// but for the pairs that are added since Windows Vista.
func TestNTLMResponseBlob(t *testing.T) {
	c, err := readChallenge(unhex(t, exampleChallenge))
	if err != nil {
		t.Fatal(err)
	}
	n := &ntlmClient{random: func(n int) []byte { return bytes.Repeat([]byte{0xaa}, n) }, now: time.Now}
	// The example's time is 1601; the server's is taken where it tells one.
	c.pairs = append(c.pairs, avPair{avTime, make([]byte, 8)})
	n.cred.SPN = "host/pc"
	got, err := readPairs(n.blob(c.pairs)[ntlmBlobHeader:])
	if err != nil {
		t.Fatal(err)
	}
	if b := n.blob(c.pairs); !bytes.Equal(b[:ntlmBlobHeader], unhex(t, exampleBlob)[:ntlmBlobHeader]) {
		t.Errorf("the blob begins with %x", b[:ntlmBlobHeader])
	}
	if string(findPair(got, avTarget)) != string(utf16le("host/pc")) || findPair(got, avFlags)[0] != avFlagMIC ||
		!bytes.Equal(findPair(got, avBindings), make([]byte, 16)) || string(findPair(got, avComputer)) != string(utf16le("Server")) {
		t.Errorf("the pairs are %v", got)
	}
}

func TestNTLMMessagesBothWays(t *testing.T) {
	const negotiate = "4e544c4d53535000 01000000 378208e0 0000000000000000 0000000000000000 000000000000000f"
	if b := negotiateMessage(0xe0088237); !bytes.Equal(b, unhex(t, negotiate)) {
		t.Errorf("NEGOTIATE is %x", b)
	}
	if f, err := readNegotiate(unhex(t, negotiate)); f != 0xe0088237 || err != nil {
		t.Errorf("NEGOTIATE is read as %#x, %v", f, err)
	}
	// The example says another version of Windows.
	want := unhex(t, exampleChallenge)
	copy(want[48:], ntlmRevision)
	c, err := readChallenge(want)
	if b := c.bytes(); err != nil || !bytes.Equal(b, want) {
		t.Errorf("CHALLENGE is %x, %v", b, err)
	}
	m := authenticateMessage{[]byte{1}, []byte{2, 3}, "Dömäne", "User", "PC", bytes.Repeat([]byte{4}, 16), 5}
	got, err := readAuthenticate(m.bytes())
	if err != nil || got.user != m.user || got.domain != m.domain || got.workstation != m.workstation ||
		!bytes.Equal(got.lm, m.lm) || !bytes.Equal(got.nt, m.nt) || !bytes.Equal(got.key, m.key) || got.flags != 5 {
		t.Errorf("AUTHENTICATE is read as %+v, %v", got, err)
	}
}

func TestNTLMMessagesRefused(t *testing.T) {
	challenge := unhex(t, exampleChallenge)
	for _, c := range []struct {
		name   string
		change func([]byte) []byte
	}{
		{"empty", func(b []byte) []byte { return nil }},
		{"magic", func(b []byte) []byte { b[0] = 'X'; return b }},
		{"type", func(b []byte) []byte { b[8] = 3; return b }},
		{"short", func(b []byte) []byte { return b[:40] }},
		{"field outside", func(b []byte) []byte { b[44] = 0xff; return b }},
		{"field far outside", func(b []byte) []byte { copy(b[44:], "\xff\xff\xff\xff"); return b }},
		{"half a character", func(b []byte) []byte { b[12]--; return b }},
		{"pairs without end", func(b []byte) []byte { b[40] -= 4; return b }},
	} {
		if _, err := readChallenge(c.change(bytes.Clone(challenge))); !errors.Is(err, errNTLM) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestNTLMDowngrade has a server that asks for less.
func TestNTLMDowngrade(t *testing.T) {
	for _, flag := range []uint32{ntlmSign, ntlmSeal, ntlmExtended, ntlm128, ntlmKeyExchange, ntlmUnicode, ntlmTargetInfo} {
		n := NewNTLM(Credentials{User: "u", Password: "p"})
		if _, err := n.step(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		c := challengeMessage{flags: (ntlmNeeded | ntlmTargetInfo) &^ flag}
		if _, err := n.step(t.Context(), c.bytes()); !errors.Is(err, ErrSecurity) || n.session() != nil {
			t.Errorf("without flag %#x: %v", flag, err)
		}
	}
}

// FuzzNTLM reads anything as each message.
func FuzzNTLM(f *testing.F) {
	f.Add(unhex(f, exampleChallenge))
	f.Add(negotiateMessage(ntlmNeeded))
	f.Add(authenticateMessage{nt: append(make([]byte, 16), unhex(f, exampleBlob)...), user: "User"}.bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if f, err := readNegotiate(b); err == nil && f != 0 {
			if again, err := readNegotiate(negotiateMessage(f)); err != nil || again != f {
				t.Fatalf("flags %#x become %#x, %v", f, again, err)
			}
		}
		if c, err := readChallenge(b); err == nil {
			again, err := readChallenge(c.bytes())
			if err != nil || again.nonce != c.nonce || len(again.pairs) != len(c.pairs) {
				t.Fatalf("%+v becomes %+v, %v", c, again, err)
			}
		}
		if m, err := readAuthenticate(b); err == nil {
			m.pairs()
		}
		n := NewNTLM(Credentials{User: "u"})
		n.step(t.Context(), nil)
		n.step(t.Context(), b)
	})
}
