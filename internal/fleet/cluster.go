package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

// cluster is the site's own NATS cluster, as the hub sees it: it serves the
// callout there, and asks the system account who is connected.
type cluster struct {
	dir     string
	config  hubConfig
	log     *slog.Logger
	callout *callout
	system  *nats.Conn
	done    chan struct{}
	finish  func() // closes done, once

	mu      sync.Mutex
	servers map[string]bool // IDs of those that run, as far as one knows
}

// askServers is answered by each server, with how it is.
const askServers = "$SYS.REQ.SERVER.PING.VARZ"

// Times of a cluster.
const (
	serverAnswers = time.Second            // a server that takes longer does not run
	othersAnswer  = 300 * time.Millisecond // after the first, as long as one does not know how many there are
	reachAgain    = 250 * time.Millisecond
	pingServer    = 5 * time.Second // the second that is not answered is the end of a connection
	anotherHub    = time.Second
)

func openCluster(dir string, c hubConfig, b *book, log *slog.Logger) (*cluster, error) {
	issuer, err1 := LoadKey(filepath.Join(dir, issuerFile))
	seal, err2 := loadCurve(filepath.Join(dir, calloutFile))
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	k := &cluster{dir: dir, config: c, log: log, done: make(chan struct{}), servers: map[string]bool{}}
	k.finish = sync.OnceFunc(func() { close(k.done) })
	k.callout = &callout{guard: newGuard(b, c, "", log), issuer: issuer, seal: seal}
	var err error
	if k.system, err = k.dial(systemFile); err != nil {
		return nil, err
	}
	if err := k.know(); err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

// loadCurve reads a key that things are sealed for.
func loadCurve(path string) (nkeys.KeyPair, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	key, err := nkeys.FromCurveSeed(bytes.TrimSpace(b))
	if err != nil {
		return nil, fmt.Errorf("reading a key: %q has none: %v", path, err)
	}
	return key, nil
}

// dial connects with a key of the folder.
func (k *cluster) dial(file string, more ...nats.Option) (*nats.Conn, error) {
	key, err := LoadKey(filepath.Join(k.dir, file))
	if err != nil {
		return nil, err
	}
	public, err := key.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("key of the hub: %w", err)
	}
	servers := k.config.Cluster.Servers
	conn, err := nats.Connect(urls(servers), append([]nats.Option{nats.Secure(pinned(k.config.Cluster.Pin, servers...)), nats.TLSHandshakeFirst(),
		nats.Nkey(public, key.Sign), nats.Name(userHub), nats.Timeout(hubTimeout), nats.MaxReconnects(-1), nats.ReconnectWait(reachAgain), nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(pingServer), nats.MaxPingsOutstanding(2),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { k.log.Warn("hub", "error", err) })}, more...)...)
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrNkeysNotSupported):
		return nil, fmt.Errorf("reaching the cluster on %s: it does not know the key of the hub in %s: have its servers include %s of this folder, and load it", strings.Join(servers, ","), file, ClusterFile)
	case err != nil:
		return nil, fmt.Errorf("reaching the cluster on %s: %w; msgd doctor says more", strings.Join(servers, ","), err)
	}
	return conn, nil
}

// know keeps up with which servers there are: each says so every ten seconds.
// The first to be known are those that answer now.
func (k *cluster) know() error {
	_, err := k.system.Subscribe("$SYS.SERVER.*.STATSZ", func(m *nats.Msg) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.servers[strings.Split(m.Subject, ".")[2]] = true
	})
	if err == nil {
		err = k.system.Flush()
	}
	if err != nil {
		return fmt.Errorf("listening to the servers of the cluster: %w", err)
	}
	if len(k.ask(askServers, nil, nil)) == 0 {
		return fmt.Errorf("no server of the cluster answers the hub's user in its system account: have them include %s, and load it", ClusterFile)
	}
	return nil
}

// connect makes the hub's own connection, and waits until the cluster has a
// store, which takes seconds when all servers have just begun.
func (k *cluster) connect() (*nats.Conn, error) {
	conn, err := k.dial(ownFile, nats.ClosedHandler(func(*nats.Conn) { k.finish() }))
	if err != nil {
		return nil, err
	}
	if err := waitForStore(conn); err != nil {
		conn.Close()
		return nil, err
	}
	if _, err := conn.Request(subjectServes, nil, anotherHub); err == nil {
		conn.Close()
		return nil, errors.New("another process serves this fleet already: there may be one, because it writes the book")
	}
	return conn, nil
}

func waitForStore(conn *nats.Conn) error {
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), hubStarts)
	defer cancel()
	again := time.NewTicker(reachAgain)
	defer again.Stop()
	for {
		ask, stop := context.WithTimeout(ctx, hubTimeout)
		_, err := js.AccountInfo(ask)
		stop()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
			return fmt.Errorf("the account %s has no store: %w; msgd doctor says more", account, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the store of the account %s does not answer: %w; msgd doctor says more", account, err)
		case <-again.C:
		}
	}
}

// subjectServes is answered by the process that serves the fleet.
const subjectServes = prefix + "serves"

func (k *cluster) admit(own *nats.Conn) error {
	_, err1 := own.Subscribe(subjectServes, func(m *nats.Msg) { _ = m.Respond(nil) })
	_, err2 := own.Subscribe(server.AuthCalloutSubject, k.callout.serve)
	if err := errors.Join(err1, err2, own.Flush()); err != nil {
		return fmt.Errorf("serving the auth callout: %w", err)
	}
	return nil
}

// answerOf is what a server tells the system account.
type answerOf struct {
	Server struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"server"`
	Data  json.RawMessage `json:"data"`
	Error *struct {
		Description string `json:"description"`
	} `json:"error"`
}

// ask asks all servers, and waits for those that it knows of. The known ones
// that do not answer are not there any more, until they say so themselves. each
// may be nil.
func (k *cluster) ask(subject string, question any, each func(answerOf)) (answered map[string]bool) {
	answered = map[string]bool{}
	b, err := json.Marshal(question)
	if err != nil {
		return answered
	}
	inbox := k.system.NewInbox()
	sub, err := k.system.SubscribeSync(inbox)
	if err != nil {
		return answered
	}
	defer func() { _ = sub.Unsubscribe() }()
	_ = sub.SetPendingLimits(-1, -1)
	if k.system.PublishRequest(subject, inbox, b) != nil {
		return answered
	}
	known := k.known()
	ctx, cancel := context.WithTimeout(context.Background(), serverAnswers)
	defer cancel()
	for !all(known, answered) {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			break
		}
		var a answerOf
		if json.Unmarshal(m.Data, &a) != nil || a.Server.ID == "" {
			continue
		}
		answered[a.Server.ID] = true
		if each != nil {
			each(a)
		}
		if len(known) == 0 {
			var stop context.CancelFunc
			ctx, stop = context.WithTimeout(context.Background(), othersAnswer)
			defer stop()
		}
	}
	k.learn(known, answered)
	return answered
}

func (k *cluster) known() map[string]bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.servers)
}

// all reports whether all servers that are known have answered.
func all(known, answered map[string]bool) bool {
	for id := range known {
		if !answered[id] {
			return false
		}
	}
	return len(known) > 0
}

// learn forgets the servers that should have answered and did not.
func (k *cluster) learn(known, answered map[string]bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id := range known {
		if !answered[id] {
			delete(k.servers, id)
		}
	}
	maps.Copy(k.servers, answered)
}

func (k *cluster) connections(key string) (list []connection, err error) {
	q := server.ConnzOptions{Username: true, Limit: maxConnections, User: key, Account: account}
	answered := k.ask("$SYS.REQ.ACCOUNT."+account+".CONNZ", q, func(a answerOf) {
		var z server.Connz
		if a.Error != nil {
			err = errors.Join(err, fmt.Errorf("server %s: %s", a.Server.Name, a.Error.Description))
		} else if wrong := json.Unmarshal(a.Data, &z); wrong != nil {
			err = errors.Join(err, fmt.Errorf("server %s: %w", a.Server.Name, wrong))
		}
		list = append(list, connectionsOf(&z, a.Server.ID, key)...)
	})
	if len(answered) == 0 {
		err = errors.New("no server of the cluster answers")
	}
	return list, err
}

func (k *cluster) disconnect(c connection) {
	b, err := json.Marshal(server.KickClientReq{CID: c.id})
	if err == nil {
		// Nobody waits for the answer; without a way to answer the server does nothing.
		err = k.system.PublishRequest("$SYS.REQ.SERVER."+c.server+".KICK", k.system.NewInbox(), b)
	}
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) { // then the hub has ended
		k.log.Error("ending a connection", "server", c.server, "error", err)
	}
}

// clusterReplicas is on how many servers each stream is.
const clusterReplicas = 3

func (k *cluster) replicas() int          { return clusterReplicas }
func (k *cluster) address() string        { return strings.Join(k.config.Cluster.Servers, ",") }
func (k *cluster) ended() <-chan struct{} { return k.done }
func (k *cluster) close()                 { k.system.Close() }
