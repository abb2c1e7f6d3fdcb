package login

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
)

// New is where the account of the user of this process comes from: written is
// what /user says, and getenv the environment, of which it takes
// MSG_PASSWORD_FILE, KRB5CCNAME and KRB5_CONFIG. ctx ends a question at the
// terminal.
func New(ctx context.Context, written string, getenv func(string) string) *Source {
	config, _, _ := strings.Cut(cmp.Or(getenv("KRB5_CONFIG"), "/etc/krb5.conf"), ":")
	return &Source{
		User:         written,
		PasswordFile: getenv("MSG_PASSWORD_FILE"),
		CCache:       tickets(getenv("KRB5CCNAME"), os.Getuid()),
		Config:       config,
		Ask:          func(prompt string) (string, error) { return AskTerminal(ctx, prompt) },
		Owner:        owner,
		Self:         os.Getuid(),
	}
}

// tickets is the file with the Kerberos tickets of a user, if there is one.
// Other places than files (KEYRING:, KCM:) need a library of the system.
func tickets(name string, uid int) string {
	path, isFile := strings.CutPrefix(cmp.Or(name, fmt.Sprintf("FILE:/tmp/krb5cc_%d", uid)), "FILE:")
	if !isFile && strings.Contains(path, ":") {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	if id, ok := owner(info); ok && id != uid { // /tmp is everybody's
		return ""
	}
	return path
}
