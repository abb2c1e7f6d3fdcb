package tsts

import (
	"context"
	"strings"
	"time"
)

// icaServer is what a handle of IcaApi is: this computer.
type icaServer struct{}

// ica is IcaApi.
var ica = table{
	OpOpenServer: on(func(_ context.Context, c *calls, _ *Nothing) Body {
		h := c.open(icaServer{})
		if h.IsZero() {
			return &IcaOpenResult{Result: ntInsufficientResources}
		}
		return &IcaOpenResult{Handle: h, OK: true}
	}),
	OpCloseServer: on(func(_ context.Context, c *calls, a *HandleArgs) Body {
		result := c.icaClose(a.Handle)
		return &IcaResult{Result: result, OK: result == StatusOK}
	}),
	OpCloseServerEx: on(func(_ context.Context, c *calls, a *HandleArgs) Body {
		result := c.icaClose(a.Handle)
		return &IcaCloseResult{Result: result, OK: result == StatusOK}
	}),
	OpEnumerate:        on(icaEnumerate),
	OpQueryInformation: on(icaQuery),
	OpSendMessage:      on(icaSend),
	OpIDFromName:       on(icaID),
	OpNameFromID:       on(icaName),
}

func (c *calls) icaClose(h Handle) uint32 {
	if !c.close(h) {
		return NTInvalidHandle
	}
	return StatusOK
}

// isServer reports whether a handle is one of an open server.
func (c *calls) isServer(h Handle) bool {
	_, ok := c.handles[h].(icaServer)
	return ok
}

// icaFind is the session of a number, or the NTSTATUS that says why not.
func (c *calls) icaFind(ctx context.Context, h Handle, number int32) (place, uint32) {
	if !c.isServer(h) {
		return place{}, NTInvalidHandle
	}
	p, ok, err := c.find(ctx, number)
	switch {
	case err != nil:
		return p, ntUnsuccessful
	case !ok:
		return p, NTNoWinStation
	}
	return p, StatusOK
}

func icaEnumerate(ctx context.Context, c *calls, a *IcaEnumArgs) Body {
	if !c.isServer(a.Handle) {
		return &IcaEnumResult{Result: NTInvalidHandle, Index: a.Index}
	}
	list, err := c.places(ctx)
	if err != nil {
		return &IcaEnumResult{Result: ntUnsuccessful, Index: a.Index}
	}
	n := min(uint64(a.Entries), uint64(a.Room/IcaEntrySize))
	r := &IcaEnumResult{Entries: []Entry{}, Index: a.Index, OK: true}
	for i := uint64(a.Index); i < uint64(len(list)) && uint64(len(r.Entries)) < n; i++ {
		r.Entries = append(r.Entries, list[i].entry())
	}
	r.Index += uint32(len(r.Entries))
	switch {
	case uint64(a.Index) >= uint64(len(list)):
		return &IcaEnumResult{Result: NTNoMoreEntries, Index: a.Index}
	case len(r.Entries) == 0: // no room for any
		return &IcaEnumResult{Result: NTInfoLengthMismatch, Index: a.Index}
	}
	return r
}

func icaQuery(ctx context.Context, c *calls, a *IcaQueryArgs) Body {
	p, result := c.icaFind(ctx, a.Handle, a.ID)
	switch {
	case result != StatusOK:
		return &IcaQueryResult{Result: result}
	case a.Class != ClassInformation:
		c.server.Log.Info("unknown class of information of a session", "class", a.Class, "bytes", a.Room)
		return &IcaQueryResult{Result: NTInvalidInfoClass}
	case a.Room < InformationSize:
		return &IcaQueryResult{Result: NTInfoLengthMismatch}
	}
	data := make([]byte, a.Room)
	copy(data, Information{State: p.state, Name: p.name, ID: p.number, Connect: p.Since, Logon: p.Since, LastInput: p.lastInput(),
		Domain: p.domain, User: p.user, Current: time.Now()}.Bytes())
	return &IcaQueryResult{Data: data, Length: InformationSize, OK: true}
}

func icaSend(ctx context.Context, c *calls, a *IcaSendArgs) Body {
	if !c.isServer(a.Handle) {
		return &IcaSendResult{Result: NTInvalidHandle}
	}
	code, err := c.show(ctx, a.ID, box{a.Title, a.Text, a.Style, a.Timeout, !a.DoNotWait})
	return &IcaSendResult{Result: ntstatus(err), Response: code, OK: err == nil}
}

func icaID(ctx context.Context, c *calls, a *IcaNameArgs) Body {
	if !c.isServer(a.Handle) {
		return &IcaIDResult{Result: NTInvalidHandle}
	}
	list, err := c.places(ctx)
	if err != nil {
		return &IcaIDResult{Result: ntUnsuccessful}
	}
	for _, p := range list {
		if strings.EqualFold(p.name, a.Name) {
			return &IcaIDResult{ID: p.number, OK: true}
		}
	}
	return &IcaIDResult{Result: NTNoWinStation}
}

func icaName(ctx context.Context, c *calls, a *IcaIDArgs) Body {
	p, result := c.icaFind(ctx, a.Handle, a.ID)
	return &IcaNameResult{Result: result, Name: p.name, Room: a.Room, OK: result == StatusOK}
}

// splitUser takes DOMAIN\name apart.
func splitUser(user string) (domain, name string) {
	if domain, name, ok := strings.Cut(user, `\`); ok {
		return domain, name
	}
	return "", user
}
