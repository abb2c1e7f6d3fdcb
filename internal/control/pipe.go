package control

import (
	"io/fs"
	"slices"
)

// Accounts of Windows by their numbers, which are the same in every language
// ("Well-known SIDs").
const (
	sidSystem         = "S-1-5-18"
	sidLocalService   = "S-1-5-19"
	sidAdministrators = "S-1-5-32-544"
)

// pipeRights are those of a client: to read and write (FILE_GENERIC_READ and
// FILE_GENERIC_WRITE) without FILE_CREATE_PIPE_INSTANCE, which is the same bit
// as FILE_APPEND_DATA and would let every client be a server of the pipe. So it
// is neither given nor asked for; the usual GENERIC_WRITE has it.
const (
	pipeRights    = 0x0012019f &^ 0x4
	pipeRightsHex = "0x12019b"
)

// pipeDescriptor is the security descriptor of a pipe that the account own
// listens on, elevated or not. mode is that of a socket: what it gives others,
// everybody who has signed in gets. SYSTEM and Administrators have all rights.
// The owner, which clients look at, is said, because the usual one differs.
func pipeDescriptor(own string, elevated bool, mode fs.FileMode) string {
	owner := own
	if elevated && own != sidSystem {
		owner = sidAdministrators
	}
	sddl := "O:" + owner + "D:P(A;;GA;;;SY)(A;;GA;;;BA)"
	if own != sidSystem {
		sddl += "(A;;GA;;;" + own + ")"
	}
	if mode&0o006 == 0o006 {
		sddl += "(A;;" + pipeRightsHex + ";;;AU)"
	}
	return sddl
}

// mayServe reports whether a pipe of this owner can be that of a msgd: nobody
// else can make one in the name of the system. LocalService is the account that
// msgd may be installed with.
func mayServe(owner, self string) bool {
	return owner == self || slices.Contains([]string{sidSystem, sidAdministrators, sidLocalService}, owner)
}
