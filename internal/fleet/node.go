package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"golang.org/x/time/rate"

	"msg"
)

// Local is what a Node shows messages with. A daemon.Daemon has all of it.
type Local struct {
	// Send is control.Service.Send.
	Send func(ctx context.Context, p msg.Principal, t msg.Target, m msg.Message, report func(msg.Receipt)) error

	// Follow reports what came of a message that was given to Send before this
	// process began, and what comes, until all is final or it fails; known is
	// false for a message that Send never got.
	Follow func(ctx context.Context, id string, report func(msg.Receipt)) (known bool, err error)

	// Refuse writes down what was not shown: who is said to have sent what, and
	// why it is not believed.
	Refuse func(from, id, reason string)

	// Sessions is control.Service.Sessions.
	Sessions func(ctx context.Context, p msg.Principal) ([]msg.Session, error)

	// InGroup knows the accounts of this computer.
	InGroup func(user, group string) bool

	// Via is the socket of a Forwarder. Where there is none the hub is reached
	// directly.
	Via string
}

// Node is this computer as a member of a fleet. Open makes one and Run is its
// life; the other methods may be called meanwhile.
type Node struct {
	dir     string
	stamp   string // of the folder, when it was opened
	config  nodeConfig
	key     nkeys.KeyPair
	local   Local
	log     *slog.Logger
	version string
	clock   func() time.Time
	pause   func(attempt int) time.Duration // before the next attempt to reach the hub

	verifier *verifier
	inbox    *inbox
	outbox   *outbox
	up       chan struct{}  // capacity 1: the hub has been reached anew
	tasks    sync.WaitGroup // messages being shown, and those on their way
	busy     atomic.Bool    // something has happened since memory was given back
	incoming incoming       // reports on what was sent from here
	caught   atomic.Uint64  // on which connection, from 1, it was asked what came of messages
	ctx      context.Context
	ended    context.CancelFunc

	mu    sync.Mutex
	conn  *nats.Conn // nil until Run
	tags  []string
	grant []byte // sealed; nil if this member may not send
	rates *rate.Limiter
	subs  map[string]*nats.Subscription
	state nodeState
	why   string // the hub was not reached, as it was told last

	known  told // the members, as the hub has told them last
	pinned bool // state has pins that the disk has not

	questions map[string]*sent // under way, by ID
}

// Open reads the folder of a member.
func Open(dir, version string, local Local, log *slog.Logger) (*Node, error) {
	n := &Node{dir: dir, stamp: Stamp(dir), local: local, log: log, version: version, clock: time.Now, pause: pause, up: make(chan struct{}, 1), subs: map[string]*nats.Subscription{}, questions: map[string]*sent{}}
	if err := readJSON(filepath.Join(dir, nodeFile), &n.config); err != nil {
		return nil, fmt.Errorf("opening the fleet: %w", err)
	}
	var err error
	if n.key, err = LoadKey(filepath.Join(dir, nodeKey)); err != nil {
		return nil, err
	}
	if err := readJSON(filepath.Join(dir, stateFile), &n.state); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	n.verifier = newVerifier(n.config.Org)
	if n.state.Revoked != nil {
		if _, err := n.verifier.revoke(n.state.Revoked); err != nil {
			return nil, err
		}
	}
	if n.inbox, err = openInbox(filepath.Join(dir, inboxDir), n.clock()); err != nil {
		return nil, err
	}
	n.outbox, err = openOutbox(filepath.Join(dir, outboxDir), n.clock())
	n.ctx, n.ended = context.WithCancel(context.Background())
	return n, err
}

// Name is how this member is called.
func (n *Node) Name() string { return n.config.Name }

func (n *Node) self() member {
	n.mu.Lock()
	defer n.mu.Unlock()
	return member{n.config.Name, n.config.site(), n.tags}
}

// Times of a member's life.
const (
	refreshEvery = 5 * time.Minute // also bounds how late a revocation is known
	resendEvery  = 2 * time.Second
	idleAfter    = 30 * time.Second // or up to twice that
	longestPause = 30 * time.Second

	// askedAgain is when a member that has connected asks once more what came of
	// its messages: what the hub was just writing then is on its disk now. It
	// sends nothing again before.
	askedAgain = time.Second
)

// pause is how long to wait before the next attempt to reach the hub: any time
// up to a bound that grows, so that thousands do not come at once.
func pause(attempt int) time.Duration {
	bound := min(longestPause, 5*time.Second<<min(attempt, 8))
	return rand.N(bound)
}

// Hurry shortens the time between attempts to reach the hub to at most longest,
// where there are few members to come back at once. It is called before Run.
func (n *Node) Hurry(longest time.Duration) {
	n.pause = func(int) time.Duration { return rand.N(longest) }
}

// Run keeps the connection to the hub until ctx ends, whatever happens to it;
// then it returns nil.
func (n *Node) Run(ctx context.Context) error {
	options, err := n.config.options(n.key)
	if err != nil {
		return err
	}
	again := func(*nats.Conn) { n.wake() }
	conn, err := nats.Connect(n.config.urls(), append(options, reach(n.local.Via, net.DefaultResolver),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(), nats.CustomReconnectDelay(n.pause),
		nats.ConnectHandler(again), nats.ReconnectHandler(again), nats.Timeout(hubTimeout), nats.ReconnectBufSize(-1),
		nats.PingInterval(pingHub), nats.MaxPingsOutstanding(pingHubOut),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err == nil { // msgd ends, or connects anew with other rights
				n.log.Info("the connection to the hub is ended here")
				return
			}
			n.log.Info("the hub of the fleet is gone", "error", err)
		}),
		nats.ReconnectErrHandler(n.notReached), nats.ErrorHandler(func(c *nats.Conn, _ *nats.Subscription, err error) {
			n.log.Debug("fleet", "error", err)
			if errors.Is(err, nats.ErrAuthorization) {
				n.notReached(c, err)
			}
		}))...)
	if err != nil {
		return fmt.Errorf("connecting to the fleet: %w", err)
	}
	n.mu.Lock()
	n.conn = conn
	n.mu.Unlock()
	n.goOn()
	n.keep(ctx)
	n.mu.Lock()
	n.ended()
	n.mu.Unlock()
	n.tasks.Wait()
	n.logError("writing the boxes of the fleet", errors.Join(n.inbox.flushAll(), n.inbox.log.close(), n.outbox.flushAll()))
	_ = conn.FlushTimeout(time.Second) // what is lost is sent again
	conn.Close()
	return n.save()
}

// notReached tells why the hub is not reached: a reason once, as long as there is
// no other.
func (n *Node) notReached(_ *nats.Conn, err error) {
	n.mu.Lock()
	told := n.why == err.Error()
	n.why = err.Error()
	n.mu.Unlock()
	switch {
	case told:
	case errors.Is(err, nats.ErrAuthorization):
		n.log.Warn("the hub refuses this computer: it was revoked, or the hub's folder is an older copy. To join anew, remove the folder of the fleet here", "folder", n.dir)
	case errors.Is(err, errPin):
		n.log.Warn("the hub of the fleet is not reached", "error", err)
	default:
		n.log.Info("the hub of the fleet is not reached", "error", err)
	}
}

func (n *Node) wake() {
	select {
	case n.up <- struct{}{}:
	default:
	}
}

// keep does what has to be done from time to time.
func (n *Node) keep(ctx context.Context) {
	refresh, resend, idle := time.NewTimer(refreshEvery), time.NewTicker(resendEvery), time.NewTicker(idleAfter)
	late := time.NewTimer(refreshEvery) // from the first refresh on
	defer late.Stop()
	defer refresh.Stop()
	defer resend.Stop()
	defer idle.Stop()
	rested := false
	for attempt := 0; ctx.Err() == nil; {
		select {
		case <-ctx.Done():
			return
		case <-resend.C:
			n.resend(resendEvery / 2)
			continue
		case <-idle.C:
			if n.busy.Swap(false) {
				rested = false
			} else if !rested {
				rested = true
				n.logError("writing the inbox of the fleet", n.inbox.log.rest())
				giveBack()
			}
			continue
		case <-late.C:
			connection := n.conn.Stats().Reconnects + 1
			if err := n.catchUp(ctx); err != nil {
				n.log.Debug("asking what came of messages", "error", err)
				late.Reset(askedAgain)
				continue
			}
			n.caught.Store(connection)
			continue
		case <-n.up:
		case <-refresh.C:
		}
		n.busy.Store(true)
		if err := n.refresh(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("talking to the hub of the fleet", "error", err)
			attempt++
			refresh.Reset(n.pause(attempt))
			continue
		}
		attempt = 0
		refresh.Reset(refreshEvery)
		late.Reset(askedAgain)
	}
}

// refresh brings this member up to date with the hub.
func (n *Node) refresh(ctx context.Context) error {
	if !n.conn.IsConnected() {
		return nil // it comes again when it is
	}
	begin := n.clock()
	t, err := askHub(ctx, n.conn, subjectRPC(verbHello, n.config.Name), ask{Version: n.version})
	if err != nil {
		return err
	}
	if by := ahead(begin, n.clock(), t.Now); !t.Now.IsZero() && by.Abs() > mostApart {
		n.log.Warn("the clock here is not that of the hub: from 5 minutes on, messages are refused; set both by NTP", "hub_is_ahead_by", by.Round(time.Second))
	}
	if len(t.Revoked) > 0 {
		n.revoke(t.Revoked)
	}
	n.remind(ctx, t.Revoked)
	n.mu.Lock()
	if string(n.grant) != string(t.Grant) {
		n.rates = nil
	}
	n.tags, n.grant, n.why = t.Tags, t.Grant, ""
	n.mu.Unlock()
	if err := n.subscribe(); err != nil {
		return err
	}
	n.log.Info("in the fleet", "name", n.config.Name, "tags", t.Tags, "may_send", t.Grant != nil)
	if err := n.pending(ctx); err != nil {
		return err
	}
	n.resend(0)
	return n.catchUp(ctx)
}

// remind gives the hub the list of what is revoked, if it has an older one: it may
// have been restored from a copy.
func (n *Node) remind(ctx context.Context, theirs []byte) {
	n.mu.Lock()
	ours := n.state.Revoked
	n.mu.Unlock()
	if ours == nil || bytes.Equal(ours, theirs) {
		return
	}
	if _, err := askHub(ctx, n.conn, subjectRPC(verbHello, n.config.Name), ask{Version: n.version, Data: ours}); err != nil {
		n.log.Debug("telling the hub what is revoked", "error", err)
	}
}

// subscribe makes the subscriptions those that this member should have.
func (n *Node) subscribe() error {
	me := n.self()
	live := func(m *nats.Msg) { n.receive(m.Subject, m.Data, false) }
	want := map[string]nats.MsgHandler{
		subjectPoke(me.name):            func(*nats.Msg) { n.logError("connecting to the hub anew", n.conn.ForceReconnect()) },
		subjectRevoked:                  func(m *nats.Msg) { n.revoke(m.Data) },
		inboxOf(me.name) + ".taken.*.*": func(m *nats.Msg) { n.taken(m.Subject) },
		inboxOf(me.name) + ".stored.*":  n.stored,
		inboxOf(me.name) + ".kept":      func(m *nats.Msg) { n.kept(m.Data) },
	}
	for _, kind := range []string{kindSend, kindAsk} {
		want[prefix+kind+".*.all"] = live
		want[prefix+kind+".*.host."+token(me.site)+"."+token(me.name)] = live
		for _, tag := range me.tags {
			want[prefix+kind+".*.tag."+token(tag)] = live
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.grant != nil {
		want[prefix+"ack."+token(me.name)+".>"] = n.readReport
	}
	for subject, sub := range n.subs {
		if want[subject] == nil {
			_ = sub.Unsubscribe() // the hub has ended it already
			delete(n.subs, subject)
		}
	}
	for subject, handler := range want {
		if n.subs[subject] != nil && n.subs[subject].IsValid() {
			continue
		}
		sub, err := n.conn.Subscribe(subject, handler)
		if err == nil {
			err = sub.SetPendingLimits(-1, -1)
		}
		if err != nil {
			return fmt.Errorf("subscribing to %q: %w", subject, err)
		}
		n.subs[subject] = sub
	}
	return n.conn.Flush()
}

// revoke takes over a list of what is revoked.
func (n *Node) revoke(data []byte) {
	newer, err := n.verifier.revoke(data)
	if err != nil {
		n.log.Warn("fleet", "error", err)
		return
	}
	if newer {
		n.mu.Lock()
		n.state.Revoked = slices.Clone(data)
		n.mu.Unlock()
		n.logError("writing the state of the fleet", n.save())
	}
}

func (n *Node) save() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.saveLocked()
}

func (n *Node) saveLocked() error {
	if Stamp(n.dir) != n.stamp { // the folder is gone, or that of another membership
		return nil
	}
	err := writeJSON(filepath.Join(n.dir, stateFile), n.state)
	n.pinned = n.pinned && err != nil
	return err
}

func (n *Node) logError(what string, err error) {
	if err != nil {
		n.log.Error(what, "error", err)
	}
}
