package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Files of a member's folder.
const (
	nodeFile  = "node.json"
	nodeKey   = "node.nk"
	stateFile = "state.json"
	inboxDir  = "inbox"
	outboxDir = "outbox"
)

// nodeConfig is what joining has written down.
type nodeConfig struct {
	Name string   `json:"name"`
	Hubs []string `json:"hubs"`
	Pin  []byte   `json:"pin"`
	Org  string   `json:"org"`
	Site string   `json:"site,omitempty"` // empty at the main hub
}

// site is where this member is.
func (c nodeConfig) site() string {
	if c.Site == "" {
		return site
	}
	return c.Site
}

// nodeState is what a member has to know again after a restart.
type nodeState struct {
	Store   string            `json:"store,omitempty"`   // which stream MSG that was
	After   uint64            `json:"after"`             // of it, what has been looked at
	Revoked []byte            `json:"revoked,omitempty"` // sealed
	Pins    map[string]string `json:"pins,omitempty"`    // name to key of members that were sent to
}

// Join makes this computer a member: it makes a key, which never leaves the
// folder, and shows it to the hub together with the secret of the token.
func Join(ctx context.Context, dir, name string, t JoinToken) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if Joined(dir) {
		return fmt.Errorf("this computer is a member already: its key is in %q; remove that folder to join another fleet", dir)
	}
	if err := makeFolder(dir); err != nil {
		return err
	}
	path := filepath.Join(dir, nodeKey)
	key, err := LoadKey(path) // of an attempt that the hub may have seen
	if errors.Is(err, fs.ErrNotExist) {
		if key, err = nkeys.CreateUser(); err == nil {
			err = saveKey(path, key)
		}
	}
	if err != nil {
		return err
	}
	c := nodeConfig{Name: name, Hubs: t.Hubs, Pin: t.Pin, Org: t.Org}
	if c.Site, err = c.introduce(ctx, key, t.Secret); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, nodeFile), c)
}

// introduce shows a new key to the hub, which says of what site it is.
func (c nodeConfig) introduce(ctx context.Context, key nkeys.KeyPair, secret string) (site string, err error) {
	options, err := c.options(key)
	if err != nil {
		return "", err
	}
	conn, err := nats.Connect(c.urls(), append(options, nats.Token(secret), nats.Timeout(hubTimeout), reach("", net.DefaultResolver))...)
	if errors.Is(err, errPin) {
		return "", fmt.Errorf("joining: %w", err)
	}
	if err != nil {
		if errors.Is(err, nats.ErrAuthorization) {
			return "", fmt.Errorf("joining: the hub refuses the token: it is used up, or has expired, or is not for what joins (a member, or the leaf hub of a site), or there is another member %q; the log of the hub says which", c.Name)
		}
		return "", fmt.Errorf("joining: the hub cannot be reached: %w; it has to run, and its port has to be open", plainly(err))
	}
	defer conn.Close()
	t, err := askHub(ctx, conn, subjectRPC(verbHello, c.Name), ask{})
	if err != nil {
		return "", fmt.Errorf("joining: %w", err)
	}
	return t.Site, nil
}

// Joined reports whether this computer is a member.
func Joined(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, nodeFile))
	return err == nil
}

// Stamp is another one whenever this computer has joined a fleet, or its folder
// is gone.
func Stamp(dir string) string {
	i, err := os.Stat(filepath.Join(dir, nodeFile))
	if err != nil {
		return ""
	}
	return i.ModTime().Format(time.RFC3339Nano)
}

func (c nodeConfig) urls() string { return urls(c.Hubs) }

// urls are what NATS calls these addresses.
func urls(hubs []string) string {
	list := make([]string, len(hubs))
	for i, h := range hubs {
		list[i] = hubURL(h)
	}
	return strings.Join(list, ",")
}

func (c nodeConfig) options(key nkeys.KeyPair) ([]nats.Option, error) {
	public, err := key.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("key of this member: %w", err)
	}
	return []nats.Option{nats.Name(c.Name), nats.Secure(pinned(c.Pin, c.Hubs...)), nats.TLSHandshakeFirst(), nats.Nkey(public, key.Sign), nats.CustomInboxPrefix(inboxOf(c.Name))}, nil
}
