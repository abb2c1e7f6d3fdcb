package fleet

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"msg"
)

// GroupAll is a group that everybody is in whose message came from a fleet and
// is proved. No account of a system can be: of a group's name ends at a colon.
const GroupAll = "fleet:all"

// AccountPrefix is in front of the Principal.Account of those.
const AccountPrefix = "fleet:"

// principal is who sends, as rules and journals call it.
func (e Envelope) principal() msg.Principal {
	user := e.From + "@" + e.Sender
	return msg.Principal{User: user, Account: AccountPrefix + user, Groups: []string{GroupAll}}
}

// receive is given everything that is sent to this computer. stored is for what
// the hub has kept.
func (n *Node) receive(subject string, data []byte, stored bool) {
	n.busy.Store(true)
	now := n.clock()
	e, g, err := n.verifier.open(data, now)
	if err == nil {
		err = n.self().accepts(e, g, subject, stored, now)
	}
	switch {
	case errors.Is(err, errNotForUs):
	case err != nil:
		n.refuse(data, err)
	case e.Op == opSessions:
		n.start(func() { n.tellSessions(e) })
	default:
		n.takeIn(e, data, stored, now)
	}
}

// refuse writes down what is not believed. What it says of itself is not
// either.
func (n *Node) refuse(data []byte, err error) {
	e, _ := peek(data)
	n.log.Warn("a message of the fleet is refused", "id", e.ID, "from", e.From, "sender", e.Sender, "reason", err)
	n.local.Refuse(e.From+"@"+e.Sender, e.ID, err.Error())
}

// start runs something that Run waits for in the end, unless that is now.
func (n *Node) start(f func()) (started bool) {
	n.mu.Lock() // Run, which waits for all, ends n.ctx under it
	defer n.mu.Unlock()
	if n.ctx.Err() != nil {
		return false
	}
	n.tasks.Go(f)
	return true
}

// takeIn puts a message into the inbox and has it shown, once. Whoever sends it
// again is told what has come of it.
func (n *Node) takeIn(e Envelope, data []byte, stored bool, now time.Time) {
	first := &held{ID: e.ID, Wire: data, Expires: e.Expires, Report: n.newReport(e)}
	first.isReplay(e)
	h, fresh, err := n.inbox.add(first, now)
	switch {
	case err != nil:
		n.cannot(e, data, err)
	case fresh:
		n.start(func() { n.show(h, e) })
	default:
		h.mu.Lock()
		replayed := h.isReplay(e) && !stored // the hub may not know what is here
		h.mu.Unlock()
		if replayed {
			n.refuse(data, errors.New("it has been here before, and a message is shown once"))
		}
		n.publish(h)
	}
}

// cannot is for a message that cannot be written down here. Nobody is shown it, and
// its sender is told, unless the hub keeps it: then there is another time.
func (n *Node) cannot(e Envelope, data []byte, err error) {
	if e.Message.Queue > 0 {
		n.log.Error("a message of the fleet has to wait", "id", e.ID, "error", err)
		return
	}
	n.refuse(data, err)
	r := n.newReport(e)
	r.Error, r.Done = "it cannot be taken: "+err.Error(), true
	sealed, err := r.Seal(n.key)
	if err == nil {
		err = n.conn.Publish(subjectAckAt(r.Sender, r.ID, n.config.site(), r.Host), sealed)
	}
	n.logError("telling that a message cannot be taken", err)
}

func (n *Node) newReport(e Envelope) Report {
	return Report{Org: n.config.Org, ID: e.ID, Sender: e.Sender, Host: n.config.Name, Serial: 1, At: n.clock().UTC()}
}

// show shows a message here. Whatever becomes of the hub or the sender, it
// stays on the screens.
func (n *Node) show(h *held, e Envelope) {
	m := e.Message
	if m.Queue > 0 { // what is left of it
		m.Queue = max(e.Expires.Sub(n.clock()), time.Second)
	}
	err := n.local.Send(context.Background(), e.principal(), e.target(), m, func(r msg.Receipt) { n.progress(h, m, r) })
	if n.keepFor(h, err) {
		_, err = n.attend(h, e)
	}
	n.finish(h, err)
}

// progress is told of each receipt. The last ones go out with the end.
func (n *Node) progress(h *held, m msg.Message, r msg.Receipt) {
	h.mu.Lock()
	news := h.Report.put(r)
	open := false
	for _, x := range h.Report.Receipts {
		open = open || !x.Final
	}
	kept := h.attended && h.Report.keeps()
	h.Report.Kept = h.Report.Kept || kept
	if news {
		h.Report.Serial++
	}
	h.mu.Unlock()
	if news && (m.Wait && open || kept) {
		n.publish(h)
	}
}

// finish is the end of a message here, unless msgd ends: then the next one goes
// on.
func (n *Node) finish(h *held, err error) {
	if errors.Is(err, msg.ErrStopping) {
		return
	}
	h.mu.Lock()
	r := &h.Report
	var none *msg.NoSessionError
	if errors.As(err, &none) {
		r.Missing = none.Selectors
	} else if err != nil {
		r.Error, r.Refused = err.Error(), errors.Is(err, msg.ErrRefused)
	}
	r.Done, r.At, h.Wire = true, n.clock().UTC(), nil
	r.Serial++
	h.told = n.clock()
	body, err := r.encode()
	if err == nil {
		err = n.inbox.finish(h, body)
	}
	told := *r
	h.mu.Unlock()
	n.logError("writing the inbox of the fleet", err)
	n.tell(told, body)
}

// publish sends the report as it is now. The hub answers when it has it; until
// then it is sent again.
func (n *Node) publish(h *held) {
	h.mu.Lock()
	h.told = n.clock()
	r := h.Report
	body, err := r.encode()
	h.mu.Unlock()
	n.logError("writing a report", err)
	n.tell(r, body)
}

// tell signs a report, which is written in body, and sends it.
func (n *Node) tell(r Report, body []byte) {
	data, err := sealBody(n.key, domainReport, body, nil)
	if err != nil {
		n.logError("signing a report", err)
		return
	}
	reply := fmt.Sprintf("%s.taken.%s.%d", inboxOf(n.config.Name), r.ID, r.Serial)
	if err := n.conn.PublishRequest(subjectAckAt(r.Sender, r.ID, n.config.site(), r.Host), reply, data); err != nil {
		n.log.Debug("sending a report", "id", r.ID, "error", err)
	}
}

// taken is told which report the hub has.
func (n *Node) taken(subject string) {
	parts := strings.Split(subject, ".")
	serial, err := strconv.Atoi(parts[len(parts)-1])
	h := n.inbox.get(parts[len(parts)-2])
	if err != nil || h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if serial > h.Taken {
		h.Taken, h.dirty = serial, true // at worst the hub is told twice
	}
}

// resend sends what the hub has not yet taken, unless it was told less than some
// time ago, and forgets what is over.
func (n *Node) resend(since time.Duration) {
	now := n.clock()
	if n.conn.IsConnected() {
		for _, h := range n.inbox.all() {
			h.mu.Lock()
			due := h.Taken < h.Report.Serial && (h.Report.Done || len(h.Report.Receipts) > 0) && now.Sub(h.told) >= since
			h.mu.Unlock()
			if due {
				n.publish(h)
			}
		}
	}
	n.logError("writing the inbox of the fleet", n.inbox.flushAll())
	n.logError("writing the inbox of the fleet", n.inbox.forget(now))
	n.outbox.forget(n.clock())
	n.logError("writing the outbox of the fleet", n.outbox.flushAll())
}

// goOn goes on with what was not finished when msgd ended: it follows what the
// daemon knows of, and shows what it had not been given.
func (n *Node) goOn() {
	for _, h := range n.inbox.all() {
		if h.Report.Done {
			continue
		}
		e, err := peek(h.Wire) // it was checked before it was taken in
		if err != nil {
			n.logError("reading the inbox of the fleet", err)
			continue
		}
		n.logError("writing the inbox of the fleet", n.inbox.revive(h))
		n.start(func() {
			known, err := n.attend(h, e)
			switch {
			case known || err != nil:
				n.finish(h, err)
			case n.clock().Before(e.Expires):
				n.show(h, e)
			default:
				n.finish(h, errors.New("it expired before it was shown: msgd was not running"))
			}
		})
	}
	n.resume()
}

// pending takes what the hub has kept while this computer was off.
func (n *Node) pending(ctx context.Context) error {
	for {
		n.mu.Lock()
		store, after := n.state.Store, n.state.After
		n.mu.Unlock()
		t, err := askHub(ctx, n.conn, subjectRPC(verbPending, n.config.Name), ask{Store: store, After: after})
		if err != nil {
			return err
		}
		for _, i := range t.Items {
			n.kept(i.Data)
		}
		n.mu.Lock()
		n.state.Store, n.state.After = t.Store, t.After
		n.mu.Unlock()
		if err := n.save(); err != nil || !t.More {
			return err
		}
	}
}

// kept takes what the hub has kept. The subject is of the hub's choosing here:
// what counts is whom the envelope is for.
func (n *Node) kept(data []byte) {
	if e, err := peek(data); err == nil && n.inbox.get(e.ID) == nil {
		n.receive(subjectHostAt(e.kind(), e.Sender, n.config.site(), n.config.Name), data, true)
	}
}

// sessionsWait bounds how long this computer looks for its sessions.
const sessionsWait = 3 * time.Second

// tellSessions says who is signed in here.
func (n *Node) tellSessions(e Envelope) {
	ctx, cancel := context.WithTimeout(context.Background(), sessionsWait)
	defer cancel()
	r := n.newReport(e)
	list, err := n.local.Sessions(ctx, e.principal())
	if err != nil {
		r.Error = err.Error()
	}
	r.Sessions, r.Done = list, true
	data, err := r.Seal(n.key)
	if err == nil {
		err = n.conn.Publish(subjectAckAt(r.Sender, r.ID, n.config.site(), r.Host), data)
	}
	n.logError("telling the sessions", err)
}
