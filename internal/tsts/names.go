package tsts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/sync/singleflight"

	"msg/internal/account"
)

// Names knows how accounts are called: the domains that winbind knows, and the
// account of this computer that belongs to one of a domain.
type Names struct {
	Computer string // NetBIOS name of this computer: the domain of its own accounts
	Realm    string // of the keytab; its people are those of this computer as well
	Accounts *account.DB

	run func(ctx context.Context, name string, args ...string) (string, error) // for tests

	mu      sync.Mutex
	domains []string
	read    time.Time
	known   map[string]local // by full name

	asking singleflight.Group // by full name
}

// remember is how long names are believed: an account that was taken out of a
// group has its rights that much longer.
const remember = time.Minute

// askTime is how long winbind may take for what belongs to one account; beside
// it, askDelay is how long what was said may be on its way on a busy computer.
const (
	askTime  = 10 * time.Second
	askDelay = 2 * time.Second
)

// maxKnown bounds what is remembered.
const maxKnown = 1024

// local is what this computer knows an account as; without a number it does not.
type local struct {
	uid    uint32
	has    bool
	groups []uint32
	read   time.Time
}

// NetBIOSName is the name that Samba gives a computer if its configuration
// gives none.
func NetBIOSName(host string) string {
	host, _, _ = strings.Cut(host, ".")
	host = strings.ToUpper(host)
	return host[:min(len(host), 15)]
}

// ask runs a program of winbind's, or of the system's.
func (n *Names) ask(ctx context.Context, name string, args ...string) (string, error) {
	if n.run != nil {
		return n.run(ctx, name, args...)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = []string{}
	cmd.WaitDelay = askDelay
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(said.String()))
	}
	return string(out), nil
}

// domain is the name that winbind has for a domain, as it is written there. A
// domain that winbind does not know is refused: nobody could say whose account
// it is that was proved.
func (n *Names) domain(ctx context.Context, name string) (string, error) {
	domains, err := n.list(ctx)
	if err != nil {
		return "", err
	}
	if name == "" || name == "." {
		name = n.Computer
	}
	i := slices.IndexFunc(domains, func(d string) bool { return strings.EqualFold(d, name) })
	if i < 0 || strings.EqualFold(name, "BUILTIN") {
		return "", fmt.Errorf("%w %q: accounts are written %s\\name, on Windows with \"cmdkey /add:%s /user:%[3]s\\name /pass\"",
			errDomain, name, n.Computer, strings.ToLower(n.Computer))
	}
	return domains[i], nil
}

// list is the domains that winbind knows.
func (n *Names) list(ctx context.Context) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.domains != nil && time.Since(n.read) < remember {
		return n.domains, nil
	}
	out, err := n.ask(ctx, "wbinfo", "--all-domains")
	if err != nil {
		return nil, fmt.Errorf("asking winbind for its domains: %w", err)
	}
	n.domains, n.read = strings.Fields(out), time.Now()
	return n.domains, nil
}

// full is how an account is called here: the domain in capitals and the name in
// small letters, because Windows tells neither apart.
func full(domain, user string) string { return strings.ToUpper(domain) + `\` + strings.ToLower(user) }

// sound reports whether a name can be one: it goes to other programs.
func sound(name string) bool {
	return name != "" && len(name) <= 256 && !strings.HasPrefix(name, "-") && !strings.ContainsRune(name, '\\') && !strings.ContainsFunc(name, unicode.IsControl)
}

// local looks up an account of this computer. Who has none is nobody here, and
// in no group. An error says that this could not be found out: whoever it is
// must not be taken for nobody then, and is not remembered as such. All who ask
// for an account at the same time share one look-up.
func (n *Names) local(ctx context.Context, domain, user string) (local, error) {
	name := full(domain, user)
	n.mu.Lock()
	l, ok := n.known[name]
	n.mu.Unlock()
	if ok && time.Since(l.read) < remember {
		return l, nil
	}
	done := n.asking.DoChan(name, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
		defer cancel()
		l, err := n.lookUp(ctx, domain, user)
		if err == nil {
			n.learn(name, l)
		}
		return l, err
	})
	select {
	case r := <-done:
		return r.Val.(local), r.Err
	case <-ctx.Done():
		return local{}, context.Cause(ctx)
	}
}

func (n *Names) learn(name string, l local) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil || len(n.known) >= maxKnown {
		n.known = map[string]local{}
	}
	n.known[name] = l
}

func (n *Names) lookUp(ctx context.Context, domain, user string) (local, error) {
	l := local{read: time.Now()}
	uid, err := n.uid(ctx, domain, user)
	switch {
	case errors.Is(err, errNobody) || err == nil && uid == 0: // nobody is root because a domain has a root
		return l, nil
	case err != nil:
		return l, fmt.Errorf("looking up the account: %w", err)
	}
	l.uid, l.has = uid, true
	// With winbind in /etc/nsswitch.conf these are the groups of the domain too.
	out, err := n.ask(ctx, "id", "-G", "--", n.Accounts.Name(uid))
	if err != nil {
		return l, fmt.Errorf("looking up the groups of the account: %w", err)
	}
	for _, word := range strings.Fields(out) {
		if gid, err := strconv.ParseUint(word, 10, 32); err == nil {
			l.groups = append(l.groups, uint32(gid))
		}
	}
	return l, nil
}

var (
	errNobody = errors.New("the account is not one of this computer")
	errDomain = errors.New("winbind does not know the domain")
)

// unknown is what wbinfo(1) says where winbind was asked, and knows nobody of
// that name, or has no number for an account (wbclient.h). It also says so where
// a domain cannot be reached, which nobody could tell apart.
var unknown = []string{"WBC_ERR_DOMAIN_NOT_FOUND", "WBC_ERR_UNKNOWN_USER", "WBC_ERR_NOT_MAPPED"}

// unlessNobody makes errNobody of an answer of wbinfo, which ends in the same way
// when it knows nobody of that name as when it could not ask: only what it says
// shows it. What is not known for certain stays an error.
func unlessNobody(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() && slices.ContainsFunc(unknown, func(s string) bool { return strings.Contains(err.Error(), s) }) {
		return errNobody
	}
	return err
}

// uid asks winbind for the number of an account. The realm of the keytab is not
// known to it if this computer is in no domain of Windows: then its people are
// those of the same name, as Kerberos itself has it (krb5.conf(5), auth_to_local).
func (n *Names) uid(ctx context.Context, domain, user string) (uint32, error) {
	user = strings.ToLower(user)
	switch _, err := n.domain(ctx, domain); {
	case err == nil:
	case n.Realm != "" && strings.EqualFold(domain, n.Realm): // also where there is no winbind
		if uid, ok := n.Accounts.UID(user); ok {
			return uid, nil
		}
		return 0, errNobody
	case errors.Is(err, errDomain):
		return 0, errNobody
	default:
		return 0, err
	}
	out, err := n.ask(ctx, "wbinfo", `--name-to-sid=`+domain+`\`+user)
	if err != nil {
		return 0, unlessNobody(err)
	}
	sid, kind, _ := strings.Cut(strings.TrimSpace(out), " ")
	if !strings.HasPrefix(kind, "SID_USER") {
		return 0, errNobody
	}
	if out, err = n.ask(ctx, "wbinfo", "--sid-to-uid="+sid); err != nil {
		return 0, unlessNobody(err)
	}
	uid, err := strconv.ParseUint(strings.TrimSpace(out), 10, 32)
	return uint32(uid), err
}
