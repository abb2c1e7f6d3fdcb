package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"msg"
)

// Send sends a message to people on these members. It is written down before
// it leaves, and goes on when ctx has ended: what comes of it then is in
// Records. Absent members are told of at once; with Message.Queue they get it
// when they are back.
func (n *Node) Send(ctx context.Context, p msg.Principal, hosts []string, t msg.Target, m msg.Message, report func(msg.Receipt), tell func(msg.Reach)) error {
	now := n.clock()
	e := Envelope{ID: m.ID, Op: opSend, To: t.Strings(), Message: m, Issued: now.UTC(), Expires: now.Add(life(m)).UTC()}
	e.Message.From, e.Message.Sent, e.Message.Again = p.User+"@"+n.config.Name, now.Round(0), false
	s, err := n.prepare(ctx, p, hosts, &e)
	if errors.Is(err, errNoHub) {
		return fmt.Errorf("%w; nothing was sent", err)
	}
	if err != nil {
		if errors.Is(err, msg.ErrRefused) {
			n.log.Warn("a message to the fleet is refused", "by", p.Sender(), "hosts", hosts, "reason", err)
			n.local.Refuse(p.Sender(), m.ID, err.Error())
		}
		return err
	}
	n.log.Info("message to the fleet", "id", e.ID, "by", p.Sender(), "account", p.Account, "hosts", e.Hosts.String(), "count", e.Count)
	n.publishAll(s, e)
	n.start(func() { n.deliver(s, e) })
	return n.follow(ctx, s, report, tell)
}

// prepare decides whether it may be sent, and signs it.
func (n *Node) prepare(ctx context.Context, p msg.Principal, hosts []string, e *Envelope) (*sent, error) {
	g, data, err := n.mayAsk(p)
	if err != nil {
		return nil, err
	}
	if e.Hosts, err = ParseHosts(hosts); err != nil {
		return nil, err
	}
	targets, sites, err := n.resolve(ctx, e.Hosts, g)
	if err != nil {
		return nil, err
	}
	e.Org, e.Sender, e.From, e.Count = n.config.Org, n.config.Name, p.User, len(targets)
	if err := g.allows(e.action(), e.Count); err != nil {
		return nil, err
	}
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("%w: %v", msg.ErrMessage, err)
	}
	if err := n.pace(g); err != nil {
		return nil, err
	}
	s := newSent()
	s.Sites = sites
	s.ID, s.By, s.Message, s.Hosts, s.To, s.Expires, s.Targets = e.ID, p, e.Message, e.Hosts, e.To, e.Expires, targets
	if s.Wire, err = e.Seal(n.key, data); err != nil {
		return nil, err
	}
	if len(s.Wire) > maxWire {
		return nil, fmt.Errorf("%w: with its recipients it has %d bytes, the limit is %d", msg.ErrMessage, len(s.Wire), maxWire)
	}
	if e.Op == opSessions {
		return s, nil
	}
	if n.outbox.get(e.ID) != nil {
		return nil, fmt.Errorf("%w: its ID %s was used before", msg.ErrMessage, e.ID)
	}
	return s, n.outbox.add(s)
}

// mayAsk returns the grant of this member, if p may use it.
func (n *Node) mayAsk(p msg.Principal) (Grant, []byte, error) {
	n.mu.Lock()
	data := n.grant
	n.mu.Unlock()
	if data == nil {
		return Grant{}, nil, fmt.Errorf("%w: this computer may not send to a fleet; %s", msg.ErrRefused, n.cure(p))
	}
	g, err := n.verifier.grant(data, n.clock())
	if err != nil {
		return g, nil, fmt.Errorf("%w: %v", msg.ErrRefused, err)
	}
	if !g.speaksFor(p, n.local.InGroup) {
		return g, nil, fmt.Errorf("%w: the grant of %s is not for %s; %s; that takes the place of the grant, so whom it is for now is to be named, too", msg.ErrRefused, g.Name, p.User, n.cure(p))
	}
	return g, data, nil
}

// cure is how somebody comes to be allowed to send.
func (n *Node) cure(p msg.Principal) string {
	who := n.config.Name
	if !p.Superuser {
		who = p.User + "@" + who
	}
	return fmt.Sprintf("an administrator of the fleet allows it, on its hub, with: msgd operator add %s --may \"send, broadcast, query\"", who)
}

// pace keeps to the number of messages a minute.
func (n *Node) pace(g Grant) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.rates == nil {
		n.rates = rate.NewLimiter(rate.Limit(float64(g.May.Rate)/60), g.May.Rate)
	}
	if !n.rates.Allow() {
		return fmt.Errorf("%w: the grant of %s is for %d messages a minute", msg.ErrLimit, g.Name, g.May.Rate)
	}
	return nil
}

// Times of a delivery.
const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Second
	noReply    = 10 * time.Second // after which a member that should be connected counts as failed
	lateAnswer = 15 * time.Second // beside the time-out of the message

	// perHost is how many members at most are sent to one by one, where not all
	// are meant, nor all with one tag.
	perHost = 64
)

// deliver sends a message again to members that say nothing, until each has had
// its say or its time is over.
func (n *Node) deliver(s *sent, e Envelope) {
	begin, pause, silent := n.clock(), firstRetry, s.waiting()
	connects, late := n.conn.Stats().Reconnects, false
	flush := time.NewTicker(time.Second / 2)
	defer flush.Stop()
	retry := time.NewTimer(pause)
	defer retry.Stop()
	for {
		select {
		case <-n.ctx.Done():
			n.logError("writing the outbox of the fleet", n.outbox.flush(s))
			return
		case <-flush.C:
			n.logError("writing the outbox of the fleet", n.outbox.flushSoon(s))
			if c := n.conn.Stats().Reconnects; c != connects || !n.conn.IsConnected() {
				// The hub was away, and the others come back in their time.
				connects, begin = c, n.clock().Add(longestPause)
			}
			if !late && n.clock().After(e.Expires) { // what is not known now may be known to the hub
				late = true
				n.logError("asking what came of a message", n.past(n.ctx, s))
			}
			if n.settle(s, e, begin) {
				n.logError("writing the outbox of the fleet", n.outbox.flush(s))
				return
			}
		case <-retry.C:
			if left := s.waiting(); left == silent { // else they are still coming
				n.again(s, e)
				pause = min(pause*3/2, lastRetry)
			} else {
				silent = left
			}
			retry.Reset(pause)
		}
	}
}

// waiting is how many members have said nothing yet.
func (s *sent) waiting() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.Targets {
		if t.State == stateWaiting {
			n++
		}
	}
	return n
}

// settle ends what nothing more can come of, and reports whether all is over.
func (n *Node) settle(s *sent, e Envelope, begin time.Time) bool {
	now := n.clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	over := true
	for i := range s.Targets {
		t := &s.Targets[i]
		switch {
		case t.State == stateFailed, t.State == stateReached && s.doneBy(*t):
		case t.State == stateAbsent && e.Message.Queue == 0:
		case t.State == stateWaiting && now.After(begin.Add(noReply)) && e.Message.Queue == 0:
			s.fail(t, "it did not answer within "+noReply.String()+", and may be off by now")
		case t.State == stateWaiting && now.After(begin.Add(noReply)): // it asks the store itself, at times
			t.State, t.Detail, over = stateAbsent, "it does not answer, and may be off by now", false
			s.dirty, s.news = true, append(s.news, t.Name)
			s.tell()
		case now.After(e.over()):
			if t.State == stateReached { // what it has said so far stands
				s.fail(t, "it has not said what came of it in the end")
			} else {
				s.fail(t, "it did not come back in time")
			}
		default:
			over = false
		}
	}
	if over && !s.Over {
		s.Over, s.Wire, s.dirty = true, nil, true
		s.tell()
	}
	return over
}

// fail gives a member up; mu is held.
func (s *sent) fail(t *target, detail string) {
	t.State, t.Detail = stateFailed, detail
	s.dirty = true
	s.news = append(s.news, t.Name)
	s.tell()
}

// publishAll sends a message on the narrowest subjects that have all its
// members, once. Stream MSG keeps one copy, whatever the subjects.
func (n *Node) publishAll(s *sent, e Envelope) {
	s.mu.Lock()
	targets, wire := slices.Clone(s.Targets), s.Wire
	s.mu.Unlock()
	subjects := []string{subjectAll(e.kind(), e.Sender)}
	if tag, ok := e.Hosts.oneTag(); ok {
		subjects = []string{subjectTag(e.kind(), e.Sender, tag)}
	} else if len(targets) <= perHost && !slices.Contains(e.Hosts, "*") {
		subjects = nil
		for _, t := range targets {
			if t.State == stateWaiting || t.State == stateAbsent {
				subjects = append(subjects, subjectHostAt(e.kind(), e.Sender, t.site(), t.Name))
			}
		}
	}
	for i, subject := range subjects {
		n.publishOne(subject, e, wire, i == 0)
	}
}

// stored is told that the hub has a message in its store.
func (n *Node) stored(m *nats.Msg) {
	var ack struct {
		Error *struct{} `json:"error"`
	}
	parts := strings.Split(m.Subject, ".")
	s := n.outbox.get(parts[len(parts)-1])
	if s == nil || json.Unmarshal(m.Data, &ack) != nil || ack.Error != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Stored, s.dirty = true, true
}

// oneTag returns the tag if one is all that is meant.
func (h Hosts) oneTag() (string, bool) {
	if len(h) != 1 || len(h[0]) <= len(tagMark) || h[0][:len(tagMark)] != tagMark {
		return "", false
	}
	return h[0][len(tagMark):], true
}

// publishOne sends a message on one subject. With answer the hub says when it
// is in the store.
func (n *Node) publishOne(subject string, e Envelope, wire []byte, answer bool) {
	m := nats.NewMsg(subject)
	m.Data = wire
	if e.Op == opSend {
		if answer {
			m.Reply = inboxOf(n.config.Name) + ".stored." + e.ID
		}
		m.Header.Set(nats.MsgIdHdr, e.ID)
		if left := e.Expires.Sub(n.clock()); left > time.Second {
			m.Header.Set("Nats-TTL", fmt.Sprintf("%ds", int(left.Seconds())))
		}
	}
	if err := n.conn.PublishMsg(m); err != nil { // it is sent again
		n.log.Debug("sending to the fleet", "subject", subject, "error", err)
	}
}

// gather is how long news come together for each member that a message is for:
// each time all of them are looked at.
const gather = 4 * time.Microsecond

// follow passes on what comes of a message until all members have had their
// say, as far as ctx waits for it.
func (n *Node) follow(ctx context.Context, s *sent, report func(msg.Receipt), tell func(msg.Reach)) error {
	told := map[string][]msg.Receipt{}
	s.mu.Lock()
	for _, t := range s.Targets { // those of which nothing is to be waited for
		if t.State != stateWaiting {
			s.news = append(s.news, t.Name)
		}
	}
	s.tell()
	s.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-n.ctx.Done():
			return fmt.Errorf("%w: message %s goes on after its restart, see query message", msg.ErrStopping, msg.ShortID(s.ID))
		case <-s.changed:
		}
		if wait := gather * time.Duration(len(s.Targets)); wait > time.Millisecond {
			<-time.After(wait)
		}
		receipts, progress, over, missing := s.newsOf(told)
		for _, r := range receipts {
			report(r)
		}
		tell(progress)
		if over {
			if len(missing) > 0 {
				return &msg.NoSessionError{Selectors: missing}
			}
			return nil
		}
	}
}

// newsOf returns the receipts that are not told yet.
func (s *sent) newsOf(told map[string][]msg.Receipt) (fresh []msg.Receipt, p msg.Reach, over bool, missing []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := s.news
	s.news = nil
	for _, host := range news {
		i := s.at(host)
		receipts := s.receipts(s.Targets[i])
		for _, r := range receipts {
			if !slices.ContainsFunc(told[host], func(x msg.Receipt) bool { return sameReceipt(x, r) }) {
				fresh = append(fresh, r)
			}
		}
		told[host] = receipts
	}
	if over = s.heard(); over {
		missing = s.missing()
	}
	return fresh, s.progress(), over, missing
}

func sameReceipt(a, b msg.Receipt) bool {
	return a.Session.ID == b.Session.ID && a.Session.User == b.Session.User && a.Outcome == b.Outcome && a.Final == b.Final && a.Answer == b.Answer && a.Detail == b.Detail
}

// heard reports whether who sends has nothing more to wait for; mu is held.
func (s *sent) heard() bool {
	return !slices.ContainsFunc(s.Targets, func(t target) bool {
		switch t.State {
		case stateWaiting:
			return true
		case stateAbsent:
			return s.Message.Queue > 0 && s.Message.Wait
		case stateReached:
			return !s.doneBy(t) && !s.keptBy(t)
		}
		return false
	})
}

// resume goes on with what was on its way when msgd ended.
func (n *Node) resume() {
	for _, s := range n.outbox.all() {
		if s.Over {
			continue
		}
		e, err := peek(s.Wire)
		if err != nil {
			n.logError("reading the outbox of the fleet", err)
			continue
		}
		n.start(func() { n.deliver(s, e) })
	}
}

// catchUp asks the hub what came of messages while this computer was away.
func (n *Node) catchUp(ctx context.Context) error {
	n.mu.Lock()
	may := n.grant != nil
	n.mu.Unlock()
	if !may {
		return nil
	}
	for _, s := range n.outbox.all() {
		s.mu.Lock()
		over := s.Over
		s.mu.Unlock()
		if over {
			continue
		}
		if err := n.past(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// past asks the hub what came of one message.
func (n *Node) past(ctx context.Context, s *sent) error {
	s.mu.Lock()
	q := ask{ID: s.ID, Store: s.Store, After: s.Past}
	s.mu.Unlock()
	for {
		t, err := askHub(ctx, n.conn, subjectRPC(verbAcks, n.config.Name), q)
		if err != nil {
			return err
		}
		n.reported(t.Items)
		q.Store, q.After = t.Store, t.After
		s.mu.Lock()
		s.Store, s.Past = t.Store, t.After
		s.mu.Unlock()
		if !t.More {
			return nil
		}
	}
}
