package fleetchaos

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"msg/internal/fleet"
)

// insider is a member that keeps to no rules: the protocol of NATS by hand,
// with the key of a computer. See the client protocol in NATS' documentation.
type insider struct {
	t    *testing.T
	conn *tls.Conn
	in   *bufio.Reader
	key  fleet.Key
}

// insider connects with the key of a member.
func (o *office) insider(t *testing.T, c *computer) *insider {
	t.Helper()
	key, err := fleet.LoadKey(filepath.Join(c.fleet, "node.nk"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", o.token.Hubs[0], &tls.Config{InsecureSkipVerify: true}) // the hub is ours
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	i := &insider{t, conn, bufio.NewReader(conn), key}
	var info struct {
		Nonce string `json:"nonce"`
	}
	line := i.line()
	if err := json.Unmarshal([]byte(strings.TrimPrefix(line, "INFO ")), &info); err != nil {
		t.Fatalf("the hub says %q: %v", line, err)
	}
	sig, err1 := key.Sign([]byte(info.Nonce))
	public, err2 := key.PublicKey()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	hello, err := json.Marshal(map[string]any{"verbose": true, "name": c.name, "nkey": public, "sig": base64.RawURLEncoding.EncodeToString(sig), "protocol": 1, "lang": "test", "version": "1"})
	if err != nil {
		t.Fatal(err)
	}
	if got := i.say("CONNECT %s\r\n", hello); got != "+OK" {
		t.Fatalf("the hub says %q", got)
	}
	return i
}

func (i *insider) line() string {
	i.t.Helper()
	line, err := i.in.ReadString('\n')
	if err != nil {
		i.t.Fatal(err)
	}
	return strings.TrimRight(line, "\r\n")
}

// say says something, and returns what the hub says to it.
func (i *insider) say(format string, args ...any) string {
	i.t.Helper()
	if _, err := fmt.Fprintf(i.conn, format, args...); err != nil {
		i.t.Fatal(err)
	}
	for {
		switch line := i.line(); {
		case line == "PING":
			_, _ = io.WriteString(i.conn, "PONG\r\n")
		case !strings.HasPrefix(line, "INFO "):
			return line
		}
	}
}

// publish publishes, which the hub allows.
func (i *insider) publish(subject string, data []byte) {
	i.t.Helper()
	if got := i.say("PUB %s %d\r\n%s\r\n", subject, len(data), data); got != "+OK" {
		i.t.Fatalf("publishing on %q: %s", subject, got)
	}
}

// alter changes what is signed, which stands behind all else, and leaves the
// signature as it is.
func alter(t *testing.T, data []byte, old, other string) []byte {
	t.Helper()
	i := bytes.LastIndex(data, []byte(old))
	if i < 0 {
		t.Fatalf("there is no %q in %q", old, data)
	}
	return slices.Concat(data[:i], []byte(other), data[i+len(old):])
}
