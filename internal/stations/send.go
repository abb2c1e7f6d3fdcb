package stations

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf16"

	"msg"
	"msg/internal/text"
	"msg/internal/wts"
)

// RemoteUnits is how many UTF-16 units of title or text another computer takes
// for sure by the calls that there were before Vista: [MS-TSTS] 3.7.4.1.8 has
// 1,024 and does not agree with itself whether these are bytes.
const RemoteUnits = 512

// Send shows m in the sessions that t means. It is for whoever has the right
// to do that; the title is the sender's own business then.
func (s *Computer) Send(ctx context.Context, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
	if err := m.Check(); err != nil {
		return err
	}
	title, _ := text.Heading(m.Title, m.From, m.Sent, m.Again, s.Locale(m.Locale))
	b := newBox(m, title, m.Text)
	list, err := s.Sessions(ctx)
	if err == nil {
		err = s.fits(b)
	}
	if err != nil {
		return err
	}
	matched, missing := t.Resolve(withPeople(list))
	s.newBoxes(ctx, m, b).deliver(matched, report)
	return msg.MissingError(missing)
}

// Deliver shows m in exactly these sessions, see daemon.Computer. It is for
// whoever shows messages of others: the sender is always named.
func (s *Computer) Deliver(ctx context.Context, to []msg.Session, m msg.Message, report func(msg.Receipt)) {
	title, by := text.Heading(m.Title, m.From, m.Sent, m.Again, s.Locale(m.Locale))
	body := m.Text
	if by != "" {
		body += "\n\n" + by
	}
	b := s.newBoxes(ctx, m, newBox(m, title, body))
	err := m.Check()
	var list []msg.Session
	if err == nil {
		list, err = s.Sessions(ctx)
	}
	if err == nil {
		err = s.fits(b.box)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = errInterrupted
		}
		b.refuse(to, msg.OutcomeFailed, err.Error(), report)
		return
	}
	there, gone := sameStations(to, list)
	b.refuse(gone, msg.OutcomeGone, errStationEnded.Error(), report)
	b.deliver(there, report)
}

// Resume waits for the answers to m in sessions that were shown it before this
// process began. What is pressed in those boxes was told to the process that
// has ended; only Answer can answer.
func (s *Computer) Resume(ctx context.Context, to []msg.Session, m msg.Message, report func(msg.Receipt)) {
	b := s.newBoxes(ctx, m, wts.Box{})
	b.begin(to, func(session msg.Session, w *wait) {
		b.accepted(session, "", false)
		b.outcome(w, nil, time.Until(m.Sent.Add(m.Timeout)))
	}, report)
}

// sameStations splits sessions into those that are still there and those that
// are not: IDs are used again.
func sameStations(to, list []msg.Session) (there, gone []msg.Session) {
	now := make(map[string]msg.Session, len(list))
	for _, x := range list {
		now[x.ID] = x
	}
	for _, x := range to {
		if y, ok := now[x.ID]; ok && y.Account == x.Account && y.Since.Equal(x.Since) {
			there = append(there, y)
		} else {
			gone = append(gone, x)
		}
	}
	return there, gone
}

// newBox makes the box of a message. Line ends are those of Windows.
func newBox(m msg.Message, title, body string) wts.Box {
	return wts.Box{
		Title: title, Text: strings.ReplaceAll(text.Plain(body), "\n", "\r\n"),
		Style: boxStyle(m.Buttons), Timeout: boxTimeout(m.Timeout),
	}
}

// maxBoxTimeout is the longest that fits when Windows makes milliseconds of it.
const maxBoxTimeout = (1<<32 - 1) / 1000 * time.Second

// boxTimeout rounds up to whole seconds: a box without a second would never
// close.
func boxTimeout(d time.Duration) time.Duration {
	return min((d + time.Second - 1).Truncate(time.Second), maxBoxTimeout)
}

func boxStyle(b msg.Buttons) uint32 {
	switch b {
	case msg.ButtonsOKCancel:
		return wts.StyleOKCancel
	case msg.ButtonsYesNo:
		return wts.StyleYesNo
	case msg.ButtonsYesNoCancel:
		return wts.StyleYesNoCancel
	case msg.ButtonsRetryCancel:
		return wts.StyleRetryCancel
	}
	return wts.StyleOK
}

func unitsOf(s string) int { return len(utf16.Encode([]rune(s))) }

// fits refuses what another computer would not take.
func (s *Computer) fits(b wts.Box) error {
	limit := s.Services.MaxUnits()
	if limit == 0 {
		return nil
	}
	what, length := "text", unitsOf(b.Text)
	if length <= limit {
		what, length = "title", unitsOf(b.Title)
	}
	if length <= limit {
		return nil
	}
	return fmt.Errorf("%w: its %s has %d UTF-16 units, %q takes %d by Windows' remote calls", msg.ErrMessage, what, length, s.Name, limit)
}

// Details of receipts.
var (
	errInterrupted  = errors.New("interrupted")
	errStationEnded = errors.New("session ended")
	errNobodyThere  = errors.New("nobody is signed in there")
	errNotTaken     = fmt.Errorf("it was not taken by Windows within %v", boxTimeLimit)
	errManyBoxes    = fmt.Errorf("%d boxes of this program are open already", MaxOpenBoxes)
)

// MaxOpenBoxes is how many calls to show a box are under way in this process:
// each that waits holds a thread of the system, of which Go allows 10,000.
const MaxOpenBoxes = 2048

// boxes is one message on its way to the sessions of one computer.
type boxes struct {
	*Computer
	ctx      context.Context
	message  msg.Message
	box      wts.Box
	receipts chan msg.Receipt
}

func (s *Computer) newBoxes(ctx context.Context, m msg.Message, b wts.Box) *boxes {
	return &boxes{Computer: s, ctx: ctx, message: m, box: b}
}

func (b *boxes) refuse(to []msg.Session, o msg.Outcome, detail string, report func(msg.Receipt)) {
	for _, x := range to {
		report(b.receipt(x, msg.Receipt{Outcome: o, Detail: detail, Final: true}))
	}
}

// receipt fills in what every receipt has.
func (b *boxes) receipt(x msg.Session, r msg.Receipt) msg.Receipt {
	r.Message, r.Session, r.At = b.message.ID, x, time.Now()
	if r.Outcome == msg.OutcomeAccepted || r.Outcome == msg.OutcomeAnswered || r.Outcome == msg.OutcomeDismissed || r.Outcome == msg.OutcomeExpired {
		r.Surface = surfaceBox
	}
	return r
}

// surfaceBox is Receipt.Surface of a message box of Windows.
const surfaceBox = "messagebox"

// begin serves the sessions side by side and reports until all are done. A
// message that waits can be answered from now on.
func (b *boxes) begin(to []msg.Session, serve func(msg.Session, *wait), report func(msg.Receipt)) {
	b.receipts = make(chan msg.Receipt, 2*len(to)) // nobody waits for whoever reports
	waits := make([]*wait, len(to))
	if b.message.Wait {
		for i, x := range to {
			waits[i] = b.waits.add(x, b.message)
		}
		defer b.lookAfter(waits)()
	}
	var parts sync.WaitGroup
	for i, x := range to {
		parts.Go(func() { serve(x, waits[i]) })
	}
	go func() {
		parts.Wait()
		close(b.receipts)
	}()
	for r := range b.receipts {
		report(r)
	}
}

func (b *boxes) deliver(to []msg.Session, report func(msg.Receipt)) {
	b.begin(to, b.serve, report)
}

// serve shows the message in one session.
func (b *boxes) serve(x msg.Session, w *wait) {
	switch {
	case b.ctx.Err() != nil:
		b.end(x, w, msg.Receipt{Outcome: msg.OutcomeFailed, Detail: errInterrupted.Error()})
	case !takesBoxes(x):
		b.end(x, w, msg.Receipt{Outcome: msg.OutcomeFailed, Detail: errNobodyThere.Error()})
	case !b.takeSlot():
		b.end(x, w, msg.Receipt{Outcome: msg.OutcomeFailed, Detail: b.slotDetail()})
	case b.message.Wait:
		b.ask(x, w)
	default:
		b.tell(x)
	}
}

// takeSlot waits until a box may be opened.
func (b *boxes) takeSlot() bool {
	late := time.NewTimer(boxTimeLimit)
	defer late.Stop()
	select {
	case b.Slots <- struct{}{}:
		return true
	case <-late.C:
	case <-b.ctx.Done():
	}
	return false
}

func (b *boxes) slotDetail() string {
	if b.ctx.Err() != nil {
		return errInterrupted.Error()
	}
	return errManyBoxes.Error()
}

// end sends the last receipt of a session; w is nil if the message does not
// wait. What has ended the wait before goes first.
func (b *boxes) end(x msg.Session, w *wait, r msg.Receipt) {
	r.Final = true
	r = b.receipt(x, r)
	if w != nil {
		b.waits.settle(w, r)
		r = <-w.ended
	}
	b.receipts <- r
}

func (b *boxes) accepted(x msg.Session, detail string, final bool) {
	b.receipts <- b.receipt(x, msg.Receipt{Outcome: msg.OutcomeAccepted, Detail: detail, Final: final})
}
