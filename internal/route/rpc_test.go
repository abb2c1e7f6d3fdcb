package route

import (
	"context"
	"errors"
	"strings"
	"testing"

	"msg"
	"msg/internal/hosttest"
	"msg/internal/login"
)

// rpcRouter reaches Windows computers that are all the same fake; opened are
// the names.
func rpcRouter(fake *hosttest.Fake, opened *[]string) Router {
	return Router{Sender: func() string { return `CORP\me` }, Native: true, RPC: func(_ context.Context, name string, _ *login.Source) (msg.Host, error) {
		*opened = append(*opened, name)
		if name == "broken" {
			return nil, errors.New("no handle")
		}
		return fake, nil
	}}
}

func TestToRPC(t *testing.T) {
	var opened []string
	r := rpcRouter(hosttest.NewFake(), &opened)
	for name, why := range map[string]string{"PC42": "the way of this system", `\\PC42`: "the way of this system", "rpc://PC42/": "its name says so", "fe80::1%4": "the way of this system"} {
		opened = nil
		c, err := r.To(t.Context(), name)
		if err != nil || c.By != "Windows' remote calls" || c.Why != why || len(opened) != 1 || strings.ContainsAny(opened[0], `\/`) {
			t.Errorf("%q: %+v, %v, opened %q", name, c, err, opened)
		}
	}
	for name, want := range map[string]string{
		"-x": "that is not the name of a computer", "a b": "that is not the name of a computer", `a\b`: "that is not the name of a computer",
		"x\x1b": "that is not the name of a computer", "rpc://": "that is not the name of a computer", "broken": "no handle",
		"bob@pc": "that is not the name of a computer",
	} {
		if c, err := r.To(t.Context(), name); err == nil || !strings.HasSuffix(err.Error(), ": "+want) {
			t.Errorf("%q: %+v, %v", name, c, err)
		}
	}
	opened = nil
	if c, err := r.To(t.Context(), "ssh://web1"); err != nil || c.By != "ssh" || opened != nil {
		t.Errorf("ssh://web1: %+v, %v", c, err)
	}
	if c, err := r.To(t.Context(), "localhost"); err != nil || c.By != "" || opened != nil {
		t.Errorf("localhost: %+v, %v", c, err)
	}
}

func TestOverRPC(t *testing.T) {
	s := msg.Session{Host: "PC42", ID: "1", Name: "Console", User: `CORP\bob`, Kind: msg.KindDesktop, State: msg.StateActive}
	fake := hosttest.NewFake(hosttest.Person{Session: s})
	var opened []string
	c, err := rpcRouter(fake, &opened).To(t.Context(), "PC42")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if list, err := c.Sessions(t.Context()); err != nil || len(list) != 1 || list[0] != s {
		t.Errorf("Sessions: %+v, %v", list, err)
	}
	target := msg.Target{msg.ParseSelector("bob")}
	m := hosttest.Message("Hello")
	m.Title, m.From = "", "whoever"
	n := 0
	if err := c.Send(t.Context(), target, m, func(msg.Receipt) { n++ }); err != nil || n != 1 {
		t.Errorf("Send: %v, %d receipts", err, n)
	}
	if shown := fake.Screen(s).String(); !strings.Contains(shown, `Message from CORP\me`) || strings.Contains(shown, "whoever") {
		t.Errorf("shown %q", shown)
	}
	m.Queue = 1
	if err := c.Send(t.Context(), target, m, func(msg.Receipt) { t.Error("a receipt") }); !errors.Is(err, errors.ErrUnsupported) || !strings.HasPrefix(err.Error(), `"PC42": `) {
		t.Errorf("keeping: %v", err)
	}
	if err := c.Messages(t.Context(), "", 1, func(msg.Record) { t.Error("a record") }); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Messages: %v", err)
	}
	if _, err := c.DND(t.Context()); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("DND: %v", err)
	}
}
