package fleet

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"path/filepath"
	"text/template"
	"time"

	"github.com/nats-io/nkeys"
)

// clusterConfig is for a hub that stands on the site's own NATS cluster.
type clusterConfig struct {
	Servers []string `json:"servers"` // HOST:PORT
	Pin     []byte   `json:"pin"`     // of the authority that has signed their certificates
}

// Files of the folder of a hub on a cluster.
const (
	ownFile     = "hub.nk"     // the hub's user
	systemFile  = "system.nk"  // its user in the system account
	issuerFile  = "issuer.nk"  // signs what lets members in
	calloutFile = "callout.xk" // what the servers ask is sealed for it

	// ClusterFile is what each server of the cluster includes.
	ClusterFile = "fleet.conf"
)

// account is where a fleet is on a cluster.
const account = "MSGD"

// InitCluster makes the keys and the book of a hub on a cluster of
// nats-servers. ca is the certificate, as PEM, of the authority that has signed
// theirs. It returns the seed of the organisation's key, which is also in the
// folder if keep. What the servers have to know of the hub is in ClusterFile.
func InitCluster(dir string, servers, hubs []string, ca []byte, keep bool, now time.Time) (seed string, err error) {
	pin, err := authorityPin(ca, now)
	if err != nil {
		return "", err
	}
	for _, s := range servers {
		if err := checkHub(s); err != nil {
			return "", err
		}
	}
	c := hubConfig{Hubs: hubs, Cluster: &clusterConfig{servers, pin}}
	return initHub(dir, c, keep, func() error { return makeClusterKeys(dir) })
}

// authorityPin reads the certificate of an authority.
func authorityPin(ca []byte, now time.Time) ([]byte, error) {
	block, rest := pem.Decode(ca)
	if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("the certificate of the cluster's authority cannot be read: the file has to have one, as PEM, and nothing else")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the certificate of the cluster's authority cannot be read: %v", err)
	case !c.IsCA:
		return nil, fmt.Errorf("the certificate of %q is not that of an authority, which signs others", c.Subject)
	case now.After(c.NotAfter):
		return nil, fmt.Errorf("the certificate of the authority %q has expired on %s", c.Subject, c.NotAfter.Format(time.DateOnly))
	}
	return pinOf(c), nil
}

// clusterKeys are the public halves of the hub's keys, for the servers.
type clusterKeys struct {
	Account, Own, System, Issuer, Seal string
	MaxPayload, PingMax                int
	Ping                               time.Duration
}

func makeClusterKeys(dir string) error {
	k := clusterKeys{Account: account, MaxPayload: maxPayload, Ping: pingMember, PingMax: pingMemberOut}
	for _, x := range []struct {
		file   string
		make   func() (nkeys.KeyPair, error)
		public *string
	}{
		{ownFile, nkeys.CreateUser, &k.Own},
		{systemFile, nkeys.CreateUser, &k.System},
		{issuerFile, nkeys.CreateAccount, &k.Issuer},
		{calloutFile, nkeys.CreateCurveKeys, &k.Seal},
	} {
		key, err := x.make()
		if err == nil {
			*x.public, err = key.PublicKey()
		}
		if err == nil {
			err = saveKey(filepath.Join(dir, x.file), key)
		}
		if err != nil {
			return fmt.Errorf("making the keys of a hub on a cluster: %w", err)
		}
	}
	var b bytes.Buffer
	if err := clusterConf.Execute(&b, k); err != nil {
		return fmt.Errorf("writing %s: %w", ClusterFile, err)
	}
	return writeFile(filepath.Join(dir, ClusterFile), b.Bytes())
}

// clusterConf has no secret in it. The hub's user has an account for itself,
// where every other user comes from the hub; in the system account it may do
// what it needs and nothing else.
var clusterConf = template.Must(template.New("").Parse(`# What the fleet of msgd needs of each nats-server of the cluster. Each includes
# this file at the top level of its own:
#
#     include fleet.conf
#
# and has in its own blocks, beside what is there already:
#
#     jetstream { sync_interval: always }    # else a power cut loses messages
#     tls { handshake_first: true }          # "auto" if others need the old way
#
# The cert_file of tls has to have the certificate of the authority in it, too,
# behind the server's own. A server that has accounts already takes these two
# over into its block accounts, and leaves this one out.

max_payload: {{.MaxPayload}}

# After a minute it is known that a member is off whose power was cut. With the
# defaults of a nats-server that takes up to eight.
ping_interval: "{{.Ping}}"
ping_max: {{.PingMax}}

accounts {
    {{.Account}} {
        jetstream: enabled
        users: [ { nkey: {{.Own}} } ]
    }
    SYS {
        users: [ { nkey: {{.System}}, permissions: {
            publish: [ "$SYS.REQ.SERVER.PING.VARZ", "$SYS.REQ.ACCOUNT.{{.Account}}.CONNZ", "$SYS.REQ.SERVER.*.KICK" ]
            subscribe: [ "_INBOX.>", "$SYS.SERVER.*.STATSZ" ]
        } } ]
    }
}
system_account: SYS

authorization {
    timeout: 30
    auth_callout {
        issuer: {{.Issuer}}
        account: {{.Account}}
        auth_users: [ {{.Own}}, {{.System}} ]
        allowed_accounts: [ {{.Account}} ]
        xkey: {{.Seal}}
    }
}
`))
