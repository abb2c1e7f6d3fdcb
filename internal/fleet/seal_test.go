package fleet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"

	"msg"
)

// TestDecode holds that only what encode writes is read.
func TestDecode(t *testing.T) {
	good := must1(encode(map[string]any{"id": "x", "serial": 7}))
	for what, c := range map[string]struct {
		b    []byte
		want string
	}{
		"good":                          {good, ""},
		"a field of others":             {must1(encode(map[string]any{"id": "x", "extra": 1})), "unknown field"},
		"a name in capitals":            {must1(encode(map[string]any{"ID": "x"})), "unknown field"},
		"a field twice":                 {[]byte("\xa2\x62id\x61x\x62id\x61y"), "duplicate"},
		"something behind it":           {append(slices.Clone(good), 0), "extraneous"},
		"cut off":                       {good[:len(good)-1], "EOF"},
		"text that is none":             {[]byte("\xa1\x62id\x61\xff"), "UTF-8"},
		"bytes for text":                {[]byte("\xa1\x62id\x41x"), "cannot unmarshal"},
		"without a length":              {[]byte("\xbf\x62id\x61x\xff"), "indefinite"},
		"a tag":                         {[]byte("\xa1\x62id\xc0\x61x"), "tag"},
		"deep":                          {append(bytes.Repeat([]byte("\x81"), 100), 0), "nested"},
		"receipts with nothing in them": {append([]byte("\xa1\x68receipts\x9a\x00\x01\x00\x00"), bytes.Repeat([]byte("\xa0"), 1<<16)...), "exceeded max number of elements"},
		"a list of 4 thousand million":  {[]byte("\xa1\x68receipts\x9a\xff\xff\xff\xff"), "it cannot be read"},
	} {
		var r Report
		wantErr(t, what, decode(c.b, &r), c.want)
	}
}

// TestTimes holds that no time is read that could not be written into a file: what
// is told of all members would be lost with that of one.
func TestTimes(t *testing.T) {
	for _, at := range []any{1 << 60, -1 << 50, "2026-01-01T00:00:00+24:00"} {
		for what, c := range map[string]struct {
			v    any
			into dated
		}{
			"report":      {map[string]any{"at": at}, &Report{}},
			"receipt":     {map[string]any{"receipts": []any{map[string]any{"at": at}}}, &Report{}},
			"its session": {map[string]any{"receipts": []any{map[string]any{"session": map[string]any{"Since": at}}}}, &Report{}},
			"session":     {map[string]any{"sessions": []any{map[string]any{"Since": at}}}, &Report{}},
			"summary":     {map[string]any{"at": at}, &Summary{}},
			"message":     {map[string]any{"message": map[string]any{"sent": at}}, &Envelope{}},
			"issued":      {map[string]any{"issued": at}, &Envelope{}},
			"expires":     {map[string]any{"expires": at}, &Envelope{}},
			"again":       {map[string]any{"again": at}, &Envelope{}},
			"grant":       {map[string]any{"issued": at}, &Grant{}},
			"its end":     {map[string]any{"may": map[string]any{"until": at}}, &Grant{}},
			"list":        {map[string]any{"issued": at}, &Revocations{}},
		} {
			wantErr(t, fmt.Sprint(what, " with ", at), decode(must1(encode(c.v)), c.into), "outside of range")
		}
	}
}

// TestReportInText holds that names that are no text are told all the same.
func TestReportInText(t *testing.T) {
	_, org := newOrg(t)
	key, public := newUser(t)
	id := msg.NewID(noon)
	s := msg.Session{Host: "lab-07", ID: "pts/\xff", Name: "\xff", User: "bob\xfe", Account: "\xff", Type: "\xff", Source: "\xff", Since: noon, Idle: msg.IdleUnknown}
	r := Report{Org: org, ID: id, Sender: "desk-1", Host: "lab-07", Serial: 1, At: noon, Error: "no \xff", Sessions: []msg.Session{s},
		Receipts: []msg.Receipt{{Session: s, Outcome: msg.OutcomeFailed, Detail: "\xff", Answer: "\xff", Surface: "\xff", At: noon}}}
	got, err := openReport(must1(r.Seal(key)), subjectAck("desk-1", id, "lab-07"), org, public)
	if err != nil {
		t.Fatal(err)
	}
	told := strings.ReplaceAll(fmt.Sprint(r.Sessions, r.Receipts, r.Error), "\xff", "\uFFFD")
	told = strings.ReplaceAll(strings.ReplaceAll(told, "\xfe", "\uFFFD"), "[{ {", "[{"+id+" {")
	expect(t, "told", fmt.Sprint(got.Sessions, got.Receipts, got.Error), told)
	expect(t, "what it is here", r.Receipts[0].Session.User, "bob\xfe")
}

// TestGenuine holds that each signature is judged for itself, whichever come
// together, and that no key signs everything.
func TestGenuine(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 4, atOnce, atOnce + 1} {
		var claims []claim
		var want []bool
		for i := range n {
			key, public := newUser(t)
			s := first(parseSealed(must1(seal(key, domainReport, Report{Serial: i}, nil))))
			wrong := n%2 == 1 && i%3 == 1
			if wrong {
				s.Sig[i%len(s.Sig)] ^= 1
			}
			claims, want = append(claims, first(s.signedBy(public, domainReport))), append(want, !wrong)
		}
		if got := genuine(claims); !slices.Equal(got, want) {
			t.Errorf("of %d: %v, want %v", n, got, want)
		}
	}
	nobody := first(nkeys.Encode(nkeys.PrefixByteUser, append([]byte{1}, make([]byte, 31)...))) // the neutral element
	_, err := publicKey(string(nobody))
	wantErr(t, "a key of small order", err, "is not a key")
	_, err = publicKey(first(first(nkeys.CreateServer()).PublicKey()))
	wantErr(t, "the key of a server", err, "is not a key")
}

// FuzzDecode holds that what can be read can be written into a file, and is the
// same when it is signed anew.
func FuzzDecode(f *testing.F) {
	r := Report{ID: msg.NewID(noon), At: noon, Done: true, Missing: []string{"x"}, Receipts: []msg.Receipt{{At: noon}}}
	f.Add(must1(r.encode()))
	f.Add(must1(encode(Summary{Reached: bitmap{6}, At: noon, Exceptions: []item{{"a", []byte("b")}}})))
	f.Add(must1(encode(testEnvelope("O", "desk-1"))))
	f.Add(must1(encode(Grant{Issued: noon, May: May{Until: noon}})))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, into := range []dated{&Report{}, &Summary{}, &Envelope{}, &Grant{}, &Revocations{}} {
			if decode(b, into) != nil {
				continue
			}
			if _, err := json.Marshal(into); err != nil {
				t.Fatalf("%T of %q: %v", into, b, err)
			}
			again := must1(encode(into))
			if err := decode(again, into); err != nil || !bytes.Equal(must1(encode(into)), again) {
				t.Fatalf("%T of %q, signed anew: %v", into, b, err)
			}
		}
	})
}
