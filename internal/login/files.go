package login

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"unicode/utf8"
)

// maxFile is the longest file with a password.
const maxFile = 64 << 10

// secretFile reads a file that nobody else can read or change. It is looked at
// after it was opened, so that it is the file that is read.
func (s *Source) secretFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("file with a password: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("file with a password: %w", err)
	}
	if err := s.isSecret(info); err != nil {
		return nil, fmt.Errorf("file with a password: %q %w", name, err)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("file with a password: %w", err)
	case len(b) > maxFile:
		return nil, fmt.Errorf("file with a password: %q has more than %d bytes", name, maxFile)
	case !utf8.Valid(b):
		return nil, fmt.Errorf("file with a password: %q is not UTF-8", name)
	}
	return bytes.TrimPrefix(b, []byte("\ufeff")), nil
}

// isSecret says what is wrong with a file. Windows has rights of another kind,
// which a mode does not show.
func (s *Source) isSecret(info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return errors.New("is not a plain file")
	}
	if runtime.GOOS == "windows" {
		return nil
	}
	if extra := info.Mode().Perm() & 0o077; extra != 0 {
		return fmt.Errorf("can be read or changed by others (mode %04o): chmod 600 it", info.Mode().Perm())
	}
	if s.Owner != nil {
		if id, ok := s.Owner(info); ok && id != s.Self && id != 0 {
			return fmt.Errorf("belongs to the user %d: only files of your own or root's are taken", id)
		}
	}
	return nil
}

// passwordIn is the first line of a file.
func (s *Source) passwordIn(name string) (string, error) {
	b, err := s.secretFile(name)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return "", fmt.Errorf("file with a password: the first line of %q is empty", name)
	}
	return line, nil
}

// credentials reads a file as smbclient's -A takes one: lines of username,
// password and domain, each with a value behind "=".
func (s *Source) credentials(name string) (Account, error) {
	b, err := s.secretFile(name)
	if err != nil {
		return Account{}, err
	}
	values, err := readLines(b)
	if err != nil {
		return Account{}, fmt.Errorf("file with a password: %q: %w", name, err)
	}
	a, err := Parse(values["username"])
	if err != nil {
		return Account{}, fmt.Errorf("file with a password: %q: username: %w", name, err)
	}
	if d := values["domain"]; d != "" {
		if a.Domain != "" && !strings.EqualFold(a.Domain, d) {
			return Account{}, fmt.Errorf("file with a password: %q names two domains", name)
		}
		if a, err = Parse(d + `\` + a.User); err != nil {
			return Account{}, fmt.Errorf("file with a password: %q: domain: %w", name, err)
		}
	}
	password, ok := values["password"]
	if !ok || password == "" {
		a.password = func() (string, error) { return s.secret(a.String()) }
		return a, nil
	}
	return a.With(password), nil
}

// readLines understands the lines of a credentials file. Errors do not show
// what is in them.
func readLines(b []byte) (map[string]string, error) {
	values := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, maxFile+1)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSuffix(lines.Text(), "\r")
		if t := strings.TrimSpace(line); t == "" || t[0] == '#' || t[0] == ';' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		switch {
		case !ok:
			return nil, fmt.Errorf("line %d has no =", n)
		case key != "username" && key != "password" && key != "domain":
			return nil, fmt.Errorf("line %d is none of username=, password= and domain=", n)
		}
		if _, twice := values[key]; twice {
			return nil, fmt.Errorf("line %d says %s a second time", n, key)
		}
		values[key] = strings.TrimLeft(value, " \t")
	}
	return values, lines.Err()
}
