package daemon

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"msg"
)

func inPlaces(sessions ...msg.Session) (places []place) {
	for _, s := range sessions {
		places = append(places, place{session: s})
	}
	return places
}

func TestEntryRoundTrip(t *testing.T) {
	e := entry{Message: newMessage("one\ntwo"), By: principal("zoe"), To: []string{"bob", "*"}, Refused: "no"}
	e.Message.ID, e.Message.From, e.Message.Sent = msg.NewID(time.Now()), "zoe@test", time.Now().Round(time.Microsecond)
	b, err := encodeEntry(e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeEntry(b)
	if err != nil || !got.Message.Sent.Equal(e.Message.Sent) {
		t.Fatalf("%+v, %v", got, err)
	}
	got.Message.Sent = e.Message.Sent
	if !reflect.DeepEqual(got, e) {
		t.Errorf("%+v became %+v", e, got)
	}
	if h, d := decodeHead(b); d.err != nil || h.account != accountOf["zoe"] || h.user != "zoe" || !h.sent.Equal(e.Message.Sent) {
		t.Errorf("the head is %+v, %v", h, d.err)
	}
}

func TestSessionsRoundTrip(t *testing.T) {
	a, b := seat("1", "alice").Session, msg.Session{Idle: -time.Hour, Console: true, Since: time.Unix(0, 0).Add(time.Microsecond)}
	a.Since = a.Since.Local()
	want := []msg.Session{a, b, {}}
	got, err := decodeSessions(encodeSessions(inPlaces(want...)))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v became %+v, %v", want, got, err)
	}
}

func TestReceiptRoundTrip(t *testing.T) {
	want := msg.Receipt{Outcome: msg.OutcomeAnswered, Answer: "Yes", Surface: "tmux", Detail: "e\u0301", At: time.UnixMicro(1_700_000_000_123_456), Final: true}
	if got, err := decodeReceipt(encodeReceipt(want)); err != nil || got != want {
		t.Errorf("%+v became %+v, %v", want, got, err)
	}
}

func TestDamagedRecords(t *testing.T) {
	whole := encodeSessions(inPlaces(seat("1", "alice").Session))
	for n := range whole {
		if _, err := decodeSessions(whole[:n]); !errors.Is(err, errRecord) {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
	for _, b := range [][]byte{append(whole, 0), {2}, {format, 0xfe, 0xff, 0xff, 0xff, 0x0f}, {format, 3}} {
		if _, err := decodeSessions(b); !errors.Is(err, errRecord) {
			t.Errorf("%v: %v", b, err)
		}
	}
	if _, err := decodeEntry([]byte{format, 0, 0, 0, '{'}); !errors.Is(err, errRecord) {
		t.Errorf("half an entry: %v", err)
	}
}

// FuzzRecord reads anything as each kind of record; what can be read is the
// same when it is written and read again.
func FuzzRecord(f *testing.F) {
	e, _ := encodeEntry(entry{Message: newMessage("x"), By: principal("zoe"), To: []string{"bob"}})
	f.Add(e)
	f.Add(encodeSessions(inPlaces(seat("1", "alice").Session, msg.Session{})))
	f.Add(encodeReceipt(msg.Receipt{Outcome: msg.OutcomeGone, At: time.Now(), Final: true}))
	f.Add([]byte{format, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := decodeSessions(b); err == nil {
			if again, err := decodeSessions(encodeSessions(inPlaces(s...))); err != nil || !reflect.DeepEqual(s, again) {
				t.Errorf("%+v became %+v, %v", s, again, err)
			}
		}
		if r, err := decodeReceipt(b); err == nil {
			if again, err := decodeReceipt(encodeReceipt(r)); err != nil || r != again {
				t.Errorf("%+v became %+v, %v", r, again, err)
			}
		}
		if e, err := decodeEntry(b); err == nil {
			h, _ := decodeHead(b)
			if len(h.account)+len(h.user) > len(b) {
				t.Errorf("the head %+v is longer than all", h)
			}
			_, _ = encodeEntry(e)
		}
	})
}
