package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// tsaConfig makes openssl(1) a time-stamping authority; its files are in the
// folder that it runs in.
const tsaConfig = `[tsa]
default_tsa = authority
[authority]
serial = serial
signer_cert = tsa.pem
signer_key = tsakey.pem
signer_digest = sha256
default_policy = 1.3.6.1.4.1.32473.1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
`

// certificate makes a key and a certificate that vouches for itself. Without a
// pass phrase the key is not encrypted.
func certificate(t *testing.T, dir, key, cert, usage string, more ...string) {
	t.Helper()
	args := append([]string{"req", "-x509", "-newkey", "rsa:2048", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=" + cert,
		"-addext", "extendedKeyUsage=" + usage, "-addext", "keyUsage=digitalSignature"}, more...)
	openssl(t, dir, args...)
}

func openssl(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = dir
	if _, err := run(cmd); err != nil {
		t.Fatal(err)
	}
}

// authority serves time stamps by HTTP as RFC 3161, 3.4, says, and counts them.
func authority(t *testing.T, dir string) (url string, stamps *atomic.Int32) {
	t.Helper()
	certificate(t, dir, "tsakey.pem", "tsa.pem", "critical,timeStamping", "-nodes")
	for name, content := range map[string]string{"tsa.cnf": tsaConfig, "serial": "01\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stamps = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/timestamp-query" {
			http.Error(w, "not a query for a time stamp", http.StatusBadRequest)
			return
		}
		query, err := os.Create(filepath.Join(dir, "query.tsq"))
		if err == nil {
			_, err = io.Copy(query, r.Body)
			err = errors.Join(err, query.Close())
		}
		var reply []byte
		if err == nil {
			cmd := exec.Command("openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq")
			cmd.Dir = dir
			reply, err = cmd.Output()
		}
		if err != nil {
			t.Errorf("stamping: %v", err)
			http.Error(w, "no time stamp", http.StatusInternalServerError)
			return
		}
		stamps.Add(1)
		w.Header().Set("Content-Type", "application/timestamp-reply")
		_, _ = w.Write(reply)
	}))
	t.Cleanup(s.Close)
	return s.URL, stamps
}

// unsigned makes a program and an MSI as small as they can be.
func unsigned(t *testing.T, dir string) []string {
	t.Helper()
	for name, content := range map[string]string{
		"main.go": "package main\n\nfunc main() {}\n",
		"x.wxs": `<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi"><Product Id="*" Name="x" Language="1033" Version="1.0.0" Manufacturer="x" UpgradeCode="78D32E6B-C554-5FB6-A015-9439C6C9E3D4">
<Package InstallerVersion="500" Compressed="yes"/><Media Id="1" Cabinet="x.cab" EmbedCab="yes"/><Directory Id="TARGETDIR" Name="SourceDir"><Component Id="X" Guid="D3C7A970-2C3A-5A6F-B337-2115076A302C">
<File Id="main" Source="main.go"/></Component></Directory><Feature Id="X" Level="1"><ComponentRef Id="X"/></Feature></Product></Wix>`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"go", "build", "-ldflags=-s -w", "-o", "x.exe", "main.go"}, {"wixl", "-o", "x.msi", "x.wxs"}} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
		if _, err := run(cmd); err != nil {
			t.Fatal(err)
		}
	}
	return []string{filepath.Join(dir, "x.exe"), filepath.Join(dir, "x.msi")}
}

// TestStamped signs with an encrypted key in a PEM file and has the time of it
// vouched for by a service of the test.
func TestStamped(t *testing.T) {
	need(t, "osslsigncode", "openssl")
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(in("password"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	certificate(t, dir, "key.pem", "cert.pem", "codeSigning", "-passout", "file:password")
	url, stamps := authority(t, dir)
	k := key{file: in("key.pem"), cert: in("cert.pem"), password: in("password"), timestamp: url}
	if err := k.check(); err != nil {
		t.Fatal(err)
	}
	files := unsigned(t, dir)
	for i, file := range files {
		if err := k.sign(file, "x"); err != nil {
			t.Fatal(err)
		}
		if n := int(stamps.Load()); n != i+1 {
			t.Errorf("%s: %d time stamps were given, want %d", file, n, i+1)
		}
		const good = "Timestamp Server Signature verification: ok"
		if out, err := verify(file, in("cert.pem"), in("tsa.pem")); err != nil || !strings.Contains(out, good) {
			t.Errorf("%s: %v, without %q:\n%s", file, err, good, out)
		}
		if out, _ := verify(file, in("cert.pem"), in("cert.pem")); strings.Contains(out, good) {
			t.Errorf("%s: anybody may stamp:\n%s", file, out)
		}
		if out, err := verify(file, in("tsa.pem"), in("tsa.pem")); err == nil {
			t.Errorf("%s: anybody may sign:\n%s", file, out)
		}
	}
}

func verify(file, signer, stamper string) (string, error) {
	out, err := exec.Command("osslsigncode", "verify", "-CAfile", signer, "-TSA-CAfile", stamper, "-in", file).CombinedOutput()
	return string(out), err
}

// TestNotStamped has a service that fails: a release is stamped or not made.
func TestNotStamped(t *testing.T) {
	need(t, "osslsigncode", "openssl")
	dir := t.TempDir()
	certificate(t, dir, "key.pem", "cert.pem", "codeSigning", "-nodes")
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	file := unsigned(t, dir)[0]
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	k := key{file: filepath.Join(dir, "key.pem"), cert: filepath.Join(dir, "cert.pem"), timestamp: s.URL}
	if err := k.sign(file, "x"); err == nil || !strings.Contains(err.Error(), "signing x.exe") {
		t.Errorf("without a time stamp: %v", err)
	}
	after, err := os.ReadFile(file)
	if err != nil || string(after) != string(before) {
		t.Errorf("the program has changed: %v", err)
	}
}
