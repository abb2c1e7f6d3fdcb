package msg_test

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"msg"
)

func TestMessageCheck(t *testing.T) {
	good := msg.Message{From: "alice@web1", Title: "Maintenance", Text: "Down at 18:00", Timeout: time.Minute}
	for _, c := range []struct {
		name   string
		change func(*msg.Message)
		want   []string // words of the error; nil if it may be sent
	}{
		{"plain", func(m *msg.Message) {}, nil},
		{"one character", func(m *msg.Message) { m.Text = "x" }, nil},
		{"no title and no sender", func(m *msg.Message) { m.Title, m.From = "", "" }, nil},
		{"until answered", func(m *msg.Message) { m.Timeout = 0 }, nil},
		{"empty", func(m *msg.Message) { m.Text = "" }, []string{"empty"}},
		{"8192 bytes", func(m *msg.Message) { m.Text = strings.Repeat("x", 8192) }, nil},
		{"8193 bytes", func(m *msg.Message) { m.Text = strings.Repeat("x", 8193) }, []string{"8193 bytes", "the limit is 8192"}},
		{"8192 bytes in 4096 characters", func(m *msg.Message) { m.Text = strings.Repeat("é", 4096) }, nil},
		{"8193 bytes in 4097 characters", func(m *msg.Message) { m.Text = "x" + strings.Repeat("é", 4096) }, []string{"8193 bytes", "the limit is 8192"}},
		{"title of 256 characters", func(m *msg.Message) { m.Title = strings.Repeat("t", 256) }, nil},
		{"title of 257 characters", func(m *msg.Message) { m.Title = strings.Repeat("t", 257) }, []string{"title", "257 characters", "the limit is 256"}},
		{"title of 256 wide characters", func(m *msg.Message) { m.Title = strings.Repeat("測", 256) }, nil},
		{"title of 257 wide characters", func(m *msg.Message) { m.Title = strings.Repeat("測", 257) }, []string{"title", "257 characters", "the limit is 256"}},
		{"text is not UTF-8", func(m *msg.Message) { m.Text = "Gr\xfc\xdfe" }, []string{"UTF-8"}},
		{"title is not UTF-8", func(m *msg.Message) { m.Title = "\xff" }, []string{"UTF-8"}},
		{"sender is not UTF-8", func(m *msg.Message) { m.From = "b\xf6b" }, []string{"UTF-8"}},
		{"negative time", func(m *msg.Message) { m.Timeout = -1 }, []string{"display time", "negative"}},
	} {
		m := good
		c.change(&m)
		err := m.Check()
		if c.want == nil {
			if err != nil {
				t.Errorf("%s: Check = %v", c.name, err)
			}
			continue
		}
		if !errors.Is(err, msg.ErrMessage) {
			t.Errorf("%s: Check = %v, want an ErrMessage", c.name, err)
			continue
		}
		for _, word := range c.want {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: Check = %q, want %q in it", c.name, err, word)
			}
		}
	}
}

// TestMessageCheckNumbers holds the limits to the numbers that the manual has.
func TestMessageCheckNumbers(t *testing.T) {
	if msg.MaxText != 8192 || msg.MaxTitle != 256 || msg.DefaultTimeout != time.Minute {
		t.Errorf("MaxText, MaxTitle, DefaultTimeout = %d, %d, %v", msg.MaxText, msg.MaxTitle, msg.DefaultTimeout)
	}
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// decodeID reads an ID as the number of 128 bits that it is.
func decodeID(t *testing.T, id string) *big.Int {
	t.Helper()
	if len(id) != 26 {
		t.Fatalf("ID %q has %d characters, want 26", id, len(id))
	}
	n := new(big.Int)
	for _, c := range id {
		digit := strings.IndexRune(crockford, c)
		if digit < 0 {
			t.Fatalf("ID %q has %q, which is not in Crockford's alphabet", id, c)
		}
		n.Lsh(n, 5).Or(n, big.NewInt(int64(digit)))
	}
	if n.BitLen() > 128 {
		t.Fatalf("ID %q has %d bits, want 128 at most", id, n.BitLen())
	}
	return n
}

func TestNewIDTime(t *testing.T) {
	for _, at := range []time.Time{
		time.UnixMilli(0),
		time.UnixMilli(1),
		time.UnixMilli(1<<32 - 1),
		time.Date(2016, 7, 30, 23, 54, 10, 259e6, time.UTC), // 01ARZ3NDEK of the specification
		time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC),
		time.UnixMilli(1<<48 - 1),
	} {
		n := decodeID(t, msg.NewID(at))
		if ms := n.Rsh(n, 80).Int64(); ms != at.UnixMilli() {
			t.Errorf("NewID(%v) holds %v", at, time.UnixMilli(ms).UTC())
		}
	}
	if id := msg.NewID(time.UnixMilli(1469922850259)); !strings.HasPrefix(id, "01ARZ3NDEK") {
		t.Errorf("NewID = %q, want it to begin with 01ARZ3NDEK", id)
	}
}

func TestNewIDSortsByTime(t *testing.T) {
	at := time.Date(2026, 1, 30, 16, 27, 0, 0, time.UTC)
	before := ""
	for _, step := range []time.Duration{0, time.Millisecond, time.Millisecond, time.Second, time.Hour, 1000 * time.Hour} {
		at = at.Add(step)
		id := msg.NewID(at)
		if step > 0 && id <= before {
			t.Errorf("%v later: %q does not sort after %q", step, id, before)
		}
		before = id
	}
}

func TestNewIDUnique(t *testing.T) {
	at := time.Date(2026, 1, 30, 16, 27, 0, 0, time.UTC)
	seen := map[string]bool{}
	ones, zeros := new(big.Int), new(big.Int)
	for range 10_000 {
		id := msg.NewID(at)
		if seen[id] {
			t.Fatalf("%q was made twice", id)
		}
		seen[id] = true
		n := decodeID(t, id)
		ones.Or(ones, n)
		zeros.Or(zeros, new(big.Int).Not(n))
	}
	// Each of the 80 bits that are random is seen both ways.
	for bit := range 80 {
		if ones.Bit(bit) == 0 || zeros.Bit(bit) == 0 {
			t.Errorf("bit %d is the same in all IDs", bit)
		}
	}
}
