package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// texts puts what there is to read into a folder, as Notepad wants it.
func (r release) texts(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	save := func(name string, content []byte) error {
		content = bytes.ReplaceAll(content, []byte("\n"), []byte("\r\n"))
		return os.WriteFile(filepath.Join(dir, name), content, 0o644)
	}
	for _, name := range []string{"README", "SECURITY", "CHANGELOG"} {
		content, err := os.ReadFile(name + ".md")
		if err == nil {
			err = save(name+".txt", content)
		}
		if err != nil {
			return err
		}
	}
	for _, page := range []string{"msg.1", "query.1", "msgd.8", "msgd.toml.5"} {
		content, err := manPage(page)
		if err == nil {
			err = save(strings.TrimSuffix(page, filepath.Ext(page))+".txt", content)
		}
		if err != nil {
			return fmt.Errorf("page %s: %w", page, err)
		}
	}
	cmd := exec.Command("dist/copyright")
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64")
	content, err := run(cmd)
	if err == nil {
		err = save("COPYRIGHT.txt", content)
	}
	if err != nil {
		return err
	}
	content, err = os.ReadFile("doc/msgd.toml")
	if err != nil {
		return err
	}
	return save("msgd.toml", configuration(content))
}

// configuration is the file with every key as it is on Windows.
func configuration(content []byte) []byte {
	return []byte(strings.NewReplacer(
		"/etc/msg/msgd.toml", `C:\ProgramData\msg\msgd.toml`,
		`path = "/var/lib/msg/journal.db"`, `# path = 'C:\ProgramData\msg\journal.db'    # without it: beside this file`,
		`path = "/var/lib/msg/fleet"`, `# path = 'C:\ProgramData\msg\fleet'    # without it: beside this file`,
		`sockets = "/run/samba/ncalrpc/np"`, `# sockets: not on Windows`,
		`keytab = "/etc/krb5.keytab"`, `# keytab: not on Windows`,
		`"unix:/run/msg/metrics.sock", "127.0.0.1:9650"`, `"127.0.0.1:9650"`,
	).Replace(string(content)))
}

// manPage returns a page as plain text.
func manPage(page string) ([]byte, error) {
	content, err := os.ReadFile("doc/" + page + ".scd")
	if err != nil {
		return nil, err
	}
	for _, args := range [][]string{{"scdoc"}, {"groff", "-t", "-k", "-man", "-Tutf8", "-P-cbou", "-rLL=78n", "-rHY=0"}} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stdin = bytes.NewReader(content)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		if content, err = run(cmd); err != nil {
			return nil, err
		}
	}
	return content, nil
}

// level is that of the compression. The best, 9, takes almost three times as long
// and makes a zip smaller by two parts in a thousand.
const level = 7

// zip puts a folder into a zip, and copies of programs that go by other names.
func (r release) zip(arch, folder string) error {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, level) })
	entries, err := os.ReadDir(folder) // sorted
	if err != nil {
		return err
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return err
		}
		for _, name := range names(e.Name()) {
			f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: r.time})
			if err != nil {
				return err
			}
			if _, err := f.Write(content); err != nil {
				return err
			}
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, r.name(arch, ".zip")), b.Bytes(), 0o644)
}

// names are all those of a file.
func names(file string) []string {
	all := []string{file}
	for _, p := range programs {
		if p.name+".exe" == file {
			for _, c := range p.copies {
				all = append(all, c+".exe")
			}
		}
	}
	return all
}
