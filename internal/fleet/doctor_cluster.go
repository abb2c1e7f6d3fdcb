package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// cluster looks at the cluster that a hub stands on, with the keys of the hub.
// It reports whether the hub's process runs.
func (d *doctor) cluster(ctx context.Context, dir string, c hubConfig, members int) bool {
	k := &cluster{dir: dir, config: c, log: slog.New(slog.NewTextHandler(io.Discard, nil)), servers: map[string]bool{}}
	var err error
	if k.system, err = k.dial(systemFile); err != nil {
		d.wrong("have every server include "+ClusterFile+" of the hub's folder, and load it", "system account", "%v", err)
	} else {
		defer k.close()
		d.allServers(k, members)
	}
	own, err := k.dial(ownFile)
	if err != nil {
		d.wrong("have every server include "+ClusterFile+" of the hub's folder, and load it", "account "+account, "%v", err)
		return false
	}
	defer own.Close()
	d.rights(ctx, own)
	d.store(ctx, own)
	if _, err := own.RequestWithContext(bounded(ctx), subjectServes, nil); err != nil {
		d.wrong("start it: msgd hub serve", "hub", "its process does not answer (%v): members that are connected stay so, nobody else gets in, and nothing new is sent", err)
		return false
	}
	return true
}

// bounded is a context for one question; it ends by itself.
func bounded(ctx context.Context) context.Context {
	ctx, cancel := context.WithTimeout(ctx, hubTimeout)
	context.AfterFunc(ctx, cancel)
	return ctx
}

// allServers asks each server how it is, and whether the hub's user in the
// system account may do what it needs.
func (d *doctor) allServers(k *cluster, members int) {
	begin := d.clock()
	var ids []string
	k.ask(askServers, nil, func(a answerOf) {
		var v server.Varz
		if err := json.Unmarshal(a.Data, &v); err != nil {
			d.wrong("install the nats-server of its project", "server "+a.Server.Name, "its answer cannot be read: %v", err)
			return
		}
		ids = append(ids, a.Server.ID)
		d.oneServer("server "+a.Server.Name, v, members)
		d.apart("server "+a.Server.Name, begin, v.Now)
	})
	about := "system account"
	switch n := len(ids); {
	case n == 0:
		d.wrong("have every server include "+ClusterFile+", which allows it, and load it", about, "no server answers %s", askServers)
		return
	case n < clusterReplicas:
		d.wrong("start the others, and look at their routes", about, "%d servers answer, and a stream needs %d", n, clusterReplicas)
	default:
		d.ok(about, "%d servers answer", n)
	}
	if _, err := k.connections(""); err != nil {
		d.wrong("have every server include "+ClusterFile+", which allows it, and load it", about, "who is connected cannot be asked: %v", err)
	} else {
		d.ok(about, "it tells who is connected")
	}
	d.kicks(k, ids[0])
}

// kicks tries to end a connection that there cannot be. A server that may be
// asked says that there is none.
func (d *doctor) kicks(k *cluster, id string) {
	b, err := json.Marshal(server.KickClientReq{})
	if err == nil {
		_, err = k.system.Request("$SYS.REQ.SERVER."+id+".KICK", b, serverAnswers)
	}
	if err != nil {
		d.wrong("have every server include "+ClusterFile+", which allows it, and load it", "system account", "connections of members that are revoked cannot be ended: %v", err)
		return
	}
	d.ok("system account", "connections can be ended")
}

// leastStore is what the streams can grow to on each server.
const leastStore = 2 * streamSize

func (d *doctor) oneServer(about string, v server.Varz, members int) {
	d.version(about, v.Version)
	d.payload(about, int64(v.MaxPayload))
	if v.MaxConn <= members {
		d.wrong("raise max_connections", about, "it takes %d connections, and there are %d members", v.MaxConn, members)
	}
	if gone := absentAfter(v.PingInterval, v.MaxPingsOut); gone > slowPings {
		d.wrong("leave ping_interval and ping_max as "+ClusterFile+" has them", about, "a member whose power was cut counts as connected for up to %v", gone)
	}
	if !v.TLSRequired {
		d.wrong("give it a block tls", about, "it does not want TLS")
	}
	c := v.JetStream.Config
	if c == nil {
		d.wrong("give it a block jetstream, with sync_interval: always", about, "it has no JetStream, which keeps messages")
		return
	}
	if c.MaxStore < leastStore {
		d.wrong(fmt.Sprintf("set max_file in its block jetstream to %d or more", leastStore), about, "its store takes %d bytes", c.MaxStore)
	}
	if !c.SyncAlways {
		every := c.SyncInterval
		if every == 0 {
			every = defaultSync
		}
		d.wrong(`set "sync_interval: always" in its block jetstream, and start it anew`, about, "it writes to the disk every %v: messages that were taken before a power cut would be gone", every)
		return
	}
	d.ok(about, "its store writes each message to the disk at once")
}

// slowPings is too long for a member that is off to count as connected.
const slowPings = 3 * time.Minute

// absentAfter is how long a server takes at most to know that somebody is gone
// without a word, which it looks for at each interval: once it finds that it has
// heard from him since the last time; then it asks.
func absentAfter(interval time.Duration, out int) time.Duration {
	return time.Duration(out+2) * interval
}

// defaultSync is what a nats-server does that is not told.
const defaultSync = 2 * time.Minute

// rights looks at what the hub's user may do.
func (d *doctor) rights(ctx context.Context, own *nats.Conn) {
	about := "account " + account
	m, err := own.RequestWithContext(bounded(ctx), "$SYS.REQ.USER.INFO", nil)
	var info struct {
		Data server.UserInfo `json:"data"`
	}
	if err == nil {
		err = json.Unmarshal(m.Data, &info)
	}
	switch {
	case err != nil:
		d.wrong("have every server include "+ClusterFile+", and load it", about, "what the hub's user may do cannot be asked: %v", err)
	case info.Data.Account != account:
		d.wrong("put it into "+account+", as "+ClusterFile+" does", about, "the hub's user is in the account %q", info.Data.Account)
	case restricted(info.Data.Permissions):
		d.wrong("give it no permissions block, as "+ClusterFile+" does: the account is the fleet's alone", about, "the hub's user may not do everything in it")
	default:
		d.ok(about, "the hub's user may do everything in it")
	}
}

// restricted reports whether somebody may do less than everything. That nobody
// in the account may pretend to be a server that asks is as it should be.
func restricted(p *server.Permissions) bool {
	if p == nil {
		return false
	}
	pub, sub := p.Publish, p.Subscribe
	return pub != nil && (pub.Allow != nil || slices.ContainsFunc(pub.Deny, func(s string) bool { return s != server.AuthCalloutSubject })) ||
		sub != nil && (sub.Allow != nil || len(sub.Deny) > 0)
}

// store looks at the account's limits, and at the streams.
func (d *doctor) store(ctx context.Context, own *nats.Conn) {
	about := "account " + account
	js, err := jetstream.New(own)
	if err != nil {
		d.wrong("look at the log of the servers", about, "%v", err)
		return
	}
	i, err := js.AccountInfo(bounded(ctx))
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		d.wrong("give each server a block jetstream, and the account jetstream: enabled", about, "it has no store: %v", err)
		return
	case err != nil:
		d.wrong("give each server a block jetstream, and the account jetstream: enabled; most of the servers have to run", about, "its store does not answer: %v", err)
		return
	}
	if l := i.Limits; l.MaxStore >= 0 && l.MaxStore < clusterReplicas*leastStore || l.MaxStreams >= 0 && l.MaxStreams < 2 {
		d.wrong(fmt.Sprintf("allow it 2 streams and %d bytes, or have no limits", clusterReplicas*leastStore), about, "it may have %d bytes in %d streams", l.MaxStore, l.MaxStreams)
	}
	for _, name := range []string{streamMSG, streamAUDIT} {
		d.stream(bounded(ctx), js, name)
	}
}

func (d *doctor) stream(ctx context.Context, js jetstream.JetStream, name string) {
	about := "stream " + name
	s, err := js.Stream(ctx, name)
	if err != nil {
		d.wrong("msgd hub serve makes it; most of the servers have to run", about, "%v", err)
		return
	}
	i := s.CachedInfo()
	if i.Config.Replicas != clusterReplicas {
		d.wrong("start msgd hub serve anew, which sets it", about, "it is on %d servers, and has to be on %d", i.Config.Replicas, clusterReplicas)
		return
	}
	var behind []string
	if c := i.Cluster; c == nil || c.Leader == "" {
		behind = []string{"nobody has the say on it"}
	} else {
		for _, r := range c.Replicas {
			if r.Offline || !r.Current {
				behind = append(behind, r.Name+" does not have all of it")
			}
		}
	}
	slices.Sort(behind)
	if len(behind) > 0 {
		d.wrong("start the server, and look at its log and its disk", about, "%s", strings.Join(behind, ", "))
		return
	}
	d.ok(about, "on %d servers, %d messages, %d of %d bytes", i.Config.Replicas, i.State.Msgs, i.State.Bytes, i.Config.MaxBytes)
}
