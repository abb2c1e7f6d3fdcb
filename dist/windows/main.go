// Command windows makes the packages for Windows: for each processor the
// programs in a zip and in an MSI, their SHA-256, and the manifests for winget,
// Scoop and Chocolatey. "make windows" calls it.
//
//	go run ./dist/windows -version 1.2.3 -out bin/windows
//
// The same source makes the same bytes, wherever and whenever it is built; only
// a signature, which is made if there is a key, has a time. It needs Debian's
// wixl and msitools, scdoc and groff, and osslsigncode to sign.
//
// It runs in the folder of the module. Start at release.make.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

func main() {
	r := release{publisher: "msg contributors", gocmd: cmp.Or(os.Getenv("GO"), "go")}
	var arches string
	flag.StringVar(&r.version, "version", "", "the `version`, such as 1.2.3")
	flag.StringVar(&r.out, "out", "bin/windows", "the `folder` for the packages, which is made anew")
	flag.StringVar(&arches, "arch", "amd64,arm64", "the `processors`")
	flag.StringVar(&r.programs, "programs", "", "a `folder` with the programs for one processor, of a zip made elsewhere, to sign and pack; without it they are built")
	flag.StringVar(&r.downloads, "downloads", "", "the `address` that the packages will have; without it there are no manifests")
	flag.StringVar(&r.key.file, "sign-key", "", "a private `key`, PEM, or a PKCS#12 file with its certificate")
	flag.StringVar(&r.key.cert, "sign-cert", "", "the `certificate` of a PEM key, and those that vouch for it")
	flag.StringVar(&r.key.password, "sign-pass", "", "a `file` with the password of the key")
	flag.StringVar(&r.key.timestamp, "sign-ts", "", "the `address` of a time-stamping service (RFC 3161)")
	flag.Parse()
	r.arches = strings.Split(arches, ",")
	if err := r.start(os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		fmt.Fprintln(os.Stderr, "windows:", err)
		os.Exit(1)
	}
}

// release is what is to be made.
type release struct {
	version   string
	out       string
	arches    []string
	publisher string
	programs  string // folder of those that are built already; empty builds them
	downloads string
	gocmd     string
	key       key
	time      time.Time // of everything that has one
}

// start checks what is wanted and makes it.
func (r release) start(epoch string) error {
	if err := checkVersion(r.version); err != nil {
		return err
	}
	if err := r.key.check(); err != nil {
		return err
	}
	for _, arch := range r.arches {
		if installerArch[arch] == "" {
			return fmt.Errorf("processor %q: amd64 or arm64", arch)
		}
	}
	if r.programs != "" && len(r.arches) != 1 {
		return fmt.Errorf("the programs in %q are for one processor: -arch says for which", r.programs)
	}
	if r.downloads != "" && r.arches[0] != "amd64" {
		return fmt.Errorf("manifests need the packages for amd64, and these are for %q first", r.arches[0])
	}
	if epoch == "" {
		out, err := run(exec.Command("git", "log", "-1", "--format=%ct"))
		if err != nil {
			return fmt.Errorf("the time of the last change: %w; SOURCE_DATE_EPOCH can say it", err)
		}
		epoch = strings.TrimSpace(string(out))
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return fmt.Errorf("the time %q: not a number of seconds since 1970", epoch)
	}
	r.time = time.Unix(seconds, 0).UTC()
	return r.make()
}

// checkVersion takes what Windows Installer can compare: three numbers, of
// which the first two have a byte and the third has two (ProductVersion).
func checkVersion(version string) error {
	m := regexp.MustCompile(`^(\d{1,3})\.(\d{1,3})\.(\d{1,5})$`).FindStringSubmatch(version)
	if m == nil {
		return fmt.Errorf("version %q: must be three numbers, such as 1.2.3", version)
	}
	for i, most := range []int{255, 255, 65535} {
		if n, err := strconv.Atoi(m[i+1]); err != nil || n > most {
			return fmt.Errorf("version %q: %s is above %d, the most that Windows Installer can take there", version, m[i+1], most)
		}
	}
	return nil
}

// make makes everything, in a folder that is taken away, and puts what is to be
// published in the folder out.
func (r release) make() error {
	work, err := os.MkdirTemp("", "msg-windows-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	texts := filepath.Join(work, "texts")
	if err := r.texts(texts); err != nil {
		return err
	}
	src := filepath.Join(work, "src")
	if r.programs == "" {
		if err := r.source(src); err != nil {
			return err
		}
	}
	var all errgroup.Group
	for _, arch := range r.arches {
		all.Go(func() error {
			if err := r.pack(arch, src, texts, filepath.Join(work, arch)); err != nil {
				return fmt.Errorf("%s: %w", arch, err)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	sums, err := r.sums()
	if err != nil {
		return err
	}
	return r.manifests(sums)
}

// pack makes the packages of one processor. Everything that goes into them is
// put into the folder first.
func (r release) pack(arch, src, texts, folder string) error {
	if err := os.CopyFS(folder, os.DirFS(texts)); err != nil {
		return err
	}
	if err := r.build(arch, src, folder); err != nil {
		return err
	}
	var both errgroup.Group
	both.Go(func() error {
		if err := r.msi(arch, folder); err != nil {
			return fmt.Errorf("MSI: %w", err)
		}
		return nil
	})
	both.Go(func() error { return r.zip(arch, folder) })
	return both.Wait()
}

// name is that of a package: the architecture is part of it.
func (r release) name(arch, ext string) string {
	return fmt.Sprintf("msg-%s-windows-%s%s", r.version, arch, ext)
}

// run runs a program and returns what it prints; what it says of a failure is
// in the error.
func run(cmd *exec.Cmd) ([]byte, error) {
	var told strings.Builder
	cmd.Stderr = &told
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("%s: %w\n%s%s", filepath.Base(cmd.Path), err, out, told.String())
	}
	return out, nil
}
