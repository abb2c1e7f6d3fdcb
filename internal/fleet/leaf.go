package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// leaf is a hub's link to the main hub, if it is the hub of a site. To the main
// hub it is one connection with the rights of the site. What is for the site
// crosses the link once, whatever the number of its members; what they say goes
// through the relay.
type leaf struct {
	hub   *Hub
	name  string // of the hub: with siteMark
	site  string
	key   nkeys.KeyPair
	up    *nats.Conn
	relay *relay

	anew    chan struct{} // capacity 1: connected
	booked  chan struct{} // capacity 1: the book has changed
	kept    chan struct{} // capacity 1: a message of a member is to be kept above
	written chan struct{} // capacity 1: stream AUDIT has more
	told    [][]byte      // grants that the main hub was shown last; keep's own
	stop    context.CancelFunc
	tasks   sync.WaitGroup

	mu      sync.Mutex
	state   leafState
	senders []string     // whose grants the main hub knows
	others  []MemberInfo // of the fleet, when it was last asked
	sites   []SiteInfo
	subs    map[string]*nats.Subscription
	pause   func(attempt int) time.Duration // before the next attempt to reach the main hub
}

// leafState is what a leaf has to know again after a restart.
type leafState struct {
	Down  position            `json:"down"`  // of the main hub's stream MSG, what is here
	Up    position            `json:"up"`    // of our stream MSG, what is there
	Audit uint64              `json:"audit"` // of our stream AUDIT, what is there
	Past  map[string]position `json:"past"`  // of the main hub's stream AUDIT, by sender
}

// Files of a leaf hub.
const (
	leafKey  = "leaf.nk"
	leafFile = "leaf.json"
)

// InitLeaf makes a leaf hub for a site: its keys, its certificate and its book,
// with a token that the main hub has made for that site. summary is the number
// of targets from which on the site sums up what its members say, 0 for the
// usual one.
func InitLeaf(ctx context.Context, dir, listen string, hubs []string, site string, t JoinToken, summary int, now time.Time) error {
	if err := CheckName(site); err != nil {
		return err
	}
	if summary < 0 {
		return fmt.Errorf("%d targets cannot be where a site begins to sum up", summary)
	}
	if err := checkHub(listen); err != nil {
		return err
	}
	admin, err := prepareHub(dir, hubs)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, leafKey)
	key, err := LoadKey(path) // of an attempt that the main hub may have seen
	if errors.Is(err, fs.ErrNotExist) {
		if key, err = nkeys.CreateUser(); err == nil {
			err = saveKey(path, key)
		}
	}
	if err != nil {
		return err
	}
	c := hubConfig{Listen: listen, Hubs: hubs, Org: t.Org, Admin: admin, Site: site, Summary: summary,
		Leaf: &nodeConfig{Name: siteMark + site, Hubs: t.Hubs, Pin: t.Pin, Org: t.Org}}
	if _, err := c.Leaf.introduce(ctx, key, t.Secret); err != nil {
		return err
	}
	if err := errors.Join(makeCertificate(dir, now), newBook(dir).save()); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, hubFile), c) // the last: now it is whole
}

// openLeaf connects to the main hub, and again whenever that ends.
func openLeaf(h *Hub) (*leaf, error) {
	c := h.config.Leaf
	l := &leaf{hub: h, name: c.Name, site: h.config.Site, anew: make(chan struct{}, 1), booked: make(chan struct{}, 1), kept: make(chan struct{}, 1), written: make(chan struct{}, 1), subs: map[string]*nats.Subscription{}, pause: pause}
	var err error
	if l.key, err = LoadKey(filepath.Join(h.dir, leafKey)); err != nil {
		return nil, err
	}
	if err := readJSON(l.file(), &l.state); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if l.state.Past == nil {
		l.state.Past = map[string]position{}
	}
	options, err := c.options(l.key)
	if err != nil {
		return nil, err
	}
	again := func(*nats.Conn) { wake(l.anew) }
	l.up, err = nats.Connect(c.urls(), append(options, reach("", net.DefaultResolver),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(), nats.CustomReconnectDelay(l.wait),
		nats.ConnectHandler(again), nats.ReconnectHandler(again), nats.Timeout(hubTimeout), nats.ReconnectBufSize(-1),
		nats.PingInterval(pingHub), nats.MaxPingsOutstanding(pingHubOut),
		nats.NoEcho(), // what goes up does not come down again
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // else this side connects anew, with other rights
				h.log.Warn("the main hub is gone", "error", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { h.log.Debug("link to the main hub", "error", err) }))...)
	if err != nil {
		return nil, fmt.Errorf("connecting to the main hub: %w", err)
	}
	h.book.changed = func() { wake(l.booked) }
	for _, kind := range []string{kindSend, kindAsk} {
		if _, err := h.conn.Subscribe(prefix+kind+".>", l.ascend); err != nil {
			return nil, fmt.Errorf("subscribing for the main hub: %w", err)
		}
	}
	if err := l.listen(nil); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	l.relay = newRelay(l)
	l.tasks.Go(func() { l.keep(ctx) })
	l.tasks.Go(func() { l.relay.run(ctx) })
	if l.up.IsConnected() {
		wake(l.anew)
	}
	return l, nil
}

// wake tells a goroutine that there is something to do.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wait is how long to wait before the next attempt to reach the main hub.
func (l *leaf) wait(attempt int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pause(attempt)
}

func (l *leaf) file() string { return filepath.Join(l.hub.dir, leafFile) }

func (l *leaf) save() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return writeJSON(l.file(), l.state)
}

func (l *leaf) close() {
	l.stop()
	l.tasks.Wait()
	l.up.Close()
	if err := l.save(); err != nil {
		l.hub.log.Error("writing the state of the link", "error", err)
	}
}

// keep does what has to be done from time to time.
func (l *leaf) keep(ctx context.Context) {
	refresh := time.NewTimer(refreshEvery)
	defer refresh.Stop()
	for attempt := 0; ctx.Err() == nil; {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-l.kept:
			err = l.keepAbove(ctx)
		case <-l.anew:
			err = l.refresh(ctx)
		case <-l.booked:
			if slices.EqualFunc(l.told, l.grants(), slices.Equal[[]byte]) {
				continue
			}
			err = l.refresh(ctx)
		case <-refresh.C:
			err = l.refresh(ctx)
		}
		if err == nil {
			attempt = 0
			refresh.Reset(refreshEvery)
			continue
		}
		if ctx.Err() == nil {
			l.hub.log.Warn("talking to the main hub", "error", err)
			attempt++
			refresh.Reset(l.wait(attempt))
		}
	}
}

// grants are those of the site's members.
func (l *leaf) grants() (list [][]byte) {
	for _, r := range l.hub.book.all() {
		if r.Grant != nil {
			list = append(list, r.Grant)
		}
	}
	return list
}

// refresh brings both hubs up to date with each other.
func (l *leaf) refresh(ctx context.Context) error {
	if !l.up.IsConnected() {
		return nil // it comes again when it is
	}
	q := ask{Grants: l.grants()}
	t, err := askHub(ctx, l.up, subjectRPC(verbHello, l.name), q)
	if err != nil {
		return err
	}
	l.told = q.Grants
	if t.Anew {
		return l.up.ForceReconnect() // and then it comes again
	}
	l.mu.Lock()
	l.senders = t.Senders
	l.mu.Unlock()
	if err := l.listen(t.Senders); err != nil {
		return err
	}
	if len(t.Revoked) > 0 && l.hub.checkRevoked(t.Revoked) == nil {
		if err := l.hub.tellRevoked(t.Revoked); err != nil {
			return err
		}
	}
	l.hub.log.Info("linked to the main hub", "site", l.site, "senders", t.Senders)
	if err := errors.Join(l.pending(ctx), l.keepAbove(ctx), l.past(ctx)); err != nil {
		return err
	}
	wake(l.written)
	return l.save()
}

// listen makes the subscriptions at the main hub those that the site needs.
func (l *leaf) listen(senders []string) error {
	box := inboxOf(l.name)
	want := map[string]nats.MsgHandler{
		subjectPoke(l.name): func(*nats.Msg) { l.hub.logError("connecting to the main hub anew", l.up.ForceReconnect()) },
		subjectRevoked:      func(m *nats.Msg) { l.takeRevoked(m.Data) },
		box + ".members":    func(m *nats.Msg) { go l.hub.answer(m, l.roster, "") },
		box + ".receipts":   func(m *nats.Msg) { go l.hub.answer(m, l.signed, "") },
		box + ".taken.*.*":  func(m *nats.Msg) { l.relay.taken(m.Subject) },
	}
	for _, kind := range []string{kindSend, kindAsk} {
		for _, to := range []string{".*.all", ".*.tag.*", ".*.host." + token(l.site) + ".*"} {
			want[prefix+kind+to] = l.descend
		}
	}
	for _, s := range senders {
		want[prefix+"ack."+token(s)+".>"] = l.descend
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for subject, sub := range l.subs {
		if want[subject] == nil {
			_ = sub.Unsubscribe() // the hub has ended it already
			delete(l.subs, subject)
		}
	}
	for subject, handler := range want {
		if l.subs[subject] != nil && l.subs[subject].IsValid() {
			continue
		}
		sub, err := l.up.Subscribe(subject, handler)
		if err == nil {
			err = sub.SetPendingLimits(-1, -1)
		}
		if err != nil {
			return fmt.Errorf("subscribing to %q at the main hub: %w", subject, err)
		}
		l.subs[subject] = sub
	}
	return nil
}

// descend passes what is for the site on to it, as it is.
func (l *leaf) descend(m *nats.Msg) {
	if err := l.hub.conn.PublishMsg(&nats.Msg{Subject: m.Subject, Data: m.Data, Header: m.Header}); err != nil {
		l.hub.log.Debug("passing on", "subject", m.Subject, "error", err)
	}
}

// ascend passes what a member of the site sends to others on to them. What has
// come from above is not of a member.
func (l *leaf) ascend(m *nats.Msg) {
	a, ok := parseAddress(m.Subject)
	if !ok || a.site == l.site {
		return
	}
	if _, ours := l.hub.book.named(a.sender); !ours {
		return
	}
	if err := l.up.PublishMsg(&nats.Msg{Subject: m.Subject, Data: m.Data, Header: m.Header}); err != nil { // the sender sends again
		l.hub.log.Debug("passing up", "subject", m.Subject, "error", err)
	}
	if a.kind == kindSend {
		wake(l.kept)
	}
}

// askMain asks the main hub.
func (l *leaf) askMain(verb string, q ask) (told, error) {
	if !l.up.IsConnected() {
		return told{}, errors.New("the main hub cannot be reached")
	}
	return askHub(context.Background(), l.up, subjectRPC(verb, l.name), q)
}

// pending takes what the main hub has kept while the link was cut.
func (l *leaf) pending(ctx context.Context) error {
	for {
		l.mu.Lock()
		after := l.state.Down
		l.mu.Unlock()
		t, err := askHub(ctx, l.up, subjectRPC(verbPending, l.name), after.ask())
		if err != nil {
			return err
		}
		for _, i := range t.Items {
			e, err := peek(i.Data)
			if err == nil {
				_, ours := l.hub.book.named(e.Sender)
				if !ours {
					err = l.hub.keep(e, i.Data)
				}
			}
			if err != nil {
				l.hub.log.Error("taking what the main hub has kept", "error", err)
			}
		}
		l.mu.Lock()
		l.state.Down = t.position()
		l.mu.Unlock()
		if !t.More {
			return nil
		}
	}
}

// keepAbove gives the main hub what members of the site have sent that is to be
// kept. It may have it already.
func (l *leaf) keepAbove(ctx context.Context) error {
	for l.up.IsConnected() {
		l.mu.Lock()
		after, senders := l.state.Up, l.senders
		l.mu.Unlock()
		t, err := l.hub.page(l.hub.msgs, prefix+kindSend+".>", after.ask(), func(i item) []item {
			a, ok := parseAddress(i.Subject)
			e, err := peek(i.Data)
			if ok && err == nil && e.Message.Queue > 0 && time.Now().Before(e.Expires) && slices.Contains(senders, a.sender) {
				return []item{i}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, i := range t.Items {
			if _, err := askHub(ctx, l.up, subjectRPC(verbKeep, l.name), ask{Data: i.Data}); err != nil {
				return err
			}
		}
		l.mu.Lock()
		l.state.Up = t.position()
		l.mu.Unlock()
		if !t.More {
			return nil
		}
	}
	return nil
}

// past takes the reports on messages of the site's members that came to the
// main hub. Most are here already.
func (l *leaf) past(ctx context.Context) error {
	l.mu.Lock()
	senders := l.senders
	l.mu.Unlock()
	for _, s := range senders {
		for more := true; more; {
			l.mu.Lock()
			after := l.state.Past[s]
			l.mu.Unlock()
			t, err := askHub(ctx, l.up, subjectRPC(verbAcks, l.name), ask{Name: s, Store: after.Store, After: after.After})
			if err != nil {
				return err
			}
			for _, i := range t.Items {
				if sender, _, _, ok := parseAck(i.Subject); ok && sender == s {
					l.descend(&nats.Msg{Subject: i.Subject, Data: i.Data})
				}
			}
			l.mu.Lock()
			l.state.Past[s] = t.position()
			l.mu.Unlock()
			more = t.More
		}
	}
	return nil
}

func (l *leaf) takeRevoked(data []byte) {
	err := l.hub.checkRevoked(data)
	if err == nil {
		err = l.hub.tellRevoked(data)
	}
	if err != nil {
		l.hub.log.Debug("a list of what is revoked", "error", err) // most often the one that we have
	}
}

// revoke gives the main hub a list that somebody has made here.
func (l *leaf) revoke(data []byte) error {
	_, err := l.askMain(verbRevoked, ask{Data: data})
	return err
}
