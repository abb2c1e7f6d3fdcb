package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// winres is the program that makes icon, version and manifest for the linker.
const winres = "github.com/tc-hib/go-winres@v0.3.3"

// program is one of ours.
type program struct {
	name, title string
	copies      []string // other names that it goes by
}

var programs = []program{
	{"msg", "Send a message to people who are signed in", nil},
	{"query", "Show who is signed in", []string{"qwinsta", "quser"}},
	{"msgd", "Messages within the rules, as a service", nil},
}

// source copies what the programs are made of, and puts beside each what the
// linker is to add: in the tree itself, builds for other purposes would find
// it too. (go build -overlay does not take .syso files.)
func (r release) source(dir string) (string, error) {
	for _, part := range []string{"cmd", "internal"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(part)); err != nil {
			return "", err
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		return "", err
	}
	for _, name := range append(files, "go.mod", "go.sum") {
		if err := copyFile(name, filepath.Join(dir, name)); err != nil {
			return "", err
		}
	}
	for _, p := range programs {
		if err := r.resources(p, filepath.Join(dir, "cmd", p.name)); err != nil {
			return "", fmt.Errorf("icon, version and manifest of %s: %w", p.name, err)
		}
	}
	return dir, nil
}

// build compiles and signs the programs of one processor.
func (r release) build(arch, src, folder string) error {
	for _, p := range programs {
		exe, err := filepath.Abs(filepath.Join(folder, p.name+".exe"))
		if err != nil {
			return err
		}
		cmd := exec.Command(r.gocmd, "build", "-trimpath", "-buildvcs=false",
			"-ldflags", "-s -w -buildid= -X msg/internal/cli.version="+r.version, "-o", exe, "./cmd/"+p.name)
		cmd.Dir = src
		cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH="+arch, "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
		if _, err := run(cmd); err != nil {
			return fmt.Errorf("building %s: %w", p.name, err)
		}
		if err := r.key.sign(exe, p.title); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}
