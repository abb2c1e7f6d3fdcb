package route

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"msg"
	"msg/internal/hosttest"
	"msg/internal/login"
)

// TestFind has the choice of a way where ssh cannot be one: the name is none.
func TestFind(t *testing.T) {
	refused := &msg.SystemError{Code: 5, Text: "Access is denied.", Cure: "PC refuses"}
	none := msg.UnsupportedError("it has no Terminal Services")
	for _, c := range []struct {
		name    string
		dial    error // of the port
		account bool
		open    error
		by      string // of the way
		want    string // in the error
		opened  bool
	}{
		{"it works", nil, true, nil, "Windows' remote calls", "", true},
		{"it refuses", nil, true, refused, "", "PC refuses", true},
		{"it is Samba", nil, true, none, "", "no route: fleet: not a member; Windows RPC: it has no Terminal Services; ssh: ", true},
		{"nobody has said who", nil, false, nil, "", "Windows RPC: port 445 answers, but no account is given: sign in with kinit, or write /user:NAME; ssh: ", false},
		{"nothing is there", errors.New("connection refused"), true, nil, "", "Windows RPC: connection refused on port 445; ssh: ", false},
		{"silence", context.DeadlineExceeded, true, nil, "", "Windows RPC: port 445 does not answer; ssh: ", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			opened := false
			r := Router{
				RPC: func(_ context.Context, name string, _ *login.Source) (msg.Host, error) {
					opened = true
					if c.open != nil {
						return nil, c.open
					}
					return hosttest.NewFake(), nil
				},
				From: &login.Source{},
				Dial: func(_ context.Context, name string) (net.Conn, error) {
					if name != "pc.invalid" {
						t.Errorf("dialled %q", name)
					}
					a, b := net.Pipe()
					b.Close()
					return a, c.dial
				},
			}
			if c.account {
				r.From.User = "bob"
			}
			computer, err := r.To(t.Context(), "pc.invalid")
			switch {
			case c.by != "":
				if err != nil || computer.By != c.by || computer.Why != "its port 445 answers, and it has Terminal Services" {
					t.Errorf("%+v, %v", computer, err)
				}
			case err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), `"pc.invalid": `):
				t.Errorf("%+v, %v; want %q", computer, err, c.want)
			}
			if opened != c.opened {
				t.Errorf("an account was shown: %v", opened)
			}
			var system *msg.SystemError
			if c.open == error(refused) && !errors.As(err, &system) {
				t.Errorf("the number is lost: %v", err)
			}
		})
	}
}

// proving is a computer that says by what somebody has signed in.
type proving struct{ msg.Host }

func (proving) Proof() string { return "signed in by NTLM, because of the moon" }

// TestProof shows people by what they have signed in.
func TestProof(t *testing.T) {
	r := Router{RPC: func(context.Context, string, *login.Source) (msg.Host, error) {
		return proving{hosttest.NewFake()}, nil
	}, From: &login.Source{User: "bob"}}
	c, err := r.To(t.Context(), "rpc://pc42")
	if err != nil || c.Why != "its name says so; signed in by NTLM, because of the moon" {
		t.Errorf("%+v, %v", c, err)
	}
}
