package control

import (
	"fmt"
	"io/fs"
	"testing"
)

func TestPipeDescriptor(t *testing.T) {
	const user = "S-1-5-21-1-2-3-1001"
	for _, c := range []struct {
		own      string
		elevated bool
		mode     fs.FileMode
		want     string
	}{
		{sidSystem, true, 0o666, "O:S-1-5-18D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;0x12019b;;;AU)"},
		{sidSystem, true, 0o660, "O:S-1-5-18D:P(A;;GA;;;SY)(A;;GA;;;BA)"},
		{sidLocalService, false, 0o666, "O:S-1-5-19D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;S-1-5-19)(A;;0x12019b;;;AU)"},
		{user, true, 0o666, "O:S-1-5-32-544D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;" + user + ")(A;;0x12019b;;;AU)"},
		{user, false, 0o660, "O:" + user + "D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;" + user + ")"},
	} {
		if got := pipeDescriptor(c.own, c.elevated, c.mode); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	const createInstance = 0x4
	if fmt.Sprintf("%#x", pipeRights) != pipeRightsHex || pipeRights&createInstance != 0 {
		t.Errorf("a client has the rights %#x, written %s", pipeRights, pipeRightsHex)
	}
}

func TestMayServe(t *testing.T) {
	const self, other = "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002"
	for owner, want := range map[string]bool{
		sidSystem: true, sidAdministrators: true, sidLocalService: true, self: true,
		other: false, "S-1-1-0": false, "": false,
	} {
		if got := mayServe(owner, self); got != want {
			t.Errorf("%s: %v", owner, got)
		}
	}
}
