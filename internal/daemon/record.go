package daemon

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"msg"
)

// entry is one message as it was accepted, or refused. It is never changed.
type entry struct {
	Message msg.Message   `json:"message"`
	By      msg.Principal `json:"by"`
	To      []string      `json:"to"`
	Refused string        `json:"refused,omitempty"`
}

// place is where a message is shown, and the latest of what became of it
// there. A receipt without an outcome means that nothing has yet.
type place struct {
	session msg.Session
	receipt msg.Receipt
}

// outcomeMoved ends the place of somebody who was not signed in and now is:
// the places of the sessions follow it. It is never reported.
const outcomeMoved msg.Outcome = "moved"

// format is the first byte of every value. A later version that writes
// another one can still read this one.
const format = 1

var errRecord = errors.New("the record is damaged")

// encodeEntry puts what a search looks at in front of the rest.
func encodeEntry(e entry) ([]byte, error) {
	rest, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encoding message %s: %w", e.Message.ID, err)
	}
	b := encoder{format}
	b.time(e.Message.Sent)
	b.string(e.By.Account)
	b.string(e.By.User)
	return append(b, rest...), nil
}

// head is the front of an entry.
type head struct {
	sent          time.Time
	account, user string
}

func decodeHead(value []byte) (head, *decoder) {
	d := newDecoder(value)
	return head{sent: d.time(), account: d.string(), user: d.string()}, d
}

func decodeEntry(value []byte) (entry, error) {
	_, d := decodeHead(value)
	var e entry
	if d.err != nil {
		return e, d.err
	}
	if err := json.Unmarshal([]byte(d.rest), &e); err != nil {
		return e, fmt.Errorf("%w: %v", errRecord, err)
	}
	return e, nil
}

func encodeSessions(places []place) []byte {
	b := make(encoder, 0, 16+80*len(places))
	b = append(b, format)
	b.number(int64(len(places)))
	for i := range places {
		s := &places[i].session
		for _, field := range []string{s.Host, s.ID, s.Name, s.User, s.Account, string(s.Kind), string(s.State), s.Type, s.Source} {
			b.string(field)
		}
		b.number(int64(s.Idle))
		b.time(s.Since)
		b.flag(s.Console)
	}
	return b
}

// leastSession is the size of a session whose fields are empty.
const leastSession = 12

func decodeSessions(value []byte) ([]msg.Session, error) {
	d := newDecoder(value)
	n := d.number()
	if d.err != nil || n < 0 || n > int64(len(d.rest)/leastSession) {
		return nil, errRecord
	}
	sessions := make([]msg.Session, n)
	for i := range sessions {
		s := &sessions[i]
		s.Host, s.ID, s.Name, s.User, s.Account = d.string(), d.string(), d.string(), d.string(), d.string()
		s.Kind, s.State, s.Type, s.Source = msg.Kind(d.string()), msg.State(d.string()), d.string(), d.string()
		s.Idle, s.Since, s.Console = time.Duration(d.number()), d.time(), d.flag()
	}
	return sessions, d.end()
}

// encodeReceipt leaves message and session to the key.
func encodeReceipt(r msg.Receipt) []byte {
	b := encoder{format}
	b.string(string(r.Outcome))
	b.string(r.Answer)
	b.string(r.Surface)
	b.string(r.Detail)
	b.time(r.At)
	b.flag(r.Final)
	return b
}

func decodeReceipt(value []byte) (msg.Receipt, error) {
	d := newDecoder(value)
	r := msg.Receipt{Outcome: msg.Outcome(d.string()), Answer: d.string(), Surface: d.string(), Detail: d.string(), At: d.time(), Final: d.flag()}
	return r, d.end()
}

// encoder appends values in a compact form: 500 sessions in JSON would take
// longer than writing them to the disk.
type encoder []byte

func (b *encoder) string(s string) {
	*b = binary.AppendUvarint(*b, uint64(len(s)))
	*b = append(*b, s...)
}

func (b *encoder) number(n int64) { *b = binary.AppendVarint(*b, n) }

// time has microseconds. Unknown is a number that no time has.
func (b *encoder) time(t time.Time) {
	if t.IsZero() {
		b.number(0)
	} else {
		b.number(t.UnixMicro())
	}
}

func (b *encoder) flag(set bool) {
	if set {
		b.number(1)
	} else {
		b.number(0)
	}
}

// decoder reads what an encoder wrote. After an error it returns zeros.
type decoder struct {
	rest string
	err  error
}

func newDecoder(value []byte) *decoder {
	if len(value) == 0 || value[0] != format {
		return &decoder{err: fmt.Errorf("%w: it is of another version", errRecord)}
	}
	return &decoder{rest: string(value[1:])} // one copy for all the strings in it
}

func (d *decoder) fail() {
	d.rest, d.err = "", errRecord
}

func (d *decoder) string() string {
	n, size := uvarint(d.rest)
	if size <= 0 || n > uint64(len(d.rest)-size) {
		d.fail()
		return ""
	}
	s := d.rest[size : size+int(n)]
	d.rest = d.rest[size+int(n):]
	return s
}

func (d *decoder) number() int64 {
	u, size := uvarint(d.rest)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[size:]
	return int64(u>>1) ^ -int64(u&1) // zigzag, as binary.AppendVarint has it
}

func (d *decoder) time() time.Time {
	n := d.number()
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n)
}

func (d *decoder) flag() bool { return d.number() != 0 }

// end returns the error there was, or that something is left over.
func (d *decoder) end() error {
	if d.err == nil && d.rest != "" {
		d.fail()
	}
	return d.err
}

// uvarint is binary.Uvarint for strings.
func uvarint(s string) (uint64, int) {
	var n uint64
	for i := range min(len(s), binary.MaxVarintLen64) {
		n |= uint64(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
			return n, i + 1
		}
	}
	return 0, 0
}
