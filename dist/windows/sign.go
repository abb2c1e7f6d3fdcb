package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// key is what programs and MSIs are signed with, if anything. osslsigncode
// reads the password from a file, so that nobody sees it in a list of processes.
type key struct{ file, cert, password, timestamp string }

func (k key) check() error {
	switch {
	case k.file == "" && (k.cert != "" || k.password != "" || k.timestamp != ""):
		return errors.New("there is a certificate, a password or a time stamp but no key: -sign-key is missing")
	case k.file != "" && k.cert == "" && !k.pkcs12():
		return fmt.Errorf("the key %q needs its certificate: -sign-cert, or a PKCS#12 file (.p12, .pfx) with both", k.file)
	}
	return nil
}

func (k key) pkcs12() bool {
	ext := strings.ToLower(filepath.Ext(k.file))
	return ext == ".p12" || ext == ".pfx"
}

// sign signs a program or an MSI, if there is a key.
func (k key) sign(file, title string) error {
	if k.file == "" {
		return nil
	}
	args := []string{"sign", "-h", "sha256", "-n", title}
	if k.pkcs12() {
		args = append(args, "-pkcs12", k.file)
	} else {
		args = append(args, "-key", k.file, "-certs", k.cert)
	}
	if k.password != "" {
		args = append(args, "-readpass", k.password)
	}
	if k.timestamp != "" {
		args = append(args, "-ts", k.timestamp)
	}
	if filepath.Ext(file) == ".msi" {
		args = append(args, "-add-msi-dse") // covers names and sizes of the streams too
	}
	signed := file + ".signed"
	if _, err := run(exec.Command("osslsigncode", append(args, "-in", file, "-out", signed)...)); err != nil {
		return fmt.Errorf("signing %s: %w", filepath.Base(file), err)
	}
	return os.Rename(signed, file)
}
