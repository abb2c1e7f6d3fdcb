package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	"golang.org/x/time/rate"
)

// Hub is the office's own server: a nats-server in this process, with the
// member book in front of it. It holds no key that could sign a message.
type Hub struct {
	dir    string
	config hubConfig
	book   *book
	log    *slog.Logger
	server *server.Server
	conn   *nats.Conn // its own
	js     jetstream.JetStream
	msgs   jetstream.Stream
	audit  jetstream.Stream
	acks   *acks
	sites  *sites // those with leaf hubs
	leaf   *leaf  // if this is one; else nil
}

// Limits of a hub's store, which would otherwise take most of the disk.
const (
	storeSize  = 1 << 30
	streamSize = 256 << 20
	keepAudit  = 90 * 24 * time.Hour
	dedupe     = time.Hour

	streamMSG   = "MSG"
	streamAUDIT = "AUDIT"

	maxPayload = 8 << 20 // a report of a computer with thousands of sessions
	hubStarts  = 20 * time.Second
)

// StartHub starts the hub of a folder. Close ends it.
func StartHub(dir string, log *slog.Logger) (*Hub, error) {
	c, err := loadHub(dir)
	if err != nil {
		return nil, err
	}
	b, err := loadBook(dir)
	if err != nil {
		return nil, err
	}
	own, err := nkeys.CreateUser()
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	public, err := own.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	o, err := serverOptions(dir, c)
	if err != nil {
		return nil, err
	}
	o.CustomClientAuthentication = &guard{book: b, admin: c.Admin, own: public, log: log, lines: rate.NewLimiter(4, 20)}
	h := &Hub{dir: dir, config: c, book: b, log: log}
	if h.sites, err = openSites(h, dir); err != nil {
		return nil, err
	}
	if c.Leaf != nil {
		b.site = c.Site
	}
	if h.server, err = server.NewServer(o); err != nil {
		return nil, fmt.Errorf("starting the hub: %w", err)
	}
	h.server.SetLoggerV2(serverLog{log}, false, false, false)
	h.server.Start()
	if !h.server.ReadyForConnections(hubStarts) {
		h.Close()
		return nil, fmt.Errorf("starting the hub: it does not get ready on %s; is the port in use?", c.Listen)
	}
	if err := h.open(own, public); err != nil {
		h.Close()
		return nil, fmt.Errorf("starting the hub: %w", err)
	}
	return h, nil
}

// serverOptions are those of the nats-server.
func serverOptions(dir string, c hubConfig) (*server.Options, error) {
	cert, err := loadCertificate(dir)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("the hub listens on %q: %w", c.Listen, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("the hub listens on %q: %w", c.Listen, err)
	}
	number := int(n)
	if n == 0 {
		number = server.RANDOM_PORT
	}
	return &server.Options{
		ServerName: hubName, Host: host, Port: number, NoSigs: true, AlwaysEnableNonce: true,
		TLSHandshakeFirst: true, TLSTimeout: 30, AuthTimeout: 30, MaxPayload: maxPayload, MaxConn: 100_000,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}},
		JetStream: true, StoreDir: filepath.Join(dir, storeDir), JetStreamMaxStore: storeSize, JetStreamMaxMemory: 64 << 20,
		// The default writes to the disk every two minutes: what was taken
		// before a power cut would be gone.
		SyncAlways: true,
	}, nil
}

// open makes the hub's own connection, which is inside of the process, its
// streams, and its services.
func (h *Hub) open(own nkeys.KeyPair, public string) (err error) {
	h.conn, err = nats.Connect("", nats.InProcessServer(h.server), nats.Nkey(public, own.Sign), nats.Name(userHub), nats.MaxReconnects(-1))
	if err != nil {
		return fmt.Errorf("its own connection: %w", err)
	}
	if h.js, err = jetstream.New(h.conn); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), hubStarts)
	defer cancel()
	h.msgs, err = h.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: streamMSG, Subjects: []string{prefix + kindSend + ".>", subjectKept + ">"},
		Storage: jetstream.FileStorage, MaxAge: maxLife, MaxBytes: streamSize, Duplicates: dedupe, AllowMsgTTL: true})
	if err != nil {
		return fmt.Errorf("stream %s: %w", streamMSG, err)
	}
	h.audit, err = h.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: streamAUDIT, Subjects: []string{subjectAudit + ">"},
		Storage: jetstream.FileStorage, MaxAge: keepAudit, MaxBytes: streamSize})
	if err != nil {
		return fmt.Errorf("stream %s: %w", streamAUDIT, err)
	}
	h.acks = newAcks(h)
	if h.config.Leaf != nil {
		if h.leaf, err = openLeaf(h); err != nil {
			return err
		}
	}
	return h.serve()
}

// Address is where the hub listens.
func (h *Hub) Address() string { return h.server.Addr().String() }

// Wait returns when the hub has ended by itself, or ctx ends.
func (h *Hub) Wait(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		h.server.WaitForShutdown()
		close(ended)
	}()
	select {
	case <-ctx.Done():
		return nil
	case <-ended:
		return errors.New("the hub has ended by itself")
	}
}

// Close ends the hub. What it has taken is on the disk.
func (h *Hub) Close() {
	if h.leaf != nil {
		h.leaf.close()
	}
	if h.acks != nil {
		h.acks.close()
	}
	if h.conn != nil {
		h.conn.Close()
	}
	if h.server != nil {
		h.server.Shutdown()
		h.server.WaitForShutdown()
	}
}

// kick ends the connections of a member, which then connects anew, with the
// rights that it has now, or not at all.
func (h *Hub) kick(r record) {
	for id := range h.connections(r.Key) {
		_ = h.server.DisconnectClientByID(id) // it may have gone by itself
	}
}

// refreshGrace is how long a member has to connect anew by itself.
const refreshGrace = 2 * time.Second

// poke has a member connect anew at once, with the rights that it has now. One
// that does not is made to.
func (h *Hub) poke(r record) {
	old := h.connections(r.Key)
	if err := h.conn.Publish(subjectPoke(r.Name), nil); err != nil {
		h.log.Error("telling a member", "name", r.Name, "error", err)
	}
	time.AfterFunc(refreshGrace, func() {
		for id := range old {
			_ = h.server.DisconnectClientByID(id) // most are not there any more
		}
	})
}

// connections are those of a key, or all if it is empty, with the key of each.
func (h *Hub) connections(key string) map[uint64]string {
	all := map[uint64]string{}
	z, err := h.server.Connz(&server.ConnzOptions{Username: true, Limit: 1 << 20})
	if err != nil {
		h.log.Error("listing the connections", "error", err)
		return nil
	}
	for _, c := range z.Conns {
		if key == "" || c.AuthorizedUser == key { // the server calls a user by its key
			all[c.Cid] = c.AuthorizedUser
		}
	}
	return all
}

// present are the keys of the members that are connected.
func (h *Hub) present() map[string]bool {
	there := map[string]bool{}
	for _, key := range h.connections("") {
		there[key] = true
	}
	return there
}

// serverLog puts the lines of the nats-server into ours.
type serverLog struct{ *slog.Logger }

// Noticef is a line that says how it goes.
func (l serverLog) Noticef(format string, v ...any) { l.Debug(fmt.Sprintf(format, v...)) }

// Warnf is a warning.
func (l serverLog) Warnf(format string, v ...any) {
	l.Warn("hub", "message", fmt.Sprintf(format, v...))
}

// Fatalf is the last line.
func (l serverLog) Fatalf(format string, v ...any) {
	l.Error("hub", "message", fmt.Sprintf(format, v...))
}

// Errorf is an error, such as a member that wants what it may not.
func (l serverLog) Errorf(format string, v ...any) {
	l.Warn("hub", "message", fmt.Sprintf(format, v...))
}

// Debugf says nothing.
func (serverLog) Debugf(string, ...any) {}

// Tracef says nothing.
func (serverLog) Tracef(string, ...any) {}

func (h *Hub) logError(what string, err error) {
	if err != nil {
		h.log.Error(what, "error", err)
	}
}
