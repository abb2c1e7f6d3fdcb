package control

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/hosttest"
)

// fleetClient is a client of a msgd with that fleet.
func fleetClient(f *Fleet) *Client {
	s := &Server{Service: newService(), Host: "web1", Fleet: f}
	return NewClient(func(context.Context) (io.ReadWriteCloser, error) {
		ours, theirs := net.Pipe()
		go s.ServeConn(context.Background(), theirs, msg.Principal{User: "bob", Account: "1001"})
		return ours, nil
	}, "")
}

func TestFleet(t *testing.T) {
	seen := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	away := msg.Session{Host: "lab-08", Idle: msg.IdleUnknown}
	there := msg.Session{Host: "lab-07", ID: "1", Name: "pts/1", User: "bob", Kind: msg.KindTerminal, State: msg.StateActive, Idle: msg.IdleUnknown}
	c := fleetClient(&Fleet{
		Send: func(_ context.Context, p msg.Principal, hosts []string, to msg.Target, m msg.Message, report func(msg.Receipt), reach func(msg.Reach)) error {
			if p.User != "bob" || !slices.Equal(hosts, []string{"tag:lab"}) || to.Strings()[0] != "*" {
				t.Errorf("%v, %q, %q", p, hosts, to.Strings())
			}
			report(msg.Receipt{Message: m.ID, Session: there, Outcome: msg.OutcomeAccepted, At: seen, Final: true})
			report(msg.Receipt{Message: m.ID, Session: away, Outcome: msg.OutcomeFailed, Detail: "it is not connected", At: seen, Final: true})
			reach(msg.Reach{Hosts: 2, Reached: 1, Absent: 1, Sessions: 1})
			return nil
		},
		Sessions: func(context.Context, msg.Principal, []string) ([]msg.Session, error) {
			return []msg.Session{there}, errors.New("lab-08: it is not connected")
		},
		Members: func(_ context.Context, _ msg.Principal, hosts []string) ([]msg.Member, error) {
			if len(hosts) == 1 {
				return nil, msg.ErrRefused
			}
			return []msg.Member{{Name: "lab-07", Tags: []string{"lab"}, Online: true, Seen: seen, Version: "1.0"}}, nil
		},
	})
	var receipts []msg.Receipt
	var reach msg.Reach
	to := msg.Target{msg.ParseSelector("*")}
	m := hosttest.Message("Hello")
	err := c.SendTo(t.Context(), []string{"tag:lab"}, to, m, func(r msg.Receipt) { receipts = append(receipts, r) }, func(r msg.Reach) { reach = r })
	if err != nil || len(receipts) != 2 || receipts[0].Session != there || receipts[1].Session != away || reach != (msg.Reach{Hosts: 2, Reached: 1, Absent: 1, Sessions: 1}) {
		t.Errorf("SendTo: %v, %+v, %+v", err, receipts, reach)
	}
	if list, err := c.SessionsOf(t.Context(), []string{"*"}); err == nil || err.Error() != "lab-08: it is not connected" || len(list) != 1 || list[0] != there {
		t.Errorf("SessionsOf: %+v, %v", list, err)
	}
	if list, err := c.Members(t.Context(), nil); err != nil || len(list) != 1 || list[0].Name != "lab-07" || !list[0].Seen.Equal(seen) {
		t.Errorf("Members: %+v, %v", list, err)
	}
	if list, err := c.Members(t.Context(), []string{"x"}); !errors.Is(err, msg.ErrRefused) || list != nil {
		t.Errorf("Members of x: %+v, %v", list, err)
	}
	if err := c.SendTo(t.Context(), []string{""}, to, m, nil, nil); !errors.Is(err, errLine) {
		t.Errorf("an empty host: %v", err)
	}
	none := fleetClient(nil)
	if _, err := none.Members(t.Context(), nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("without a fleet: %v", err)
	}
	if _, err := decodeRequest([]byte(`{"version":1,"op":"dnd","hosts":["a"]}`)); !errors.Is(err, errLine) || !strings.Contains(err.Error(), "no hosts") {
		t.Errorf("hosts where there are none: %v", err)
	}
}
