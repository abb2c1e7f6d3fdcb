package tsts

import (
	"fmt"
	"os"

	"github.com/jcmturner/gokrb5/v8/keytab"

	"msg/internal/dcerpc"
)

// LoadKeytab reads the keys by which Kerberos proves who calls, and the realm
// that they are of. A file that is not there is an fs.ErrNotExist.
func LoadKeytab(path string) (*dcerpc.KerberosServer, string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, "", fmt.Errorf("reading the keytab: %w", err)
	}
	keys := keytab.New()
	if err := keys.Unmarshal(b); err != nil {
		return nil, "", fmt.Errorf("reading the keytab %q: %v", path, err)
	}
	if len(keys.Entries) == 0 {
		return nil, "", fmt.Errorf("reading the keytab %q: there is no key in it", path)
	}
	return &dcerpc.KerberosServer{Keytab: keys}, keys.Entries[0].Principal.Realm, nil
}
