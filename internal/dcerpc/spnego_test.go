package dcerpc

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

// initExample lists what Windows lists, in its order, with a token.
const initExample = `6042 06062b0601050502 a038 3036 a030 302e
	06092a864882f712010202 06092a864886f712010202 060a2b06010401823702021e 060a2b06010401823702020a
	a202 0400`

func windowsMechs() []oid {
	return []oid{oidMSKerberos, oidKerberos, "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e", oidNTLM}
}

func TestSPNEGOBothWays(t *testing.T) {
	want := negInit{mechs: windowsMechs(), list: mechList(windowsMechs()), token: []byte{}}
	b := want.bytes()
	if !bytes.Equal(b, unhex(t, initExample)) {
		t.Errorf("NegTokenInit is %x", b)
	}
	if got, err := readNegInit(b); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("NegTokenInit is read as %+v, %v", got, err)
	}
	for hex, want := range map[string]negResp{
		"a107 3005 a003 0a0100":                               {state: negCompleted},
		"a115 3013 a003 0a0103 a10c 060a2b06010401823702020a": {state: negRequestMIC, mech: oidNTLM},
		"a10d 300b a203 040101 a304 04020203":                 {state: negNone, token: []byte{1}, mic: []byte{2, 3}},
	} {
		if b := want.bytes(); !bytes.Equal(b, unhex(t, hex)) {
			t.Errorf("NegTokenResp %+v is %x, want %s", want, b, hex)
		}
		if got, err := readNegResp(unhex(t, hex)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %+v, %v", hex, got, err)
		}
	}
}

// TestSPNEGOHints has the NegTokenInit2 of [MS-SPNG] 2.2.1, where hints stand
// in the place of the MIC.
func TestSPNEGOHints(t *testing.T) {
	b := unhex(t, `6040 06062b0601050502 a036 3034 a00e 300c 060a2b06010401823702020a
		a31c 301a a018 1b16 6e6f745f646566696e65645f696e5f52464334313738
		a404 04020102`)
	got, err := readNegInit(b)
	if err != nil || len(got.mechs) != 1 || !bytes.Equal(got.mic, []byte{1, 2}) || got.token != nil {
		t.Errorf("NegTokenInit2 is read as %+v, %v", got, err)
	}
}

func TestSPNEGORefused(t *testing.T) {
	good := unhex(t, initExample)
	for n := range good {
		if _, err := readNegInit(good[:n]); !errors.Is(err, errSPNEGO) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	for _, hex := range []string{"", "a100", "a107 3005 a003 0a0104", "a107 3005 a003 0a01ff", "a104 3002 a200"} {
		if _, err := readNegResp(unhex(t, hex)); !errors.Is(err, errSPNEGO) {
			t.Errorf("%q: %v", hex, err)
		}
	}
}

// TestSPNEGODowngrade changes what client and server say to each other.
func TestSPNEGODowngrade(t *testing.T) {
	p := newPair()
	begin := func() (*spnegoClient, *spnegoAcceptor, []byte) {
		c := NewSPNEGO(negoEx{}, NewNTLM(lower(bob()))).(*spnegoClient)
		first, err := c.step(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return c, &spnegoAcceptor{known: p.server.mechanism}, first
	}
	t.Run("a mechanism that was not offered", func(t *testing.T) {
		c, _, _ := begin()
		if _, err := c.step(t.Context(), negResp{state: negIncomplete, mech: oidKerberos}.bytes()); !errors.Is(err, ErrSecurity) {
			t.Error(err)
		}
	})
	t.Run("rejected", func(t *testing.T) {
		c, _, _ := begin()
		if _, err := c.step(t.Context(), negResp{state: negReject}.bytes()); err == nil {
			t.Error("went on")
		}
	})
	t.Run("the list was cut", func(t *testing.T) {
		c, s, _ := begin()
		in := negInit{list: mechList([]oid{oidNTLM})}.bytes()
		var err error
		for range 3 {
			if in, err = s.step(t.Context(), in); err != nil {
				break
			}
			if in, err = c.step(t.Context(), in); err != nil {
				break
			}
		}
		if !errors.Is(err, ErrSecurity) || c.session() != nil || s.session() != nil {
			t.Errorf("the list was changed: %v", err)
		}
	})
	t.Run("no proof of the list", func(t *testing.T) {
		c, s, in := begin()
		for range 2 {
			out, err := s.step(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if in, err = c.step(t.Context(), out); err != nil {
				t.Fatal(err)
			}
		}
		r, err := readNegResp(in)
		if err != nil || r.mic == nil {
			t.Fatalf("%+v, %v", r, err)
		}
		r.mic = nil
		out, err := s.step(t.Context(), r.bytes())
		if err != nil || s.session() != nil {
			t.Fatalf("the server is done: %v", err)
		}
		if _, err := s.step(t.Context(), negResp{state: negNone}.bytes()); !errors.Is(err, ErrSecurity) || s.session() != nil {
			t.Errorf("the server: %v", err)
		}
		if _, err := c.step(t.Context(), out); !errors.Is(err, ErrSecurity) || c.session() != nil {
			t.Errorf("the client: %v", err)
		}
		if _, err := c.step(t.Context(), negResp{state: negCompleted}.bytes()); !errors.Is(err, ErrSecurity) || c.session() != nil {
			t.Errorf("the client, completed: %v", err)
		}
	})
}

// FuzzSPNEGO reads anything as each token, and gives it to both halves.
func FuzzSPNEGO(f *testing.F) {
	f.Add(negInit{list: mechList(windowsMechs()), token: []byte("x"), mic: []byte("y")}.bytes())
	f.Add(negResp{state: negRequestMIC, mech: oidNTLM, token: []byte("x"), mic: []byte("y")}.bytes())
	f.Add(negInit{list: mechList([]oid{oidNTLM}), token: negotiateMessage(ntlmNeeded)}.bytes())
	server := newPair().server
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := readNegResp(b); err == nil {
			if again, err := readNegResp(r.bytes()); err != nil || !reflect.DeepEqual(again, r) {
				t.Fatalf("%+v becomes %+v, %v", r, again, err)
			}
		}
		if i, err := readNegInit(b); err == nil {
			if again, err := readNegInit(i.bytes()); err != nil || !reflect.DeepEqual(again, i) {
				t.Fatalf("%+v becomes %+v, %v", i, again, err)
			}
		}
		s := &spnegoAcceptor{known: server.mechanism}
		s.step(t.Context(), b)
		if s.chosen != nil {
			s.step(t.Context(), b)
		}
		c := NewSPNEGO(NewNTLM(bob()))
		c.step(t.Context(), nil)
		c.step(t.Context(), b)
		if s.session() != nil || c.session() != nil {
			t.Fatal("something was proved")
		}
	})
}
