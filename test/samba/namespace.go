package samba

import (
	_ "embed"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"msg/internal/hosttest"
)

//go:embed namespace.sh
var namespaceScript string

// marker tells the test program that it runs in namespaces of its own.
const marker = "MSG_TEST_SAMBA"

// Main is the TestMain of a package whose tests use Get. It runs the tests in a
// second process with namespaces of its own, or here where that cannot be, and
// then the tests that need Samba are skipped with the reason.
func Main(m *testing.M) {
	flag.Parse()
	if os.Getenv(marker) != "" || missing() != "" {
		code := m.Run()
		stopAll()
		os.Exit(code)
	}
	os.Exit(hosttest.InNamespaces(namespaceScript, os.Args[1:], append(os.Environ(), marker+"=1"), "--uts"))
}

// missing says why Samba cannot be run here, or nothing.
func missing() string {
	switch {
	case testing.Short():
		return "not with -short"
	case runtime.GOOS != "linux":
		return "needs Linux, this is " + runtime.GOOS
	case os.Geteuid() != 0:
		return "needs root, for mounts and namespaces"
	}
	for _, tool := range []string{"unshare", "ip", "smbd", "winbindd", "ntlm_auth", "wbinfo", "smbpasswd", "smbclient", "killall", "krb5kdc", "kdb5_util", "kadmin.local", "kinit"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Sprintf("needs the program %q, see test/install-tools", tool)
		}
	}
	return ""
}
