package fleet

import (
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"golang.org/x/time/rate"
)

// bus is what a Hub stands on: the nats-server in its own process, or the
// site's cluster. All else is the same code.
type bus interface {
	// connect makes the hub's own connection, which may do everything.
	connect() (*nats.Conn, error)

	// admit begins to let members in, when the hub can answer them.
	admit(own *nats.Conn) error

	// connections are those of a key, or all if it is empty.
	connections(key string) ([]connection, error)

	// disconnect ends one, if it is still there.
	disconnect(connection)

	replicas() int   // of each stream
	address() string // for people
	ended() <-chan struct{}
	close()
}

// connection is one of a member, as the table of a server has it.
type connection struct {
	server string // of a cluster
	id     uint64
	key    string
}

// embedded is the nats-server in this process.
type embedded struct {
	server *server.Server
	own    nkeys.KeyPair
	public string
	done   chan struct{}
}

// free reports why nobody can listen on an address. That is asked first: the
// server opens its store before it listens, and another hub of the folder may be
// at work in it.
func free(listen string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("starting the hub: %w; if a hub runs here already, it is to be stopped first", err)
	}
	return l.Close()
}

func startServer(dir string, c hubConfig, b *book, log *slog.Logger) (*embedded, error) {
	if err := free(c.Listen); err != nil {
		return nil, err
	}
	own, public, err := makeUserKey()
	if err != nil {
		return nil, err
	}
	o, err := serverOptions(dir, c)
	if err != nil {
		return nil, err
	}
	o.CustomClientAuthentication = newGuard(b, c, public, log)
	e := &embedded{own: own, public: public, done: make(chan struct{})}
	if e.server, err = server.NewServer(o); err != nil {
		return nil, fmt.Errorf("starting the hub: %w", err)
	}
	e.server.SetLoggerV2(serverLog{log}, false, false, false)
	e.server.Start()
	go func() {
		e.server.WaitForShutdown()
		close(e.done)
	}()
	if !e.server.ReadyForConnections(hubStarts) {
		e.close()
		return nil, fmt.Errorf("starting the hub: it does not get ready on %s within %v", c.Listen, hubStarts)
	}
	return e, nil
}

func makeUserKey() (key nkeys.KeyPair, public string, err error) {
	if key, err = nkeys.CreateUser(); err == nil {
		public, err = key.PublicKey()
	}
	if err != nil {
		return nil, "", fmt.Errorf("making a key: %w", err)
	}
	return key, public, nil
}

func newGuard(b *book, c hubConfig, own string, log *slog.Logger) *guard {
	return &guard{book: b, admin: c.Admin, own: own, log: log, lines: rate.NewLimiter(4, 20)}
}

// connect stays inside of the process.
func (e *embedded) connect() (*nats.Conn, error) {
	return nats.Connect("", nats.InProcessServer(e.server), nats.Nkey(e.public, e.own.Sign), nats.Name(userHub), nats.MaxReconnects(-1))
}

func (e *embedded) admit(*nats.Conn) error { return nil } // the guard does

func (e *embedded) connections(key string) ([]connection, error) {
	z, err := e.server.Connz(&server.ConnzOptions{Username: true, Limit: maxConnections})
	if err != nil {
		return nil, err
	}
	return connectionsOf(z, "", key), nil
}

// maxConnections is how many a server is asked for.
const maxConnections = 1 << 20

// connectionsOf takes those of a key out of a server's table; the server calls
// a user by its key.
func connectionsOf(z *server.Connz, id, key string) (list []connection) {
	for _, c := range z.Conns {
		if key == "" || c.AuthorizedUser == key {
			list = append(list, connection{id, c.Cid, c.AuthorizedUser})
		}
	}
	return list
}

func (e *embedded) disconnect(c connection) {
	_ = e.server.DisconnectClientByID(c.id) // it may have gone by itself
}

func (e *embedded) replicas() int          { return 1 }
func (e *embedded) address() string        { return e.server.Addr().String() }
func (e *embedded) ended() <-chan struct{} { return e.done }

func (e *embedded) close() {
	e.server.Shutdown()
	<-e.done
}

// logConnections are connections, or none with a line in the log.
func (h *Hub) logConnections(key string) []connection {
	list, err := h.bus.connections(key)
	if err != nil {
		h.log.Error("listing the connections", "error", err)
	}
	return list
}

// kick ends the connections of a member, which then connects anew, with the
// rights that it has now, or not at all.
func (h *Hub) kick(r record) {
	for _, c := range h.logConnections(r.Key) {
		h.bus.disconnect(c)
	}
}

// refreshGrace is how long a member has to connect anew by itself.
const refreshGrace = 2 * time.Second

// poke has a member connect anew at once, with the rights that it has now. One
// that does not is made to.
func (h *Hub) poke(r record) {
	old := h.logConnections(r.Key)
	if err := h.conn.Publish(subjectPoke(r.Name), nil); err != nil {
		h.log.Error("telling a member", "name", r.Name, "error", err)
	}
	time.AfterFunc(refreshGrace, func() {
		for _, c := range old {
			h.bus.disconnect(c) // most are not there any more
		}
	})
}

// present are the keys of the members that are connected.
func (h *Hub) present() (map[string]bool, error) {
	list, err := h.bus.connections("")
	if err != nil {
		return nil, fmt.Errorf("looking who is connected: %w", err)
	}
	there := map[string]bool{}
	for _, c := range list {
		there[c.key] = true
	}
	return there, nil
}
