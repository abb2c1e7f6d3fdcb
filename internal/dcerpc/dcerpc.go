// Package dcerpc makes and answers remote calls as Windows does: DCE/RPC 5.0
// over a connection ([C706] chapter 12, [MS-RPCE]), here over named pipes. It
// is pure: its only input and output is the connection that it is given.
//
// It promises that calls are sealed or not made. A Client refuses a server
// that answers with less than it asked for; a Server runs no handler for
// whoever is anonymous, a guest, or below PKT_PRIVACY. What a peer sends is
// bounded (see the limits below) and never makes the package panic. Passwords,
// keys and tokens are in no error and no log.
//
// Who the peer is is proved by NTLM (version 2 only), Kerberos, or either of
// them within SPNEGO. The server knows no password hashes: it asks a Verifier.
//
// Start with Dial for calls, and Server for answers.
package dcerpc

import "time"

// Limits of what a peer may send.
const (
	fragmentSize = 5840     // offered for PDUs, as Windows does
	fragmentMin  = 1432     // what any peer has to take, [C706] 12.6.3.1
	maxRequest   = 64 << 10 // of one call, all fragments
	maxResponse  = 1 << 20  // a list of ten thousand sessions
	maxToken     = 32 << 10 // of authentication: a ticket with many groups
	maxContexts  = 32       // of one bind
	maxSyntaxes  = 8        // of one context
)

// How long a server waits for a client.
const (
	handshakeTime = 30 * time.Second // until it has proved who it is
	fragmentTime  = 30 * time.Second // for the rest of a call that was begun
	writeTime     = 30 * time.Second // to take what is sent to it
	idleTime      = 15 * time.Minute // between calls
)

// Levels of authentication ([MS-RPCE] 2.2.1.1.8).
const (
	LevelNone      = 1 // PKT_NONE: nobody is proved
	LevelConnect   = 2 // CONNECT: proved at the beginning
	LevelIntegrity = 5 // PKT_INTEGRITY: signed
	LevelPrivacy   = 6 // PKT_PRIVACY: signed and sealed
)

// Kinds of authentication ([MS-RPCE] 2.2.1.1.7).
const (
	authSPNEGO   = 9
	authNTLM     = 10
	authKerberos = 16
)
