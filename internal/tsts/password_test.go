package tsts

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"

	"msg/internal/login"
)

// realms is a configuration of Kerberos with some.
func realms(t testing.TB, lines string) *config.Config {
	t.Helper()
	conf, err := config.NewFromString("[libdefaults]\n default_realm = CORP.EXAMPLE\n" + lines +
		"\n[realms]\n LAB.TEST = {\n  kdc = 192.0.2.1:88\n  kdc = 192.0.2.2:88\n  kdc = 192.0.2.3:88\n }\n CORP.OTHER = {\n  kdc = 192.0.2.4\n }\n")
	if err != nil {
		t.Fatal(err)
	}
	return conf
}

// TestPrincipal has who is tried by Kerberos, and as whom.
func TestPrincipal(t *testing.T) {
	for _, c := range []struct{ written, computer, conf, want string }{
		{"bob@CORP.EXAMPLE", "pc42", "", "bob@CORP.EXAMPLE"},
		{"bob@corp.example", "pc42.corp.example", "", "bob@CORP.EXAMPLE"},
		{"bob@lab.test", "pc42", "", "bob@LAB.TEST"},
		{`CORP\bob`, "pc42", "", "bob@CORP.EXAMPLE"}, // and not CORP.OTHER: it is the usual one
		{`corp.other\bob`, "pc42", "", "bob@CORP.OTHER"},
		{`lab\bob`, "pc42", "", "bob@LAB.TEST"},

		{"bob@CORP.EXAMPLE", "192.0.2.9", "", "its address"},
		{"bob@CORP.EXAMPLE", "2001:db8::9", "", "its address"},
		{"bob", "pc42", "", "one of the computer itself"},
		{`.\bob`, "pc42", "", "one of the computer itself"},
		{`PC42\bob`, "pc42", "", "one of the computer itself"},
		{`LAB\bob`, "lab.corp.example", "", "one of the computer itself"}, // a computer of that name
		{`OTHER\bob`, "pc42", "", `no realm for "OTHER"`},
		{"bob@corp", "pc42", "", `no realm for "corp"`},
		{"bob@other.example", "pc42", "", `no realm for "other.example"`},

		{"bob@other.example", "pc42", " dns_lookup_kdc = true", "bob@OTHER.EXAMPLE"},
		{`OTHER\bob`, "pc42", " dns_lookup_kdc = true", `no realm for "OTHER"`},
	} {
		a, err := login.Parse(c.written)
		if err != nil {
			t.Fatal(err)
		}
		user, realm, err := principal(a, c.computer, realms(t, c.conf))
		var never notKerberos
		switch {
		case err == nil && user+"@"+realm != c.want:
			t.Errorf("%s to %s: %s@%s, want %s", c.written, c.computer, user, realm, c.want)
		case err != nil && (!strings.Contains(err.Error(), c.want) || !errors.As(err, &never)):
			t.Errorf("%s to %s: %v, want %s", c.written, c.computer, err, c.want)
		}
	}
}

// TestWithin bounds a library that never comes back, and one that panics.
func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		defer close(end)
		begin := time.Now()
		silent := func() error { <-end; return nil }
		if err := within(t.Context(), silent); err == nil || time.Since(begin) != ticketTime {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := within(ctx, silent); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the end of the context: %v", err)
		}
		if err := within(t.Context(), func() error { var none []string; return errors.New(none[0]) }); err == nil {
			t.Error("a panic is no error")
		}
	})
}

// TestApart has many look for servers of Kerberos at the same time: the race
// detector would tell.
func TestApart(t *testing.T) {
	c := client.NewWithPassword("bob", "LAB.TEST", "geheim", realms(t, ""), client.DisablePAFXFAST(true))
	var all sync.WaitGroup
	for range 4 {
		own := apart(c)
		all.Go(func() {
			for range 100 {
				if n, kdcs, err := own.Config.GetKDCs("LAB.TEST", true); err != nil || n != 3 || len(kdcs) != 3 {
					t.Errorf("%d, %v, %v", n, kdcs, err)
				}
			}
		})
	}
	all.Wait()
}
