package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// need ends a test where packages cannot be made.
func need(t *testing.T, tools ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("packages: not with -short")
	}
	for _, tool := range append(tools, "wixl", "msibuild", "scdoc", "groff") {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("packages: needs the program %q (Debian: wixl msitools scdoc groff-base osslsigncode openssl)", tool)
		}
	}
}

func newRelease(t *testing.T, arches ...string) release {
	return release{
		version: "1.2.3", out: filepath.Join(t.TempDir(), "out"), arches: arches, publisher: "msg contributors",
		gocmd: "go", downloads: "https://example.org/msg/1.2.3", time: time.Unix(1700000000, 0).UTC(),
	}
}

// shared is a folder for what tests share; TestMain removes it.
var shared string

func TestMain(m *testing.M) {
	var err error
	if shared, err = os.MkdirTemp("", "msg-windows-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(shared)
	os.Exit(code)
}

// tool is this program, as "make windows" has it: in that of the test the race
// detector makes compression ten times as slow.
var tool = sync.OnceValues(func() (string, error) {
	file := filepath.Join(shared, "windows")
	_, err := run(exec.Command("go", "build", "-o", file, "msg/dist/windows"))
	return file, err
})

// makeAsUser makes a release as "make windows" does.
func makeAsUser(t *testing.T, r release) {
	t.Helper()
	program, err := tool()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-version", r.version, "-out", r.out, "-arch", strings.Join(r.arches, ","), "-downloads", r.downloads,
		"-sign-key", r.key.file, "-sign-pass", r.key.password, "-programs", r.programs)
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.time.Unix()))
	if _, err := run(cmd); err != nil {
		t.Fatal(err)
	}
}

// first is the release of this tree that tests look at. It is made once.
func first(t *testing.T) release {
	t.Helper()
	r := newRelease(t, "amd64", "arm64")
	r.out = filepath.Join(shared, "first")
	if _, err := os.Stat(r.out); err != nil {
		makeAsUser(t, r)
	}
	return r
}

// content returns the SHA-256 of each file of a folder.
func content(t *testing.T, folder string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		sums[strings.TrimPrefix(name, folder)] = fmt.Sprintf("%x", sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// TestReproducible makes everything twice: of the tree, and of a copy of it
// elsewhere, with another folder for what is temporary and in another time zone.
func TestReproducible(t *testing.T) {
	need(t)
	t.Chdir("../..")
	first := first(t)
	inspect(t, first)
	elsewhere := t.TempDir()
	for _, part := range []string{"cmd", "internal", "dist", "doc"} {
		if err := os.CopyFS(filepath.Join(elsewhere, part), os.DirFS(part)); err != nil {
			t.Fatal(err)
		}
	}
	for _, pattern := range []string{"*.go", "*.md", "go.*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if err := copyFile(name, filepath.Join(elsewhere, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Chdir(elsewhere)
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("TZ", "Asia/Tokyo")
	second := newRelease(t, "amd64", "arm64")
	makeAsUser(t, second)
	a, b := content(t, first.out), content(t, second.out)
	if len(a) < 5 || len(a) != len(b) {
		t.Errorf("there are %d files, then %d", len(a), len(b))
	}
	for name, sum := range a {
		if b[name] != sum {
			t.Errorf("%s is another the second time", name)
		}
	}
}

// inspect looks at what is in the packages.
func inspect(t *testing.T, r release) {
	t.Helper()
	if left, err := filepath.Glob("cmd/*/*.syso"); err != nil || len(left) > 0 {
		t.Errorf("in the tree are %v %v", left, err)
	}
	cmd := exec.Command("sha256sum", "-c", "SHA256SUMS")
	cmd.Dir = r.out
	if out, err := cmd.CombinedOutput(); err != nil || strings.Count(string(out), "OK") != 4 {
		t.Errorf("SHA256SUMS: %v\n%s", err, out)
	}
	for _, arch := range r.arches {
		z, err := zip.OpenReader(filepath.Join(r.out, r.name(arch, ".zip")))
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		var names []string
		for _, f := range z.File {
			names = append(names, f.Name)
		}
		want := []string{"CHANGELOG.txt", "COPYRIGHT.txt", "README.txt", "SECURITY.txt", "msg.exe", "msg.txt", "msgd.exe", "msgd.toml",
			"msgd.toml.txt", "msgd.txt", "query.exe", "qwinsta.exe", "quser.exe", "query.txt"}
		if !slices.Equal(names, want) {
			t.Errorf("%s: the zip has %q, want %q", arch, names, want)
		}
		for _, name := range []string{"msg", "query", "msgd"} {
			inspectExe(t, z, name)
		}
		out, err := exec.Command("msiinfo", "suminfo", filepath.Join(r.out, r.name(arch, ".msi"))).Output()
		if err != nil || !strings.Contains(string(out), "Template: "+installerArch[arch]+";1033") {
			t.Errorf("%s: %v\n%s", arch, err, out)
		}
		out, err = exec.Command("msiinfo", "export", filepath.Join(r.out, r.name(arch, ".msi")), "File").Output()
		if n := len(regexp.MustCompile(`(?m)^\w+\.exe\t.*\t1\.2\.3\.0\t1033\t`).FindAll(out, -1)); err != nil || n != len(programs) {
			t.Errorf("%s: %d programs have their version: %v\n%s", arch, n, err, out)
		}
	}
	inspectManifests(t, r)
}

// inspectExe looks for version, manifest and icon in a program.
func inspectExe(t *testing.T, z *zip.ReadCloser, name string) {
	t.Helper()
	b, err := fs.ReadFile(z, name+".exe")
	if err != nil {
		t.Fatal(err)
	}
	wide := func(s string) []byte {
		var w []byte
		for _, c := range s {
			w = append(w, byte(c), byte(c>>8))
		}
		return w
	}
	for _, want := range [][]byte{
		wide("ProductVersion\x001.2.3"), wide("OriginalFilename\x00" + name + ".exe"), wide("CompanyName"),
		[]byte(`level="asInvoker"`), []byte("longPathAware"), []byte("permonitorv2"), []byte("\x89PNG"),
	} {
		if !bytes.Contains(b, want) && !bytes.Contains(b, bytes.Replace(want, []byte{0, 0}, []byte{0, 0, 0, 0}, 1)) {
			t.Errorf("%s.exe has no %q", name, want)
		}
	}
	if bytes.Contains(b, []byte("activeCodePage")) {
		t.Errorf("%s.exe wants another code page, on which internal/console does not count", name)
	}
}

// inspectManifests holds the manifests to the keys that have to be there, by
// the schemas of winget 1.12 (github.com/microsoft/winget-cli), of Scoop
// (schema.json there) and of NuGet, and to the sums.
func inspectManifests(t *testing.T, r release) {
	t.Helper()
	for file, keys := range map[string][]string{
		"msg.msg.yaml":              {"PackageIdentifier", "PackageVersion", "DefaultLocale", "ManifestType", "ManifestVersion"},
		"msg.msg.locale.en-US.yaml": {"PackageIdentifier", "PackageVersion", "PackageLocale", "Publisher", "PackageName", "License", "ShortDescription", "ManifestType", "ManifestVersion"},
		"msg.msg.installer.yaml":    {"PackageIdentifier", "PackageVersion", "InstallerType", "Installers", "ManifestType", "ManifestVersion"},
	} {
		text := manifest(t, r, "winget/"+file)
		for _, key := range keys {
			if !regexp.MustCompile(`(?m)^` + key + `:`).MatchString(text) {
				t.Errorf("%s has no %s", file, key)
			}
		}
	}
	sums := content(t, r.out)
	installer := manifest(t, r, "winget/msg.msg.installer.yaml")
	var scoop struct {
		Version, Description, Homepage, License, Notes string
		Architecture                                   map[string]struct{ URL, Hash string }
		Bin                                            []string
	}
	d := json.NewDecoder(strings.NewReader(manifest(t, r, "scoop/msg.json")))
	d.DisallowUnknownFields()
	if err := d.Decode(&scoop); err != nil || scoop.Version != "1.2.3" || scoop.Homepage == "" || scoop.License == "" {
		t.Errorf("Scoop: %v\n%+v", err, scoop)
	}
	for theirs, arch := range map[string]string{"64bit": "amd64", "arm64": "arm64"} {
		zip, msi := r.name(arch, ".zip"), r.name(arch, ".msi")
		if a := scoop.Architecture[theirs]; a.URL != r.downloads+"/"+zip || a.Hash != sums["/"+zip] {
			t.Errorf("Scoop: %s is %+v", theirs, a)
		}
		code := "ProductCode: '{" + r.productCode(arch) + "}'"
		if !strings.Contains(installer, "InstallerUrl: "+r.downloads+"/"+msi+"\n  InstallerSha256: "+sums["/"+msi]+"\n  "+code) {
			t.Errorf("winget: no %s in\n%s", msi, installer)
		}
	}
	var nuspec struct {
		Metadata struct {
			ID          string `xml:"id"`
			Version     string `xml:"version"`
			Authors     string `xml:"authors"`
			Description string `xml:"description"`
		} `xml:"metadata"`
	}
	err := xml.Unmarshal([]byte(manifest(t, r, "chocolatey/msg.nuspec")), &nuspec)
	if m := nuspec.Metadata; err != nil || m.ID != "msg" || m.Version != "1.2.3" || m.Authors == "" || m.Description == "" {
		t.Errorf("Chocolatey: %v %+v", err, m)
	}
	if script := manifest(t, r, "chocolatey/tools/chocolateyinstall.ps1"); !strings.Contains(script, sums["/"+r.name("amd64", ".msi")]) {
		t.Errorf("Chocolatey: the sum is not in\n%s", script)
	}
}

func manifest(t *testing.T, r release, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(r.out, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// unpacked is what is in the zip of a release.
func unpacked(t *testing.T, r release, arch string) string {
	t.Helper()
	z, err := zip.OpenReader(filepath.Join(r.out, r.name(arch, ".zip")))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	folder := filepath.Join(t.TempDir(), "zip")
	if err := os.CopyFS(folder, z); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestSigned signs the programs of an unsigned release with a certificate of its
// own, and asks osslsigncode whether it was us.
func TestSigned(t *testing.T) {
	need(t, "osslsigncode", "openssl")
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(in("password"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", in("key.pem"), "-out", in("cert.pem"), "-days", "2", "-subj", "/CN=msg test",
			"-addext", "extendedKeyUsage=codeSigning", "-addext", "keyUsage=digitalSignature"},
		{"pkcs12", "-export", "-inkey", in("key.pem"), "-in", in("cert.pem"), "-out", in("both.p12"), "-passout", "file:" + in("password")},
	} {
		if _, err := run(exec.Command("openssl", args...)); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir("../..")
	r := newRelease(t, "amd64")
	r.key = key{file: in("both.p12"), password: in("password")}
	r.programs = unpacked(t, first(t), "amd64")
	makeAsUser(t, r)
	msi, zipped := filepath.Join(r.out, r.name("amd64", ".msi")), unpacked(t, r, "amd64")
	for _, name := range []string{"msg.exe", "query.exe", "msgd.exe", "quser.exe"} {
		if out, err := exec.Command("osslsigncode", "verify", "-CAfile", in("cert.pem"), "-in", filepath.Join(r.programs, name)).CombinedOutput(); err == nil {
			t.Errorf("%s is signed before:\n%s", name, out)
		}
	}
	for _, file := range []string{msi, zipped + "/msg.exe", zipped + "/query.exe", zipped + "/msgd.exe", zipped + "/quser.exe"} {
		if out, err := exec.Command("osslsigncode", "verify", "-CAfile", in("cert.pem"), "-in", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
	pem := key{file: in("key.pem"), cert: in("cert.pem")}
	if err := pem.sign(filepath.Join(zipped, "README.txt"), "x"); err == nil {
		t.Error("a text has been signed")
	}
}

func TestKey(t *testing.T) {
	for k, want := range map[key]string{
		{}:                                     "",
		{file: "a.PFX"}:                        "",
		{file: "a.pem", cert: "c.pem"}:         "",
		{file: "a.pem"}:                        "needs its certificate",
		{cert: "c.pem"}:                        "-sign-key is missing",
		{password: "p"}:                        "-sign-key is missing",
		{timestamp: "http://ts.example.org/x"}: "-sign-key is missing",
	} {
		if err := k.check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", k, err, want)
		}
	}
}

// TestPages reads the pages as people do: with tables, and with what is to be
// typed as it is to be typed.
func TestPages(t *testing.T) {
	need(t)
	t.Chdir(filepath.Join("..", ".."))
	for page, shown := range map[string]string{
		"msg.1": `HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server`, "query.1": `'/user:CORP\admin'`,
		"msgd.8": "msgd", "msgd.toml.5": `["LINUXBOX\\alice", "@CORP\\helpdesk"]`,
	} {
		content, err := manPage(page)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(content), shown) {
			t.Errorf("%s does not show %s", page, shown)
		}
		if strings.Contains(string(content), "T{") {
			t.Errorf("%s has tables that were not made", page)
		}
	}
}

func TestVersion(t *testing.T) {
	for version, ok := range map[string]bool{
		"1.2.3": true, "255.255.65535": true, "0.0.0": true, "256.0.0": false, "1.0.65536": false, "1.2": false, "1.2.3-rc1": false, "": false, "v1.2.3": false,
	} {
		if err := checkVersion(version); (err == nil) != ok {
			t.Errorf("version %q: %v", version, err)
		}
	}
}

// TestStart refuses what it could not make.
func TestStart(t *testing.T) {
	for want, change := range map[string]func(*release){
		"must be three numbers":      func(r *release) { r.version = "1" },
		"its certificate":            func(r *release) { r.key.file = "a.pem" },
		`"386": amd64 or arm64`:      func(r *release) { r.arches = []string{"386"} },
		"the packages for amd64":     func(r *release) { r.arches = []string{"arm64"} },
		"not a number of seconds":    func(r *release) {},
		"are for one processor":      func(r *release) { r.programs = "elsewhere" },
		`version "1.2.300000": must`: func(r *release) { r.version = "1.2.300000" },
	} {
		r := newRelease(t, "amd64", "arm64")
		change(&r)
		if err := r.start("yesterday"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestIcon reads each picture of the icon by the table in front of them.
func TestIcon(t *testing.T) {
	b, err := iconFile()
	if err != nil {
		t.Fatal(err)
	}
	end := 6 + 16*len(iconSizes)
	for i, size := range iconSizes {
		e := b[6+16*i:]
		length := int(e[8]) | int(e[9])<<8 | int(e[10])<<16
		offset := int(e[12]) | int(e[13])<<8 | int(e[14])<<16
		if offset != end {
			t.Errorf("picture %d is at %d, want %d", i, offset, end)
		}
		end = offset + length
		img, err := png.Decode(bytes.NewReader(b[offset:end]))
		if err != nil || img.Bounds().Dx() != size || img.Bounds().Dy() != size {
			t.Fatalf("picture %d: %v, want %d pixels", i, err, size)
		}
		middle := img.At(size*5/16, size*5/16)
		if r, g, bl, a := middle.RGBA(); r != 0xffff || g != 0xffff || bl != 0xffff || a != 0xffff {
			t.Errorf("picture %d: the first line of text is %v", i, middle)
		}
		if _, _, _, a := img.At(size-1, size-1).RGBA(); a != 0 {
			t.Errorf("picture %d has no shape", i)
		}
	}
	if end != len(b) {
		t.Errorf("the pictures end at %d, the file at %d", end, len(b))
	}
}

// TestConfiguration finds nothing in the file that is not of Windows.
func TestConfiguration(t *testing.T) {
	b, err := os.ReadFile("../../doc/msgd.toml")
	if err != nil {
		t.Fatal(err)
	}
	got := string(configuration(b))
	if i := regexp.MustCompile(`/etc/|/var/|/run/`).FindStringIndex(got); i != nil {
		t.Errorf("in it is %q", got[i[0]:min(len(got), i[0]+40)])
	}
	if !strings.Contains(got, `C:\ProgramData\msg\msgd.toml`) || !strings.Contains(got, "\n# path = 'C:") {
		t.Errorf("it says nothing of Windows:\n%s", got)
	}
}
