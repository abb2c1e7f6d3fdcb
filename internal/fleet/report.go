package fleet

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nkeys"

	"msg"
)

// Report is what a member says became of a message, signed with its key. It is
// a state, not an event: a later one replaces an earlier.
type Report struct {
	Org      string        `json:"org"`
	ID       string        `json:"id"`
	Sender   string        `json:"sender"`
	Host     string        `json:"host"`
	Serial   int           `json:"serial"` // counts up
	At       time.Time     `json:"at"`
	Receipts []msg.Receipt `json:"receipts,omitempty"` // the latest of each session
	Sessions []msg.Session `json:"sessions,omitempty"` // with opSessions
	Missing  []string      `json:"missing,omitempty"`  // selectors that fit nobody there
	Error    string        `json:"error,omitempty"`    // why nobody there was sent to
	Refused  bool          `json:"refused,omitempty"`  // a rule of that computer says so
	Kept     bool          `json:"kept,omitempty"`     // nothing more will come until people sign in for whom it is kept
	Done     bool          `json:"done"`               // nothing more will come
}

func (r *Report) times() []time.Time {
	list := []time.Time{r.At}
	for _, x := range r.Receipts {
		list = append(list, x.At, x.Session.Since)
	}
	for _, s := range r.Sessions {
		list = append(list, s.Since)
	}
	return list
}

// Seal signs the report.
func (r Report) Seal(key nkeys.KeyPair) ([]byte, error) {
	body, err := r.encode()
	if err != nil {
		return nil, err
	}
	return sealBody(key, domainReport, body, nil)
}

func (r Report) encode() ([]byte, error) { return encode(r.inText()) }

// inText is the report in text that everybody reads. The names that a computer has
// for its sessions and files are bytes, of which some may be no UTF-8.
func (r Report) inText() Report {
	mend := func(fields ...*string) {
		for _, f := range fields {
			*f = strings.ToValidUTF8(*f, string(utf8.RuneError))
		}
	}
	session := func(s *msg.Session) {
		mend(&s.Host, &s.ID, &s.Name, &s.User, &s.Account, &s.Type, &s.Source)
	}
	r.Receipts, r.Sessions = slices.Clone(r.Receipts), slices.Clone(r.Sessions)
	mend(&r.Error)
	for i := range r.Receipts {
		x := &r.Receipts[i]
		session(&x.Session)
		mend(&x.Answer, &x.Surface, &x.Detail)
	}
	for i := range r.Sessions {
		session(&r.Sessions[i])
	}
	return r
}

// signedReport is a report that has come, and the key of the member whose subject
// it came on, as the caller knows it.
type signedReport struct {
	item
	key string
}

// opened is what it says, or why nobody is to believe it.
type opened struct {
	Report
	err error
}

// openReports checks that reports are of the members on whose subjects they came.
func openReports(org string, list []signedReport) []opened {
	all := make([]opened, len(list))
	bodies := make([][]byte, len(list))
	var claims []claim
	var places []int // of those in list
	for i, r := range list {
		s, err := parseSealed(r.Data)
		var c claim
		if err == nil {
			c, err = s.signedBy(r.key, domainReport)
		}
		if all[i].err = err; err == nil {
			bodies[i], claims, places = s.Body, append(claims, c), append(places, i)
		}
	}
	for i, right := range genuine(claims) {
		o := &all[places[i]]
		if o.err = errSignature; right {
			o.err = decode(bodies[places[i]], &o.Report)
		}
	}
	for i, r := range list {
		if err := all[i].belongs(r.Subject, org); err != nil {
			all[i] = opened{err: err}
		}
	}
	return all
}

// openReport does that for one.
func openReport(data []byte, subject, org, key string) (Report, error) {
	o := openReports(org, []signedReport{{item{subject, data}, key}})[0]
	return o.Report, o.err
}

// belongs reports why a report, which is proved if it has no error, is not one
// that may come on a subject.
func (o *opened) belongs(subject, org string) error {
	sender, id, host, ok := parseAck(subject)
	r := &o.Report
	switch {
	case !ok:
		return fmt.Errorf("%w: a report on the subject %q", errProof, subject)
	case o.err != nil:
		return fmt.Errorf("a report in the name of %s is %w", host, o.err)
	case r.Org != org || r.ID != id || r.Sender != sender || r.Host != host:
		return fmt.Errorf("%w: a report of %s about %s came on the subject of %s about %s", errProof, r.Host, r.ID, host, id)
	}
	for i := range r.Receipts { // what a member says is about itself
		r.Receipts[i].Message, r.Receipts[i].Session.Host, r.Receipts[i].Session.Own = id, host, false
	}
	for i := range r.Sessions {
		r.Sessions[i].Host, r.Sessions[i].Own = host, false
	}
	if err := r.check(); err != nil {
		return fmt.Errorf("a report of %s has %w", host, err)
	}
	return nil
}

// check finds what no member says. Whoever is told what came of a message would
// not read on there, and not hear of the others.
func (r *Report) check() error {
	for _, x := range r.Receipts {
		if err := x.Check(); err != nil {
			return err
		}
	}
	for _, s := range r.Sessions {
		if err := s.Check(); err != nil {
			return err
		}
	}
	return nil
}
