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
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Hub is the office's own server: a nats-server in this process, with the
// member book in front of it; or, at a big site, what lets members into the
// site's cluster, by the same book. It holds no key that could sign a message.
type Hub struct {
	dir    string
	config hubConfig
	book   *book
	log    *slog.Logger
	bus    bus
	conn   *nats.Conn // its own
	js     jetstream.JetStream
	msgs   jetstream.Stream
	audit  jetstream.Stream
	acks   *acks
	sites  *sites // those with leaf hubs
	leaf   *leaf  // if this is one; else nil

	upkeep
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
	if c.Leaf != nil {
		b.site = c.Site
	}
	h := &Hub{dir: dir, config: c, book: b, log: log, upkeep: newUpkeep()}
	b.came = func() { h.busy.Store(true) }
	if c.Cluster == nil {
		h.bus, err = startServer(dir, c, b, log)
	} else {
		h.bus, err = openCluster(dir, c, b, log)
	}
	if err != nil {
		return nil, err
	}
	if h.sites, err = openSites(h, dir); err != nil {
		h.bus.close()
		return nil, err
	}
	if err := h.open(); err != nil {
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
		TLSConfig:    &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}},
		PingInterval: pingMember, MaxPingsOut: pingMemberOut,
		JetStream: true, StoreDir: filepath.Join(dir, storeDir), JetStreamMaxStore: storeSize, JetStreamMaxMemory: 64 << 20,
		// The default writes to the disk every two minutes: what was taken
		// before a power cut would be gone.
		SyncAlways: true,
	}, nil
}

// open makes the hub's own connection, its streams, and its services, and then
// lets members in.
func (h *Hub) open() (err error) {
	if h.conn, err = h.bus.connect(); err != nil {
		return fmt.Errorf("its own connection: %w", err)
	}
	h.js, err = jetstream.New(h.conn, jetstream.WithPublishAsyncTimeout(storeTimeout), jetstream.WithPublishAsyncErrHandler(h.recordAgain))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), hubStarts)
	defer cancel()
	h.msgs, err = h.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: streamMSG, Subjects: []string{prefix + kindSend + ".>", subjectKept + ">"},
		Storage: jetstream.FileStorage, Replicas: h.bus.replicas(), MaxAge: maxLife, MaxBytes: streamSize, Duplicates: dedupe, AllowMsgTTL: true})
	if err != nil {
		return fmt.Errorf("stream %s: %w", streamMSG, err)
	}
	h.audit, err = h.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: streamAUDIT, Subjects: []string{subjectAudit + ">"},
		Storage: jetstream.FileStorage, Replicas: h.bus.replicas(), MaxAge: keepAudit, MaxBytes: streamSize})
	if err != nil {
		return fmt.Errorf("stream %s: %w", streamAUDIT, err)
	}
	h.acks = newAcks(h)
	if h.config.Leaf != nil {
		if h.leaf, err = openLeaf(h); err != nil {
			return err
		}
	}
	if err := h.serve(); err != nil {
		return err
	}
	if err := h.bus.admit(h.conn); err != nil {
		return err
	}
	h.tasks.Go(h.keepUp)
	return nil
}

// Address is where the hub listens, or the cluster does.
func (h *Hub) Address() string { return h.bus.address() }

// Wait returns when the hub has ended by itself, or ctx ends.
func (h *Hub) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-h.bus.ended():
		return errors.New("the hub has ended by itself")
	case err := <-h.stuck:
		return err
	}
}

// Close ends the hub. What it has taken is on the disk.
func (h *Hub) Close() {
	h.endUpkeep()
	if h.leaf != nil {
		h.leaf.close()
	}
	if h.acks != nil {
		h.acks.close()
	}
	if h.conn != nil {
		h.conn.Close()
	}
	h.bus.close()
}

// serverLog puts the lines of the nats-server into ours.
type serverLog struct{ *slog.Logger }

// Noticef is a line that says how it goes.
func (l serverLog) Noticef(format string, v ...any) { l.Debug(fmt.Sprintf(format, v...)) }

// Warnf is a warning. That there is nothing before TLS is as it should be.
func (l serverLog) Warnf(format string, v ...any) {
	line := fmt.Sprintf(format, v...)
	if strings.Contains(line, "TLS Handshake First") {
		l.Debug("hub", "message", line)
		return
	}
	l.Warn("hub", "message", line)
}

// Fatalf is the last line.
func (l serverLog) Fatalf(format string, v ...any) {
	l.Error("hub", "message", fmt.Sprintf(format, v...))
}

// Errorf is an error, such as a member that wants what it may not. Of who may not
// connect the guard tells, with the reason, and not more often than is good.
func (l serverLog) Errorf(format string, v ...any) {
	line := fmt.Sprintf(format, v...)
	if strings.Contains(line, "authentication error") {
		l.Debug("hub", "message", line)
		return
	}
	l.Warn("hub", "message", line)
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
