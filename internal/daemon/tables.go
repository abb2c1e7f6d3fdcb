package daemon

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"

	"msg"
)

// The buckets of the file. Keys begin with the number of the message, which
// counts up: the order is that of acceptance, whatever the clocks of the
// senders say.
var (
	bucketMeta       = []byte("meta")       // "version": formatVersion
	bucketMessages   = []byte("messages")   // number: entry
	bucketIDs        = []byte("ids")        // ID, written backwards: number
	bucketPlaces     = []byte("places")     // number, first place: sessions from that place on
	bucketReceipts   = []byte("receipts")   // number, place: the latest receipt
	bucketUnfinished = []byte("unfinished") // number: only that it is there; the spool
	bucketDND        = []byte("dnd")        // account: JSON of msg.DND
)

var buckets = [][]byte{bucketMeta, bucketMessages, bucketIDs, bucketPlaces, bucketReceipts, bucketUnfinished, bucketDND}

// tables is the journal within a transaction.
type tables struct {
	messages, ids, places, receipts, unfinished, dnd *bolt.Bucket
}

func tablesOf(tx *bolt.Tx) tables {
	return tables{
		messages: tx.Bucket(bucketMessages), ids: tx.Bucket(bucketIDs), places: tx.Bucket(bucketPlaces),
		receipts: tx.Bucket(bucketReceipts), unfinished: tx.Bucket(bucketUnfinished), dnd: tx.Bucket(bucketDND),
	}
}

// number is how a message is called in the journal.
type number uint64

func (n number) key() []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// place is the key of one place of a message.
func (n number) place(i int) []byte { return binary.BigEndian.AppendUint32(n.key(), uint32(i)) }

const (
	numberSize = 8
	placeSize  = numberSize + 4
)

func numberOf(key []byte) number {
	if len(key) < numberSize {
		return 0
	}
	return number(binary.BigEndian.Uint64(key))
}

// idKey is an ID from its end, so that the end is enough to find it.
func idKey(id string) []byte {
	b := []byte(strings.ToUpper(id))
	slices.Reverse(b)
	return b
}

// accepted is a new message with its places.
type accepted struct {
	id              string
	entry, sessions []byte // encoded, which the writer need not do
	places          []place
}

// accept adds a message. It is unfinished if one of its places is.
func (t tables) accept(a accepted) (number, error) {
	if t.ids.Get(idKey(a.id)) != nil {
		return 0, errUsed
	}
	sequence, err := t.messages.NextSequence()
	if err != nil {
		return 0, err
	}
	n := number(sequence)
	if err := t.messages.Put(n.key(), a.entry); err != nil {
		return 0, err
	}
	if err := t.ids.Put(idKey(a.id), n.key()); err != nil {
		return 0, err
	}
	if slices.ContainsFunc(a.places, func(p place) bool { return !p.receipt.Final }) {
		if err := t.unfinished.Put(n.key(), []byte{format}); err != nil {
			return 0, err
		}
	}
	return n, t.addPlaces(n, 0, a.sessions, a.places)
}

// addPlaces adds places, of which the first gets that number, and what is
// known of them already. sessions are theirs, encoded.
func (t tables) addPlaces(n number, first int, sessions []byte, places []place) error {
	if len(places) == 0 {
		return nil
	}
	if err := t.places.Put(n.place(first), sessions); err != nil {
		return err
	}
	for i, p := range places {
		if p.receipt.Outcome != "" {
			if err := t.putReceipt(n, first+i, p.receipt); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t tables) putReceipt(n number, i int, r msg.Receipt) error {
	return t.receipts.Put(n.place(i), encodeReceipt(r))
}

// finish takes a message off the spool.
func (t tables) finish(n number) error { return t.unfinished.Delete(n.key()) }

// stored is a message with what came of it so far.
type stored struct {
	number number
	entry  entry
	places []place
}

// load reads a message; an error means that the journal is damaged there.
func (t tables) load(n number) (stored, error) {
	s := stored{number: n}
	value := t.messages.Get(n.key())
	if value == nil {
		return s, fmt.Errorf("message %d: %w: it is not there", n, errRecord)
	}
	var err error
	if s.entry, err = decodeEntry(value); err == nil {
		s.places, err = t.loadPlaces(n)
	}
	if err != nil {
		return s, fmt.Errorf("message %d: %w", n, err)
	}
	return s, nil
}

func (t tables) loadPlaces(n number) ([]place, error) {
	var places []place
	err := eachOf(t.places, n, func(key, value []byte) error {
		sessions, err := decodeSessions(value)
		if err == nil && (len(key) != placeSize || int(binary.BigEndian.Uint32(key[numberSize:])) != len(places)) {
			err = errRecord
		}
		for _, s := range sessions {
			places = append(places, place{session: s})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return places, eachOf(t.receipts, n, func(key, value []byte) error {
		r, err := decodeReceipt(value)
		if err != nil {
			return err
		}
		if len(key) != placeSize || int(binary.BigEndian.Uint32(key[numberSize:])) >= len(places) {
			return errRecord
		}
		places[binary.BigEndian.Uint32(key[numberSize:])].receipt = r
		return nil
	})
}

// eachOf visits what one message has in a bucket.
func eachOf(b *bolt.Bucket, n number, visit func(key, value []byte) error) error {
	c := b.Cursor()
	for key, value := c.Seek(n.key()); key != nil && bytes.HasPrefix(key, n.key()); key, value = c.Next() {
		if err := visit(key, value); err != nil {
			return err
		}
	}
	return nil
}

// loadUnfinished reads the spool.
func (t tables) loadUnfinished() ([]stored, error) {
	var all []stored
	err := t.unfinished.ForEach(func(key, _ []byte) error {
		s, err := t.load(numberOf(key))
		all = append(all, s)
		return err
	})
	return all, err
}

// remove takes a message out of the journal.
func (t tables) remove(n number) error {
	if e, err := decodeEntry(t.messages.Get(n.key())); err == nil { // the ID of a damaged one stays used
		if err := t.ids.Delete(idKey(e.Message.ID)); err != nil {
			return err
		}
	}
	for _, b := range []*bolt.Bucket{t.places, t.receipts} {
		var keys [][]byte
		_ = eachOf(b, n, func(key, _ []byte) error { // a cursor is lost when its bucket changes
			keys = append(keys, bytes.Clone(key))
			return nil
		})
		for _, key := range keys {
			if err := b.Delete(key); err != nil {
				return err
			}
		}
	}
	return t.messages.Delete(n.key())
}

// record is what somebody who may see all of it is told.
func (s stored) record() msg.Record {
	r := msg.Record{Message: s.entry.Message, Account: s.entry.By.Account, To: s.entry.To, Refused: s.entry.Refused, Receipts: []msg.Receipt{}}
	for _, p := range s.places {
		if p.receipt.Outcome != "" && p.receipt.Outcome != outcomeMoved {
			r.Receipts = append(r.Receipts, p.full(s.entry.Message.ID))
		}
	}
	return r
}

// full is the receipt with what the journal leaves to the key.
func (p place) full(id string) msg.Receipt {
	r := p.receipt
	r.Message, r.Session = id, p.session
	return r
}
