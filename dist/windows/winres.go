package main

import (
	"bytes"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
)

// The manifest asks for no rights (Windows would guess from a name such as
// "install"), for paths of any length, and for a box that is sharp on every
// screen. It does not ask for the code page UTF-8: that would change what
// "the system's code page" is, which text from pipes is in without a console.
//
//go:embed winres.json
var winresJSON string

// resources puts a .syso file for each processor into the folder of a command.
// Their names make the go command take each for its processor only.
func (r release) resources(p program, dir string) error {
	work, err := os.MkdirTemp(filepath.Dir(dir), "winres-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	ico, err := iconFile()
	if err != nil {
		return err
	}
	var spec bytes.Buffer
	err = template.Must(template.New("winres").Parse(winresJSON)).Execute(&spec, map[string]string{
		"Name": p.name, "Title": p.title, "Version": r.version, "Publisher": r.publisher,
	})
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"msg.ico": ico, "winres.json": spec.Bytes()} {
		if err := os.WriteFile(filepath.Join(work, name), content, 0o644); err != nil {
			return err
		}
	}
	out, err := filepath.Abs(filepath.Join(dir, "rsrc"))
	if err != nil {
		return err
	}
	_, err = run(exec.Command(r.gocmd, "run", winres, "make", "--in", filepath.Join(work, "winres.json"), "--out", out, "--arch", strings.Join(r.arches, ",")))
	return err
}
