package main

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
)

// What wixl cannot say, or says wrongly (a condition of a component, order of
// actions, values that are expanded, the environment), is in tables and
// statements of their own, which msibuild puts in.
//
//go:embed msi
var msiFiles embed.FS

// upgradeCode is how Windows Installer knows all versions of msg: it must never
// be another.
const upgradeCode = "F2B87E62-1F43-5AD4-8F3F-71562CD94EE8"

// installerArch is how Windows Installer calls processors.
var installerArch = map[string]string{"amd64": "x64", "arm64": "Arm64"}

// component is a part of the MSI, by its name there.
type component struct {
	Name, GUID string
	Files      []string // the first is what tells that the part is there
}

// components are those with files; the others are in msg.sql. Their GUIDs stay
// as long as their first file does.
var components = []component{
	{"Commands", "CBAA60D2-31F0-5FEC-98B2-FB0CD37357F0", []string{"msg.exe"}},
	{"Query", "C9D92B45-7A50-579C-B934-780F1BFAF5EF", []string{"query.exe"}},
	{"Msgd", "E7FA89D4-1DAE-58B0-A02B-932CBC1A7173", []string{"msgd.exe"}},
	{"Texts", "A1996EE8-C411-5DDF-965D-2EBA6A4073FA", []string{
		"README.txt", "SECURITY.txt", "CHANGELOG.txt", "COPYRIGHT.txt", "msg.txt", "query.txt", "msgd.txt", "msgd.toml.txt", "msgd.toml"}},
}

// uuid makes one from a name, always the same (RFC 9562, version 5).
func uuid(name string) string {
	h := sha1.Sum([]byte("msg for Windows\x00" + name))
	h[6], h[8] = h[6]&0x0f|0x50, h[8]&0x3f|0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// productCode is that of one version for one processor.
func (r release) productCode(arch string) string { return uuid("product " + r.version + " " + arch) }

// msi makes the MSI of a folder, in which it uses a folder of its own.
func (r release) msi(arch, folder string) error {
	work, err := os.MkdirTemp(filepath.Dir(folder), "msi-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.CopyFS(work, os.DirFS(folder)); err != nil {
		return err
	}
	if err := r.msiSource(arch, work); err != nil {
		return err
	}
	const name = "msg.msi"
	// wixl knows no arm64; what it writes is the same, but for the summary.
	if err := r.tool(work, "wixl", "--arch", "x64", "--output", name, "msg.wxs"); err != nil {
		return err
	}
	if err := r.finish(arch, work, name); err != nil {
		return err
	}
	if err := r.key.sign(filepath.Join(work, name), "msg"); err != nil {
		return err
	}
	return copyFile(filepath.Join(work, name), filepath.Join(r.out, r.name(arch, ".msi")))
}

// msiSource writes what wixl reads. Files in a cabinet have times.
func (r release) msiSource(arch, work string) error {
	source, err := msiFiles.ReadFile("msi/msg.wxs")
	if err != nil {
		return err
	}
	var wxs bytes.Buffer
	err = template.Must(template.New("wxs").Parse(string(source))).Execute(&wxs, map[string]any{
		"ProductCode": r.productCode(arch), "UpgradeCode": upgradeCode, "Version": r.version, "Publisher": r.publisher, "Components": components,
	})
	if err != nil {
		return err
	}
	ico, err := iconFile()
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"msg.wxs": wxs.Bytes(), "msg.ico": ico} {
		if err := os.WriteFile(filepath.Join(work, name), content, 0o644); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(work)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Chtimes(filepath.Join(work, e.Name()), r.time, r.time); err != nil {
			return err
		}
	}
	return nil
}

// finish adds what wixl cannot. The summary comes last: in it are the times of
// today and a random identifier otherwise.
func (r release) finish(arch, work, name string) error {
	statements, err := msiFiles.ReadFile("msi/msg.sql")
	if err != nil {
		return err
	}
	// Which of two files is newer is decided before the old version is removed:
	// a program that said no version would lose, and be missing afterwards.
	for _, p := range programs {
		statements = fmt.Appendf(statements, "UPDATE `File` SET `Version` = '%s.0', `Language` = '1033' WHERE `File` = '%s.exe'\n", r.version, p.name)
	}
	for _, s := range strings.Split(strings.TrimSpace(string(statements)), "\n") {
		if err := r.tool(work, "msibuild", name, "-q", s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	tables, err := fs.Glob(msiFiles, "msi/*.idt")
	if err != nil {
		return err
	}
	for _, table := range tables {
		content, err := msiFiles.ReadFile(table)
		if err != nil {
			return err
		}
		if err := r.table(work, name, content); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
	}
	summary, err := r.summary(arch, work)
	if err != nil {
		return err
	}
	return r.table(work, name, summary)
}

// table puts a table into the MSI.
func (r release) table(work, name string, content []byte) error {
	if err := os.WriteFile(filepath.Join(work, "table.idt"), content, 0o644); err != nil {
		return err
	}
	return r.tool(work, "msibuild", name, "-i", "table.idt")
}

// summary is the table of what Windows reads first. The package has another
// identifier whenever something in it differs.
func (r release) summary(arch, work string) ([]byte, error) {
	all := sha256.New()
	err := fs.WalkDir(os.DirFS(work), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) == ".msi" || name == "table.idt" {
			return err
		}
		content, err := os.ReadFile(filepath.Join(work, name))
		fmt.Fprintf(all, "%s %d\n%s", name, len(content), content)
		return err
	})
	if err != nil {
		return nil, err
	}
	when := r.time.Format("2006/01/02 15:04:05")
	rows := []string{
		"PropertyId\tValue", "i2\tl255", "_SummaryInformation\tPropertyId",
		"1\t1252", "2\tInstallation Database", "3\tmsg " + r.version, "4\t" + r.publisher, "5\tInstaller",
		"6\tmsg, query and msgd for Windows", "7\t" + installerArch[arch] + ";1033",
		"9\t{" + uuid(fmt.Sprintf("package %x", all.Sum(nil))) + "}", "12\t" + when, "13\t" + when, "14\t500", "15\t2", "18\tmsitools", "19\t2",
	}
	return []byte(strings.Join(rows, "\r\n") + "\r\n"), nil
}

// tool runs a program of msitools, for which times are those of Greenwich.
func (r release) tool(dir string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8")
	_, err := run(cmd)
	return err
}
