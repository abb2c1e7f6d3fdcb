package msg_test

import (
	"strings"
	"testing"
)

// TestArchitectureRules shows each rule what it is against, and what is near
// to that but allowed. A rule that finds nothing here would find nothing in
// the tree either.
func TestArchitectureRules(t *testing.T) {
	const p = "// Package p is an example.\npackage p\n"
	for _, c := range []struct {
		rule int
		path string
		src  string
		want string // the finding without the path; empty if it is allowed
	}{
		{1, "msg.go", p + `import "fmt"`, ""},
		{1, "msg.go", p + `import "encoding/json"`, ""},
		{1, "msg.go", p + `import "golang.org/x/term"`, `:3: imports "golang.org/x/term"`},
		{1, "msg.go", p + `import "msg/internal/text"`, `:3: imports "msg/internal/text"`},
		{1, "msg_test.go", p + `import "msg/internal/hosttest"`, ""},
		{1, "internal/cli/x.go", p + `import "golang.org/x/term"`, ""},

		{2, "internal/host/x.go", p + `import "msg/internal/control"`, `:3: imports "msg/internal/control"`},
		{2, "internal/control/x.go", p + `import "msg/internal/daemon"`, `:3: imports "msg/internal/daemon"`},
		{2, "internal/fleet/x.go", p + `import host "msg/internal/host"`, `:3: imports "msg/internal/host"`},
		{2, "internal/tsts/deep/x.go", p + `import "msg/internal/fleet/hub"`, `:3: imports "msg/internal/fleet/hub"`},
		{2, "internal/tsts/x.go", p + `import "msg/internal/dcerpc"`, ""},
		{2, "internal/fleet/x.go", p + `import "msg/internal/hostname"`, ""},
		{2, "internal/host/x.go", p + `import "msg/internal/host/x"`, ""},
		{2, "internal/daemon/x.go", p + `import "msg/internal/host"`, ""},
		{2, "internal/host/x.go", p + `import "msg/internal/dialog"`, ""},
		{2, "internal/dialog/x.go", p + `import "msg/internal/host"`, `:3: imports "msg/internal/host"`},
		{2, "internal/stations/x.go", p + `import "msg/internal/tsts"`, `:3: imports "msg/internal/tsts"`},
		{2, "internal/host/x.go", p + `import "msg/internal/stations"`, ""},
		{2, "internal/tsts/x.go", p + `import "msg/internal/stations"`, ""},
		{2, "internal/dialog/x.go", p + `import "msg/internal/control"`, `:3: imports "msg/internal/control"`},
		{2, "internal/dialog/x.go", p + `import "msg/internal/daemon"`, `:3: imports "msg/internal/daemon"`},
		{2, "internal/dialog/x_test.go", p + `import "msg/internal/hosttest"`, ""},

		{3, "internal/cli/x.go", p + `import "github.com/godbus/dbus/v5"`, `:3: imports "github.com/godbus/dbus/v5"`},
		{3, "cmd/msg/x.go", p + `import "github.com/jezek/xgb"`, `:3: imports "github.com/jezek/xgb"`},
		{3, "internal/host/x.go", p + `import ("github.com/godbus/dbus/v5"; "github.com/jezek/xgb")`, ""},
		{3, "internal/hosttest/x.go", p + `import "github.com/godbus/dbus/v5"`, ""},
		{3, "internal/dialog/x.go", p + `import "github.com/jezek/xgb"`, ""},
		{3, "internal/dialog/x.go", p + `import "github.com/godbus/dbus/v5"`, `:3: imports "github.com/godbus/dbus/v5"`},
		{3, "test/dialog/x.go", p + `import "github.com/jezek/xgb"`, `:3: imports "github.com/jezek/xgb"`},
		{3, "internal/control/x.go", p + `import "github.com/nats-io/nats.go"`, `:3: imports "github.com/nats-io/nats.go"`},
		{3, "internal/fleet/x.go", p + `import "github.com/nats-io/nats-server/v2/server"`, ""},
		{3, "cmd/msg/x_test.go", p + `import "github.com/cloudsoda/go-smb2"`, `:3: imports "github.com/cloudsoda/go-smb2"`},
		{3, "internal/host/x.go", p + `import "github.com/jcmturner/gokrb5/v8/client"`, `:3: imports "github.com/jcmturner/gokrb5/v8/client"`},
		{3, "internal/dcerpc/x.go", p + `import "github.com/jcmturner/gokrb5/v8/client"`, ""},
		{3, "internal/tsts/x.go", p + `import "github.com/cloudsoda/go-smb2"`, ""},
		{3, "internal/daemon/x.go", p + `import "golang.org/x/crypto/md4"`, `:3: imports "golang.org/x/crypto/md4"`},
		{3, "internal/dcerpc/x.go", p + `import "golang.org/x/crypto/md4"`, ""},
		{3, "internal/ndr/x.go", p + `import "github.com/jcmturner/gokrb5/v8/types"`, `:3: imports "github.com/jcmturner/gokrb5/v8/types"`},
		{3, "internal/fleet/x.go", p + `import "go.etcd.io/bbolt"`, `:3: imports "go.etcd.io/bbolt"`},
		{3, "internal/daemon/x.go", p + `import "go.etcd.io/bbolt"`, ""},

		{4, "internal/cli/x.go", p + "import \"os\"\nvar x = os.Getenv(\"LANG\")", ":4: uses os.Getenv"},
		{4, "internal/cli/x.go", p + "import \"os\"\nvar x, _ = os.LookupEnv(\"LANG\")", ":4: uses os.LookupEnv"},
		{4, "internal/cli/x.go", p + "import \"os\"\nvar x = os.Environ()", ":4: uses os.Environ"},
		{4, "internal/cli/x.go", p + "import o \"os\"\nvar x = o.ExpandEnv(\"$LANG\")", ":4: uses os.ExpandEnv"},
		{4, "internal/cli/x.go", p + "import . \"os\"\nvar x = Getenv(\"LANG\")", `:3: imports "os" with a dot`},
		{4, "internal/cli/x.go", p + "import \"syscall\"\nvar x, _ = syscall.Getenv(\"LANG\")", ":4: uses syscall.Getenv"},
		{4, "internal/cli/x.go", p + "import \"os\"\nvar x = os.Args[1:]", ":4: uses os.Args"},
		{4, "internal/host/tty_linux.go", p + "import \"os\"\nvar x = os.Args[1:]", ":4: uses os.Args"},
		{4, "internal/host/host.go", p + "import \"os\"\nvar x = os.Args[1:]", ""},
		{4, "dist/windows/x.go", p + "import \"os\"\nvar x = os.Getenv(\"GO\")", ""},
		{4, "internal/host/asuser_linux.go", p + "import \"os\"\nvar x = os.Args[1:]", ""},
		{4, "internal/host/host.go", p + "import \"os\"\nfunc f() { os.Exit(1) }", ":4: uses os.Exit"},
		{4, "msg.go", p + "import \"os\"\nvar exit = os.Exit", ":4: uses os.Exit"},
		{4, "internal/cli/x.go", p + "import \"log\"\nfunc f() { log.Fatalf(\"x\") }", ":4: uses log.Fatalf"},
		{4, "internal/cli/x.go", p + `import "flag"`, `:3: imports "flag"`},
		{4, "internal/cli/x.go", p + `import "os/signal"`, `:3: imports "os/signal"`},
		{4, "internal/cli/x.go", p + "import \"os\"\nvar x, _ = os.ReadFile(\"/etc/hosts\")", ""},
		{4, "internal/cli/x.go", p + "// os.Exit(1) in a comment\nvar x = \"os.Getenv\"", ""},
		{4, "internal/cli/x_test.go", p + "import \"os\"\nvar x = os.Getenv(\"CI\")", ""},
		{4, "cmd/msg/main.go", p + "import (\"os\"; \"os/signal\"; \"flag\")\nvar x = os.Getenv(\"LANG\")", ""},
		{4, "test/bench/main.go", p + "import \"os\"\nvar x = os.Args", ""},
		{4, "cmdline/x.go", p + "import \"os\"\nvar x = os.Args", ":4: uses os.Args"},

		{5, "internal/cli/x_linux.go", p, ":2: is for linux only"},
		{5, "internal/cli/x_windows_test.go", p, ":2: is for windows only"},
		{5, "internal/cli/x_windows_amd64.go", p, ":2: is for windows only"},
		{5, "internal/hostname/x.go", "//go:build !windows\n\n" + p, ":1: has the build constraint windows"},
		{5, "internal/text/x.go", "// A licence.\n\n//go:build unix && !race\n\n" + p, ":3: has the build constraint unix"},
		{5, "msg.go", "//go:build amd64 && (race || darwin)\n\n" + p, ":1: has the build constraint darwin"},
		{5, "internal/cli/x.go", "//go:build race\n\n" + p, ""},
		{5, "internal/cli/linux.go", p, ""},
		{5, "internal/cli/x.go", p + "//go:build linux\n", ""}, // too late to mean anything
		{5, "internal/host/x_linux.go", p, ""},
		{5, "internal/console/x_windows.go", p, ""},
		{5, "internal/login/owner_unix.go", "//go:build unix\n\n" + p, ""},
		{5, "internal/control/x.go", "//go:build windows\n\n" + p, ""},
		{5, "cmd/msgd/service_windows.go", p, ""},
		{5, "internal/host/x_linux.go", p + `import "C"`, `:3: imports "C"`},

		{6, "cmd/msg/x.go", p + `import "msg/internal/hosttest"`, `:3: imports "msg/internal/hosttest"`},
		{6, "internal/host/x.go", p + `import "msg/internal/hosttest/pty"`, `:3: imports "msg/internal/hosttest/pty"`},
		{6, "internal/host/x_test.go", p + `import "msg/internal/hosttest"`, ""},
		{6, "test/chaos/main.go", p + `import "msg/internal/hosttest"`, ""},

		{7, "internal/p/x.go", "package p\n", ":1: package p has no comment"},
		{7, "internal/p/x.go", "//go:build linux\n\npackage p\n", ":3: package p has no comment"},
		{7, "internal/p/x_test.go", "package p\n", ""},
		{7, "internal/p/x.go", p + "type T int", ":3: T has no comment"},
		{7, "internal/p/x.go", p + "// Two types.\ntype (\n\tT int\n)", ":5: T has no comment"},
		{7, "internal/p/x.go", p + "func F() {}", ":3: F has no comment"},
		{7, "internal/p/x.go", p + "//go:noinline\nfunc F() {}", ":4: F has no comment"},
		{7, "internal/p/x.go", p + "// T is.\ntype T[K any] int\nfunc (t *T[K]) M() {}", ":5: M has no comment"},
		{7, "internal/p/x.go", p + "const A, b = 1, 2", ":3: A has no comment"},
		{7, "internal/p/x.go", p + "var (\n\ta = 1\n\tB = 2\n)", ":5: B has no comment"},
		{7, "internal/p/x.go", p + "// The answers.\nconst (\n\tA = 1\n\tB = 2\n)", ""},
		{7, "internal/p/x.go", p + "const (\n\tA = 1 // the first\n\t// The second.\n\tB = 2\n)", ""},
		{7, "internal/p/x.go", p + "type t int\nfunc (t) M() {}\nfunc f() {}\nvar x int", ""},
		{7, "internal/p/x.go", p + "// T is.\ntype T int\n\n// M does.\nfunc (t T) M() {}", ""},
		{7, "internal/p/x_test.go", p + "func F() {}", ""},
	} {
		s, err := parseSource(c.path, []byte(c.src))
		if err != nil {
			t.Errorf("rule %d, %s: %v\n%s", c.rule, c.path, err, c.src)
			continue
		}
		found := rules[c.rule-1].check([]source{s})
		switch {
		case c.want == "" && len(found) > 0:
			t.Errorf("rule %d finds %q in\n%s", c.rule, found, c.src)
		case c.want != "" && (len(found) != 1 || !strings.HasPrefix(found[0], c.path+c.want)):
			t.Errorf("rule %d finds %q, want one that begins with %q, in\n%s", c.rule, found, c.path+c.want, c.src)
		}
	}
}

// TestArchitecturePackageComment accepts the comment in any file of a package.
func TestArchitecturePackageComment(t *testing.T) {
	var files []source
	for name, src := range map[string]string{
		"internal/p/a.go":      "package p\n",
		"internal/p/b.go":      "// Package p is an example.\npackage p\n",
		"internal/p/c_test.go": "package p\n",
		"internal/q/a.go":      "package q\n",
		"internal/q/a_test.go": "// Package q is not documented in a test.\npackage q\n",
	} {
		s, err := parseSource(name, []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, s)
	}
	if found := comments(files); len(found) != 1 || !strings.HasPrefix(found[0], "internal/q/a.go:1: package q") {
		t.Errorf("found %q, want package q", found)
	}
}
