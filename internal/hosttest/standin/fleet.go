package standin

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"msg"
	"msg/internal/control"
)

// fleetOf is the fleet in members.json, or nil.
func fleetOf(ts *testscript.TestScript, d *msgd) *control.Fleet {
	b, err := os.ReadFile(ts.MkAbs("members.json"))
	if err != nil {
		return nil
	}
	f := &fleet{msgd: d}
	ts.Check(json.Unmarshal(b, &f.list))
	return &control.Fleet{Send: f.send, Sessions: f.sessions, Members: f.members}
}

type fleet struct {
	msgd *msgd
	list []msg.Member
}

func (f *fleet) members(_ context.Context, _ msg.Principal, hosts []string) (list []msg.Member, err error) {
	for _, m := range f.list {
		if len(hosts) == 0 || slices.ContainsFunc(hosts, func(h string) bool {
			tag, isTag := strings.CutPrefix(h, "tag:")
			fits, err := path.Match(h, m.Name)
			return isTag && slices.Contains(m.Tags, tag) || fits && err == nil
		}) {
			list = append(list, m)
		}
	}
	return list, nil
}

func (f *fleet) send(ctx context.Context, p msg.Principal, hosts []string, t msg.Target, m msg.Message, report func(msg.Receipt), reach func(msg.Reach)) error {
	if strings.Contains(m.Text, "forbidden") {
		return msg.ErrRefused
	}
	list, err := f.members(ctx, p, hosts)
	r := msg.Reach{Hosts: len(list)}
	for _, x := range list {
		if !x.Online {
			r.Absent++
			report(msg.Receipt{Message: m.ID, Session: msg.Session{Host: x.Name, Idle: msg.IdleUnknown}, Outcome: msg.OutcomeFailed, Detail: "it is not connected", At: time.Now(), Final: true})
			continue
		}
		r.Reached++
		err = errors.Join(err, f.msgd.Send(ctx, p, t, m, func(y msg.Receipt) {
			y.Session.Host = x.Name
			if report(y); y.Final {
				r.Sessions++
			}
			if y.Outcome == msg.OutcomeAnswered {
				r.Answered++
			}
		}))
		reach(r)
	}
	reach(r)
	return err
}

func (f *fleet) sessions(ctx context.Context, p msg.Principal, hosts []string) (all []msg.Session, err error) {
	list, err := f.members(ctx, p, hosts)
	for _, x := range list {
		if !x.Online {
			err = errors.New(x.Name + ": it is not connected")
			continue
		}
		there, _ := f.msgd.Sessions(ctx, p)
		for _, s := range there {
			s.Host = x.Name
			all = append(all, s)
		}
	}
	return all, err
}
