package fleet

import (
	"fmt"
	"time"

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

// Seal signs the report.
func (r Report) Seal(key nkeys.KeyPair) ([]byte, error) { return seal(key, domainReport, r, nil) }

// openReport checks that a report is of the member whose subject it came on,
// whose key the caller knows.
func openReport(data []byte, subject, org, key string) (Report, error) {
	sender, id, host, ok := parseAck(subject)
	if !ok {
		return Report{}, fmt.Errorf("%w: a report on the subject %q", errProof, subject)
	}
	var r Report
	s, err := parseSealed(data)
	if err == nil {
		err = s.unseal(key, domainReport, &r)
	}
	switch {
	case err != nil:
		return Report{}, fmt.Errorf("a report in the name of %s is %w", host, err)
	case r.Org != org || r.ID != id || r.Sender != sender || r.Host != host:
		return Report{}, fmt.Errorf("%w: a report of %s about %s came on the subject of %s about %s", errProof, r.Host, r.ID, host, id)
	}
	for i := range r.Receipts { // what a member says is about itself
		r.Receipts[i].Message, r.Receipts[i].Session.Host, r.Receipts[i].Session.Own = id, host, false
	}
	for i := range r.Sessions {
		r.Sessions[i].Host, r.Sessions[i].Own = host, false
	}
	return r, nil
}
