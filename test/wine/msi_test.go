package wine_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"msg/test/wine"
)

// The registry where the MSI leaves something.
const (
	applicationLog = `HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application`
	eventSource    = applicationLog + `\msgd`
	settings       = `HKLM\Software\msg`
	environment    = `HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment`
	serviceKey     = `HKLM\SYSTEM\CurrentControlSet\Services\msgd`
)

// msis are the MSIs of this process, by their version.
var msis = map[string]string{}

// msiOf makes the MSI of a version, as a release is made. It is done once for
// each; they are gone with what else was built.
func msiOf(t *testing.T, version string) string {
	t.Helper()
	for _, tool := range []string{"wixl", "msibuild", "scdoc", "groff"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("wine: needs the program %q (Debian: wixl msitools scdoc groff-base)", tool)
		}
	}
	if msi, ok := msis[version]; ok {
		return msi
	}
	out := filepath.Join(filepath.Dir(wine.Build(t, "msg/cmd/msg")), "msi-"+version)
	cmd := exec.Command("go", "run", "./dist/windows", "-version", version, "-arch", "amd64", "-out", out)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
	if told, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("wine: the MSI: %v\n%s", err, told)
	}
	msis[version] = wine.Path(filepath.Join(out, "msg-"+version+"-windows-amd64.msi"))
	return msis[version]
}

// installed is what the MSI puts on a computer.
type installed struct {
	runner
	prefix string
}

// newInstalled makes Windows as it is anywhere: there are other sources of
// events. Wine takes a key away with the last key in it.
func newInstalled(t *testing.T, p *wine.Prefix) installed {
	t.Helper()
	i := installed{runner{t, p.ServiceDesk(t)}, p.Dir}
	table(i.desk)
	i.prints(``, "reg.exe", "add", applicationLog+`\another`, "/v", "TypesSupported", "/t", "REG_DWORD", "/d", "7", "/f")
	return i
}

// msiexec runs Windows Installer, which must succeed. Wine's leaves empty
// folders in the path, behind which its cmd finds nothing.
func (i installed) msiexec(args ...string) {
	i.Helper()
	i.prints(``, "msiexec", append(args, "/qn")...)
	out, err := i.desk.Command("reg.exe", "query", environment, "/v", "PATH").Output()
	_, path, found := strings.Cut(string(out), "REG_EXPAND_SZ")
	if err != nil || !found {
		i.Fatalf("the path: %v\n%s", err, out)
	}
	folders := slices.DeleteFunc(strings.Split(strings.TrimSpace(path), ";"), func(f string) bool { return f == "" })
	i.prints(``, "reg.exe", "add", environment, "/v", "PATH", "/t", "REG_EXPAND_SZ", "/d", strings.Join(folders, ";"), "/f")
}

// file is a file of Windows, by its path without the drive.
func (i installed) file(parts ...string) string {
	return filepath.Join(append([]string{i.prefix, "drive_c"}, parts...)...)
}

func (i installed) there(want bool, parts ...string) {
	i.Helper()
	_, err := os.Stat(i.file(parts...))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		i.Fatal(err)
	}
	if (err == nil) != want {
		i.Errorf("%q is there: %v, want %v", parts, err == nil, want)
	}
}

// whole looks for everything, or for nothing of it.
func (i installed) whole(want bool) {
	i.Helper()
	for _, name := range []string{"msg.exe", "query.exe", "qwinsta.exe", "quser.exe", "msgd.exe", "README.txt", "COPYRIGHT.txt", "msgd.toml"} {
		i.there(want, "Program Files", "msg", name)
	}
	ask := i.prints
	if !want {
		ask = i.fails
	}
	for _, key := range []string{eventSource, settings, serviceKey} {
		ask(``, "reg.exe", "query", key)
	}
	if out, _ := i.desk.Command("reg.exe", "query", environment, "/v", "PATH").Output(); strings.Contains(string(out), `\msg`) != want {
		i.Errorf("the path, want our folder in it: %v\n%s", want, out)
	}
}

// runs sees msgd at work, and msg where the path finds it.
func (i installed) runs() {
	i.Helper()
	cmd := i.desk.Command("cmd.exe", "/c", "msg", "/doctor")
	_ = cmd.Run() // see runner.first
	i.prints(`msgd +answers, after `, "cmd.exe", "/c", "msg", "/doctor")
	i.prints(`Async message sent to session Console`, "cmd.exe", "/c", "msg", "/v", "bob", "hello")
	i.prints(`bob +1 +Active`, "cmd.exe", "/c", "qwinsta")
	i.prints(`bob .*1 +Active`, "cmd.exe", "/c", "quser")
	i.prints(`bob +1 accepted`, "cmd.exe", "/c", "query", "message")
}

// TestMSI installs msg, uses it, and uninstalls it.
func TestMSI(t *testing.T) {
	i := newInstalled(t, wine.Boot(t))
	msi := msiOf(t, "1.2.3")
	t.Cleanup(func() { _ = i.desk.Command("msiexec", "/x", msi, "/qn").Run() })
	if err := os.RemoveAll(i.file("ProgramData", "msg")); err != nil {
		t.Fatal(err)
	}
	i.msiexec("/i", msi)
	i.is("1.2.3", "LocalSystem")
	i.runs()
	i.prints(`EventMessageFile +REG_EXPAND_SZ +%SystemRoot%\\System32\\EventCreate.exe`, "reg.exe", "query", eventSource)
	i.prints(`ImagePath .*msgd\.exe"? serve --service`, "reg.exe", "query", serviceKey)
	i.msiexec("/x", msi)
	i.whole(false)
	i.there(true, "ProgramData", "msg", "journal.db")
}

// TestMSIUpgrade gives msgd the fewest rights, which the next version has to
// leave it.
func TestMSIUpgrade(t *testing.T) {
	i := newInstalled(t, wine.Boot(t))
	old, recent := msiOf(t, "1.2.3"), msiOf(t, "1.2.4")
	t.Cleanup(func() {
		for _, msi := range []string{old, recent} {
			_ = i.desk.Command("msiexec", "/x", msi, "/qn").Run()
		}
	})
	const account = `NT AUTHORITY\LocalService`
	i.msiexec("/i", old, "MSGACCOUNT="+account)
	i.is("1.2.3", account)
	i.msiexec("/i", recent)
	i.fails(``, "msiexec", "/i", old, "/qn")
	i.is("1.2.4", account)
	i.runs()
	i.msiexec("/x", recent)
	i.whole(false)
}

// is sees that all of this version is there, and the account of msgd.
func (i installed) is(version, account string) {
	i.Helper()
	i.whole(true)
	i.prints(`msg `+regexp.QuoteMeta(version), "cmd.exe", "/c", "msg", "/version")
	i.prints(`ObjectName +REG_SZ +`+regexp.QuoteMeta(account)+`\r`, "reg.exe", "query", serviceKey, "/v", "ObjectName")
}

// TestMSIProperties leaves out what can be left out.
func TestMSIProperties(t *testing.T) {
	i := newInstalled(t, wine.Boot(t))
	msi := msiOf(t, "1.2.3")
	t.Cleanup(func() { _ = i.desk.Command("msiexec", "/x", msi, "/qn").Run() })
	i.fails(``, "msiexec", "/i", msi, "/qn", "MSGACCOUNT=Bob")
	i.whole(false)
	i.msiexec("/i", msi, "ADDPATH=0", "INSTALLSERVICE=0")
	i.there(true, "Program Files", "msg", "msg.exe")
	i.there(false, "Program Files", "msg", "msgd.exe")
	i.fails(``, "reg.exe", "query", serviceKey)
	if out, _ := i.desk.Command("reg.exe", "query", environment, "/v", "PATH").Output(); strings.Contains(string(out), `\msg`) {
		t.Errorf("our folder is in the path:\n%s", out)
	}
	i.msiexec("/x", msi)
	i.whole(false)
}

// TestServiceLocalService installs the service by hand with the fewest rights.
func TestServiceLocalService(t *testing.T) {
	p := wine.Boot(t)
	r := runner{t, p.ServiceDesk(t)}
	table(r.desk)
	msg, query, msgd := wine.Build(t, "msg/cmd/msg"), wine.Build(t, "msg/cmd/query"), wine.Build(t, "msg/cmd/msgd")
	t.Cleanup(func() {
		_ = r.desk.Command(msgd, "service", "stop").Run()
		_ = r.desk.Command(msgd, "service", "uninstall").Run()
	})
	r.prints(``, msgd, "service", "install", "--account", "LocalService")
	r.prints(`ObjectName +REG_SZ +NT AUTHORITY\\LocalService`, "reg.exe", "query", serviceKey, "/v", "ObjectName")
	r.prints(`\A\z`, msgd, "service", "start")
	r.first(msg)
	r.use(msg, query)
	r.prints(`\A\z`, msgd, "service", "stop")
	r.prints(``, msgd, "service", "uninstall")
}
