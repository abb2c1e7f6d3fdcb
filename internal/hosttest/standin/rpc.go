package standin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"msg"
	"msg/internal/hosttest"
	"msg/internal/login"
	"msg/internal/route"
)

// Windows computers are those of the folder rpc of the script:
//
//	rpc/HOST/people.json  who is signed in there; what they are shown is in
//	                      rpc/HOST/screens
//	rpc/HOST/samba        its port answers, and it has no Terminal Services
//	rpc/HOST/error        or it answers with this number of an error
//	rpc/HOST/account      is written: the account and password that it got
//
// Without the folder there are no remote calls at all.
func addRPC(r *route.Router, env Environment) {
	dir := filepath.Join(env(workVar), "rpc")
	if _, err := os.Stat(dir); err != nil {
		return
	}
	r.Dial = func(_ context.Context, name string) (net.Conn, error) {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return nil, errors.New("connection refused")
		}
		here, there := net.Pipe()
		there.Close()
		return here, nil
	}
	r.RPC = func(_ context.Context, name string, from *login.Source) (msg.Host, error) {
		return openRPC(filepath.Join(dir, name), name, from)
	}
}

func openRPC(dir, name string, from *login.Source) (msg.Host, error) {
	a, err := from.Account()
	if err != nil {
		return nil, err
	}
	who := a.String() + " by a ticket\n"
	if a.User != "" {
		password, err := a.Password()
		if err != nil {
			return nil, err
		}
		who = a.String() + " " + password + "\n"
	}
	if _, err := os.Stat(filepath.Join(dir, "samba")); err == nil {
		return nil, msg.UnsupportedError("it has no Terminal Services")
	}
	if b, err := os.ReadFile(filepath.Join(dir, "error")); err == nil {
		e := &msg.SystemError{Text: "Words of Windows.", Cure: name + " says no"}
		if _, err := fmt.Sscan(string(b), &e.Code); err != nil {
			return nil, err
		}
		return nil, e
	}
	if err := os.WriteFile(filepath.Join(dir, "account"), []byte(who), 0o600); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, "people.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &msg.SystemError{Code: 1722, Text: "The RPC server is unavailable.", Cure: name + " does not answer"}
	}
	if err != nil {
		return nil, err
	}
	fake, err := hosttest.ReadFake(strings.NewReader(string(b)))
	return windows{Desk{fake}, filepath.Join(dir, "screens")}, err
}

// windows is a computer whose screens outlive the process.
type windows struct {
	Desk
	screens string
}

// Close writes what was shown.
func (w windows) Close() error {
	if err := os.MkdirAll(w.screens, 0o755); err != nil {
		return err
	}
	return w.Save(w.screens)
}
