package dcerpc

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

const (
	realm = "HOME.EXAMPLE"
	spn   = "host/linux.home.example"
)

// newKeytab makes the keys of a server without a KDC.
func newKeytab(t testing.TB, etype int32) *keytab.Keytab {
	t.Helper()
	kt := keytab.New()
	if err := kt.AddEntry(spn, realm, "machine", time.Now().Add(-time.Hour), 2, etype); err != nil {
		t.Fatal(err)
	}
	return kt
}

// newTickets is bob's cache with a ticket that a KDC with these keys would
// give.
func newTickets(t testing.TB, kt *keytab.Keytab, etype int32, who string, end time.Time) *client.Client {
	t.Helper()
	cname := types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, who)
	var cache credentials.CCache
	cache.DefaultPrincipal.Realm, cache.DefaultPrincipal.PrincipalName = realm, cname
	tgs := keytab.New()
	if err := tgs.AddEntry("krbtgt/"+realm, realm, "kdc", time.Now().Add(-time.Hour), 2, etype); err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		name string
		kind int32
		keys *keytab.Keytab
	}{{"krbtgt/" + realm, nametype.KRB_NT_SRV_INST, tgs}, {spn, nametype.KRB_NT_PRINCIPAL, kt}} {
		sname := types.PrincipalName{NameType: s.kind, NameString: strings.Split(s.name, "/")}
		start := time.Now().UTC().Add(-time.Hour)
		ticket, key, err := messages.NewTicket(cname, realm, sname, realm, asn1.BitString{Bytes: make([]byte, 4), BitLength: 32}, s.keys, etype, 2, start, start, end.UTC(), end.UTC())
		if err != nil {
			t.Fatal(err)
		}
		b, err := ticket.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		c := &credentials.Credential{Key: key, AuthTime: start, StartTime: start, EndTime: time.Now().Add(time.Hour), RenewTill: end, Ticket: b}
		c.Server.Realm, c.Server.PrincipalName = realm, sname
		cache.Credentials = append(cache.Credentials, c)
	}
	cl, err := client.NewFromCCache(&cache, config.New())
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

func newKerberos(t testing.TB, p *pair, etype int32) Initiator {
	kt := newKeytab(t, etype)
	p.server.Kerberos = &KerberosServer{Keytab: kt}
	return NewKerberos(newTickets(t, kt, etype, "bob", time.Now().Add(time.Hour)), spn)
}

func init() {
	initiators["kerberos"] = func(t testing.TB, p *pair) Initiator {
		return newKerberos(t, p, etypeID.AES256_CTS_HMAC_SHA1_96)
	}
	initiators["spnego kerberos"] = func(t testing.TB, p *pair) Initiator {
		return NewSPNEGO(newKerberos(t, p, etypeID.AES128_CTS_HMAC_SHA1_96), NewNTLM(lower(bob())))
	}
	initiators["spnego, kerberos second"] = func(t testing.TB, p *pair) Initiator {
		return NewSPNEGO(negoEx{}, newKerberos(t, p, etypeID.AES256_CTS_HMAC_SHA1_96))
	}
	initiators["spnego, kerberos is not there"] = func(t testing.TB, p *pair) Initiator {
		k := newKerberos(t, p, etypeID.AES256_CTS_HMAC_SHA1_96)
		p.server.Kerberos = nil
		return NewSPNEGO(k, NewNTLM(lower(bob())))
	}
}

func TestKerberosCaller(t *testing.T) {
	p := newPair()
	c, _ := p.dial(t, initiators["kerberos"](t, p))
	out, err := c.Call(t.Context(), opCount, nil)
	if err != nil || string(out) != `1 HOME.EXAMPLE\bob kerberos 6 []` {
		t.Errorf("the caller is %s, %v", out, err)
	}
}

// TestKerberosRefused has tickets that do not hold.
func TestKerberosRefused(t *testing.T) {
	const aes = etypeID.AES256_CTS_HMAC_SHA1_96
	for _, c := range []struct {
		name, who, want string
		end             time.Duration
		keys            bool // the server has the right keys
	}{
		{"expired", "bob", "has expired", -10 * time.Minute, true},
		{"anonymous", "WELLKNOWN/ANONYMOUS", "anonymous", time.Hour, true},
		{"other keys", "bob", "no key for a ticket", time.Hour, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair()
			kt := newKeytab(t, aes)
			p.server.Kerberos = &KerberosServer{}
			if c.keys {
				p.server.Kerberos.Keytab = kt
			}
			conn, end := p.serve(t)
			_, err := Dial(t.Context(), conn, ifaceEcho, NewKerberos(newTickets(t, kt, aes, c.who, time.Now().Add(c.end)), spn))
			var r *Reject
			if !errors.As(err, &r) || r.Reason != rejectAuth {
				t.Errorf("Dial: %v", err)
			}
			if err := <-end; err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Serve: %v, want %q", err, c.want)
			}
		})
	}
}

func TestKerberosReplayedRequest(t *testing.T) {
	p := newPair()
	i := initiators["kerberos"](t, p)
	req, err := i.step(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.server.Kerberos.acceptor().step(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if _, err := p.server.Kerberos.acceptor().step(t.Context(), req); !errors.Is(err, ErrSecurity) {
		t.Errorf("the second time: %v", err)
	}
}

// TestKerberosLastReply has the client's AP-REP of other clients: it is about
// the server's number, and has the time at which it was made.
func TestKerberosLastReply(t *testing.T) {
	for name, c := range map[string]struct {
		time   time.Duration
		number int64
		ok     bool
	}{"our own": {0, 0, true}, "the time of its making": {time.Second, 0, true}, "another number": {0, 1, false}} {
		p := newPair()
		k := initiators["kerberos"](t, p).(*krbClient)
		req, err := k.step(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		a := p.server.Kerberos.acceptor()
		rep, err := a.step(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		part, err := openReply(rep, k.key)
		if err != nil {
			t.Fatal(err)
		}
		last, err := sealReply(messages.EncAPRepPart{CTime: part.CTime.Add(c.time), Cusec: part.Cusec, SequenceNumber: part.SequenceNumber + c.number}, k.key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.step(t.Context(), last); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrSecurity) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// krbPair is both ends of a session.
func krbPair(t testing.TB) (a, b *krbSession) {
	t.Helper()
	key := types.EncryptionKey{KeyType: etypeID.AES256_CTS_HMAC_SHA1_96, KeyValue: bytes.Repeat([]byte{7}, 32)}
	a, err1 := newKrbSession(key, false, true, 5, 9)
	b, err2 := newKrbSession(key, true, true, 9, 5)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// TestKerberosTokens looks at the form of tokens, RFC 4121 section 4.2.6.
func TestKerberosTokens(t *testing.T) {
	a, b := krbPair(t)
	mic, err := a.mic([]byte("data"))
	if err != nil || !bytes.HasPrefix(mic, unhex(t, "0404 04 ffffffffff 0000000000000005")) || len(mic) != 28 {
		t.Errorf("MIC token %x, %v", mic, err)
	}
	if err := b.checkMIC([]byte("data"), mic); err != nil {
		t.Error(err)
	}
	p := sealed{bytes.Repeat([]byte{1}, 64), 16, 48, LevelPrivacy, false}
	wrap, err := b.seal(p)
	if err != nil || !bytes.HasPrefix(wrap, unhex(t, "0504 07 ff 0010 001c 0000000000000009")) || len(wrap) != 76 {
		t.Errorf("wrap token %x, %v", wrap, err)
	}
	if err := a.open(p, wrap); err != nil || !bytes.Equal(p.pdu, bytes.Repeat([]byte{1}, 64)) {
		t.Errorf("opened %x, %v", p.pdu, err)
	}
}

// FuzzKerberos reads anything as a message or token.
func FuzzKerberos(f *testing.F) {
	a, b := krbPair(f)
	mic, _ := a.mic([]byte("data"))
	wrap, _ := b.seal(sealed{make([]byte, 64), 16, 48, LevelPrivacy, true})
	kt := newKeytab(f, etypeID.AES256_CTS_HMAC_SHA1_96)
	i := NewKerberos(newTickets(f, kt, etypeID.AES256_CTS_HMAC_SHA1_96, "bob", time.Now().Add(time.Hour)), spn)
	req, err := i.step(f.Context(), nil)
	if err != nil {
		f.Fatal(err)
	}
	rep, err := (&KerberosServer{Keytab: kt}).acceptor().step(f.Context(), req)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{mic, wrap, req, rep} {
		f.Add(seed)
	}
	server := &KerberosServer{Keytab: kt}
	f.Fuzz(func(t *testing.T, b []byte) {
		server.acceptor().step(t.Context(), b)
		openReply(b, kt.Entries[0].Key)
		unframed(b)
		s, _ := krbPair(t)
		s.checkMIC(b, b)
		if err := s.open(sealed{bytes.Clone(b), 0, len(b) / 2, LevelPrivacy, true}, b); err == nil {
			t.Fatal("a token was made up")
		}
	})
}
