package samba

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"msg"
	"msg/internal/account"
	"msg/internal/daemon"
	"msg/internal/hosttest"
	"msg/internal/login"
	"msg/internal/tsts"
)

// office is a daemon in front of people who are not there, behind smbd.
type office struct {
	*hosttest.Fake
	*Samba
	daemon *daemon.Daemon
	server *tsts.Server
	log    *hosttest.Screen // what it logs
	stop   func()           // msgd ends
}

var since = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

// seat is a terminal of one of the accounts.
func seat(id, name, user string, does msg.Outcome, answer string) hosttest.Person {
	uid := map[string]string{"alice": "1001", "bob": "1002", "mallory": "1003"}[user]
	return hosttest.Person{Does: does, Answer: answer, Session: msg.Session{Host: Name, ID: id, Name: name, User: user, Account: uid, Kind: msg.KindTerminal,
		State: msg.StateActive, Type: "tty", Idle: 90 * time.Second, Since: since, Source: "fake"}}
}

// open makes an office; change may change the configuration.
func open(t testing.TB, change func(*daemon.Config), people ...hosttest.Person) *office {
	t.Helper()
	o := &office{Samba: Get(t), Fake: hosttest.NewFake(people...), log: &hosttest.Screen{}}
	config := daemon.DefaultConfig()
	config.Journal.Path = filepath.Join(t.TempDir(), "journal.db")
	config.Limits.MessagesPerMinute, config.Limits.Burst = 100_000, 100_000
	if change != nil {
		change(&config)
	}
	logger := slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	accounts := account.New()
	var err error
	if o.daemon, err = daemon.Open(config, o.Fake, accounts, logger); err != nil {
		t.Fatal(err)
	}
	keys, realm, err := tsts.LoadKeytab(Keytab)
	if err != nil || realm != Realm {
		t.Fatal(realm, err)
	}
	names := &tsts.Names{Computer: "LINUXBOX", Realm: realm, Accounts: accounts}
	winbind := &tsts.Winbind{Names: names}
	o.server = &tsts.Server{Service: o.daemon, Names: names, NTLM: winbind, Kerberos: keys, Accounts: accounts, Log: logger, Groups: config.Groups(),
		MaxClients: config.Limits.Clients, MaxPerUser: config.Limits.ClientsPerAccount}
	for _, name := range config.Windows.Administrators {
		o.server.Administrators = append(o.server.Administrators, strings.TrimPrefix(name, "@"))
	}
	o.serve(t)
	t.Cleanup(winbind.Close)
	return o
}

func (o *office) serve(t testing.TB) {
	running, stop := context.WithCancel(context.Background())
	serving, stopServing := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		defer stopServing()
		if err := o.daemon.Run(running); err != nil {
			t.Error(err)
		}
	})
	if err := os.MkdirAll(filepath.Dir(Sockets), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(Sockets, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
	for name, pipe := range tsts.Pipes {
		l, err := net.Listen("unix", filepath.Join(Sockets, name))
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			if err := o.server.Serve(serving, l, pipe); err != nil {
				t.Error(err)
			}
		})
	}
	o.stop = sync.OnceFunc(func() {
		stop()
		all.Wait()
		if err := o.daemon.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(o.stop)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(o.log.String())
		}
	})
}

// account is one of Users by its password.
func as(user string) login.Account {
	return login.Account{User: user, Domain: "LINUXBOX"}.With(Password(user))
}

// byTicket is one of Users by Kerberos.
func (o *office) byTicket(t testing.TB, user string) login.Account {
	return login.Account{CCache: o.CCache(t, user), Config: Krb5Conf}
}

// host signs in to the office.
func host(t testing.TB, a login.Account) msg.Host {
	t.Helper()
	h, err := tsts.Open(t.Context(), tsts.Options{Name: FQDN, Account: a})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// send sends, and returns the last receipt of each session by its ID.
func send(t testing.TB, ctx context.Context, h msg.Host, to string, m msg.Message) (map[string]msg.Receipt, error) {
	t.Helper()
	target, err := msg.ParseTarget(to)
	if err != nil {
		t.Fatal(err)
	}
	last := map[string]msg.Receipt{}
	err = h.Send(ctx, target, m, func(r msg.Receipt) { last[r.Session.ID] = r })
	return last, err
}
