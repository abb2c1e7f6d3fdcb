package dcerpc

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// clockSkew is how far the client's clock may be off, as everywhere.
const clockSkew = 5 * time.Minute

// KerberosServer is what the server's half of Kerberos needs: the keys of this
// computer, and a memory of authenticators. Its zero value knows no key.
type KerberosServer struct {
	// Keytab has the keys. A ticket for any of its principals is taken, as
	// other servers do: which names clients type is not known here.
	Keytab *keytab.Keytab

	mu   sync.Mutex
	seen map[[sha256.Size]byte]time.Time // authenticators, RFC 4120 section 3.2.3
	old  time.Time                       // when the oldest of them were forgotten
}

func (k *KerberosServer) acceptor() *krbAcceptor { return &krbAcceptor{server: k} }

// again reports whether an authenticator was used before.
func (k *KerberosServer) again(cipher []byte) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if k.seen == nil {
		k.seen = map[[sha256.Size]byte]time.Time{}
	}
	if now.Sub(k.old) > clockSkew {
		k.old = now
		for sum, at := range k.seen {
			if now.Sub(at) > 2*clockSkew {
				delete(k.seen, sum)
			}
		}
	}
	sum := sha256.Sum256(cipher)
	_, again := k.seen[sum]
	k.seen[sum] = now
	return again
}

// krbAcceptor is the server's half of Kerberos for one connection.
type krbAcceptor struct {
	server *KerberosServer
	who    Account

	key    types.EncryptionKey // of the ticket
	subkey types.EncryptionKey
	auth   types.Authenticator
	number int64 // of the first token from here; 0 before the AP-REQ
	done   *krbSession
}

func (a *krbAcceptor) account() Account { return a.who }

func (a *krbAcceptor) session() session {
	if a.done == nil {
		return nil
	}
	return a.done
}

func (a *krbAcceptor) step(_ context.Context, in []byte) ([]byte, error) {
	switch {
	case a.number == 0:
		return a.begin(in)
	case a.done != nil:
		return nil, errors.New("a further message of Kerberos")
	}
	return nil, a.finish(in)
}

// begin reads the AP-REQ, and answers it.
func (a *krbAcceptor) begin(in []byte) ([]byte, error) {
	if err := a.read(unframed(in)); err != nil {
		return nil, err
	}
	var err error
	if a.subkey, err = newSubkey(a.key); err != nil {
		return nil, err
	}
	a.number = newNumber()
	return sealReply(messages.EncAPRepPart{CTime: a.auth.CTime, Cusec: a.auth.Cusec, Subkey: a.subkey, SequenceNumber: a.number}, a.key)
}

// unframed takes off the frame of GSS-API, which some clients have in spite of
// DCE style: 0x60, length, mechanism, 01 00.
func unframed(in []byte) []byte {
	outer := cryptobyte.String(in)
	var app, id cryptobyte.String
	var kind uint16
	if outer.ReadASN1(&app, tagToken) && outer.Empty() && app.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) && app.ReadUint16(&kind) && kind == 0x100 {
		return app
	}
	return in
}

func (a *krbAcceptor) read(in []byte) (err error) {
	defer guard(&err)
	var req messages.APReq
	if req.Unmarshal(in) != nil {
		return fmt.Errorf("%w: no AP-REQ", errKerberos)
	}
	if len(req.Ticket.SName.NameString) == 0 {
		return fmt.Errorf("%w: a ticket for nobody", errKerberos)
	}
	if err := errors.Join(krbSealedPart(req.Ticket.EncPart), krbSealedPart(req.EncryptedAuthenticator)); err != nil {
		return err
	}
	if err := a.server.open(&req); err != nil {
		return err
	}
	t := &req.Ticket.DecryptedEncPart
	if err := req.DecryptAuthenticator(t.Key); err != nil {
		return fmt.Errorf("%w: the authenticator is not of whom the ticket is", ErrSecurity)
	}
	if err := checkRequest(&req); err != nil {
		return err
	}
	if a.server.again(req.EncryptedAuthenticator.Cipher) {
		return fmt.Errorf("%w: an AP-REQ came a second time", ErrSecurity)
	}
	a.key, a.auth = t.Key, req.Authenticator
	a.who = Account{User: strings.Join(t.CName.NameString, "/"), Domain: t.CRealm, mechanism: "kerberos"}
	return nil
}

// open decrypts the ticket with whichever key does.
func (k *KerberosServer) open(req *messages.APReq) error {
	if k.Keytab != nil {
		for _, e := range k.Keytab.Entries {
			if e.Key.KeyType == req.Ticket.EncPart.EType && req.Ticket.Decrypt(e.Key) == nil {
				return nil
			}
		}
	}
	return fmt.Errorf("the keytab has no key for a ticket for %q of realm %q (encryption type %d, version %d)",
		req.Ticket.SName.PrincipalNameString(), req.Ticket.Realm, req.Ticket.EncPart.EType, req.Ticket.EncPart.KVNO)
}

// checkRequest looks at what a ticket and its authenticator say.
func checkRequest(req *messages.APReq) error {
	t, auth := &req.Ticket.DecryptedEncPart, &req.Authenticator
	if ok, err := req.Ticket.Valid(clockSkew); !ok {
		return fmt.Errorf("the ticket does not hold: %w", err)
	}
	off := time.Since(auth.CTime.Add(time.Duration(auth.Cusec) * time.Microsecond)).Abs()
	switch flags := gssFlags(auth.Cksum); {
	case !auth.CName.Equal(t.CName) || auth.CRealm != t.CRealm:
		return fmt.Errorf("%w: the authenticator is of another than the ticket", ErrSecurity)
	case len(t.CName.NameString) == 0 || t.CName.NameString[0] == "WELLKNOWN": // RFC 8062
		return errors.New("anonymous callers are refused")
	case off > clockSkew:
		return fmt.Errorf("the client's clock is %v off; at most %v are allowed", off.Round(time.Second), clockSkew)
	case len(t.CAddr) > 0:
		return errors.New("the ticket is bound to an address, which is not known of a pipe")
	case flags&gssNeeded != gssNeeded:
		return fmt.Errorf("%w: the client does not ask for mutual proof and sealing in DCE style (flags %#x)", ErrSecurity, flags)
	}
	return nil
}

// finish reads the client's AP-REP. That it holds the number which was made for
// this connection shows that the client has the key now. Its time shows nothing:
// clients put the authenticator's there, or that of the AP-REP's making as MIT's
// library and Impacket do.
func (a *krbAcceptor) finish(in []byte) error {
	part, err := openReply(in, a.key)
	if err != nil {
		return err
	}
	if part.SequenceNumber != a.number {
		return fmt.Errorf("%w: the AP-REP is for another one", ErrSecurity)
	}
	s, err := newKrbSession(a.subkey, true, true, uint64(a.number), uint64(a.auth.SeqNumber))
	if err != nil {
		return err
	}
	a.done = s
	return nil
}
