package samba

import (
	"context"
	"encoding/binary"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"msg"
	"msg/internal/hosttest"
	"msg/internal/tsts"
)

// tap counts the requests of SMB2 that go over a connection, by their commands.
type tap struct {
	net.Conn
	mu   sync.Mutex
	left []byte // of a frame that is written in parts
	sent []string
}

// commands of SMB2 ([MS-SMB2] 2.2.1.2).
var commands = []string{"NEGOTIATE", "SESSION_SETUP", "LOGOFF", "TREE_CONNECT", "TREE_DISCONNECT", "CREATE", "CLOSE", "FLUSH", "READ", "WRITE", "LOCK", "IOCTL", "CANCEL", "ECHO"}

// Write writes, and notes each whole frame: a length, and requests of which each
// says where the next one is.
func (c *tap) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = append(c.left, b...)
	for len(c.left) >= 4 && len(c.left) >= 4+int(binary.BigEndian.Uint32(c.left)) {
		size := 4 + int(binary.BigEndian.Uint32(c.left))
		var together []string
		for f := c.left[4:size]; ; {
			together = append(together, commands[binary.LittleEndian.Uint16(f[12:])])
			next := binary.LittleEndian.Uint32(f[20:])
			if next == 0 {
				break
			}
			f = f[next:]
		}
		c.sent = append(c.sent, strings.Join(together, "+"))
		c.left = c.left[size:]
	}
	return c.Conn.Write(b)
}

// TestRoundTrips holds how often one message has to wait for the other computer:
// each request is sent when the answer to the one before is there. On one pipe are
// a bind and its proof, two calls for the list, one for the user and two for the
// box.
func TestRoundTrips(t *testing.T) {
	open(t, nil, seat("1", "pts/1", "bob", msg.OutcomeAnswered, msg.LabelOK))
	var c *tap
	h, err := tsts.Open(t.Context(), tsts.Options{Name: Name, Account: as("alice"), Dial: func(ctx context.Context) (net.Conn, error) {
		conn, err := net.Dial("tcp", Addr)
		c = &tap{Conn: conn}
		return c, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := send(t, t.Context(), h, "1", hosttest.Message("counted"))
	if err != nil || got["1"].Outcome != msg.OutcomeAccepted {
		t.Errorf("%+v, %v", got, err)
	}
	h.Close()
	want := strings.Fields("NEGOTIATE SESSION_SETUP SESSION_SETUP TREE_CONNECT CREATE" + strings.Repeat(" WRITE READ", 7))
	if !slices.Equal(c.sent, want) {
		t.Errorf("%d requests: %q\nwant %d: %q", len(c.sent), c.sent, len(want), want)
	}
}
