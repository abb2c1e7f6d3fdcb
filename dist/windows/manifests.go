package main

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// Each template that is defined in it is a file of that name.
//
//go:embed manifests.tmpl
var manifestsSource string

// sums returns the SHA-256 of each package by its name, and writes the file of
// them that sha256sum -c reads.
func (r release) sums() (map[string]string, error) {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	var lines strings.Builder
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		sums[e.Name()] = hex.EncodeToString(sum[:])
		fmt.Fprintf(&lines, "%s  %s\n", sums[e.Name()], e.Name())
	}
	return sums, os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(lines.String()), 0o644)
}

// published is one package as the manifests see it.
type published struct{ Arch, URL, SHA256, ProductCode string }

// manifests writes those for winget, Scoop and Chocolatey, if it is known where
// the packages will be.
func (r release) manifests(sums map[string]string) error {
	if r.downloads == "" {
		return nil
	}
	all := map[string]map[string]published{}
	for _, ext := range []string{"msi", "zip"} {
		all[ext] = map[string]published{}
		for _, arch := range r.arches {
			name := r.name(arch, "."+ext)
			all[ext][arch] = published{arch, strings.TrimSuffix(r.downloads, "/") + "/" + name, sums[name], r.productCode(arch)}
		}
	}
	t, err := template.New("").Parse(manifestsSource)
	if err != nil {
		return err
	}
	for _, file := range t.Templates() {
		if !strings.Contains(file.Name(), "/") {
			continue
		}
		var b bytes.Buffer
		err := file.Execute(&b, map[string]any{
			"Version": r.version, "Publisher": r.publisher, "Downloads": r.downloads, "UpgradeCode": upgradeCode,
			"Date": r.time.Format("2006-01-02"), "MSI": all["msi"], "Zip": all["zip"],
		})
		if err != nil {
			return err
		}
		path := filepath.Join(r.out, file.Name())
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(strings.TrimLeft(b.String(), "\n")), 0o644); err != nil {
			return err
		}
	}
	return nil
}
