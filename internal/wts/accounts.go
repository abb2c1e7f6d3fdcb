package wts

// Account is an account of Windows: a user, a group, or one of those that
// Windows has for itself.
type Account struct {
	SID  string // S-1-5-21-...
	Name string // DOMAIN\user as Windows writes it; without a domain if it has none
	User bool   // a person's or a program's, and no group
}

// ErrorNoneMapped is the error of Find for a name that nobody has, or a SID
// without a name (winerror.h).
const ErrorNoneMapped uint32 = 1332

// Of authz.h.
const (
	noAudit    = 1 // AUTHZ_RM_FLAG_NO_AUDIT
	groupsSIDs = 2 // AuthzContextInfoGroupsSids
)

// userUse is SidTypeUser of SID_NAME_USE.
const userUse = 1

// errorInsufficientBuffer says that there is more than the buffer can take.
const errorInsufficientBuffer uint32 = 122
