package msg

import "time"

// Member is a computer of a fleet, as the fleet's hub knows it.
type Member struct {
	Name    string    `json:"name"`
	Tags    []string  `json:"tags"`
	Online  bool      `json:"online"`
	Seen    time.Time `json:"seen"` // when it was last there
	Version string    `json:"version"`
	Site    string    `json:"site,omitempty"` // of its leaf hub; empty at the main hub
}

// Reach says how far a message to a fleet is.
type Reach struct {
	Hosts    int `json:"hosts"`          // that it is for
	Reached  int `json:"reached"`        // have said something
	Absent   int `json:"absent"`         // are not connected
	Failed   int `json:"failed"`         // will not get it
	Nobody   int `json:"nobody"`         // have it, and nobody there is meant
	Sessions int `json:"sessions"`       // of which something is known
	Answered int `json:"answered"`       // of them
	Kept     int `json:"kept,omitempty"` // people for whom it is kept where they are not signed in
}
