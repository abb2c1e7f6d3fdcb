package lab

import (
	_ "embed"
	"testing"
)

//go:embed samba.sh
var sambaRecipe string

// Samba starts a host of a Debian release that has Samba, winbind and Impacket
// besides, none of them configured or started. In all else it is as that of
// [Boot].
func Samba(t testing.TB, suite string) *Host {
	t.Helper()
	base := serverFS(t, suite)
	return boot(t, getRootfs(t, suite+"-samba", suite, sambaRecipe, base.dir))
}

// SambaDesktop is [Desktop] with Samba and winbind besides.
func SambaDesktop(t testing.TB) *Host {
	t.Helper()
	base := desktopFS(t, "desktop", xfceRecipe)
	return boot(t, getRootfs(t, "desktop-samba", base.suite, sambaRecipe, base.dir))
}
