package tsts

import (
	"context"
	"errors"
	"fmt"
	"io"

	"msg/internal/dcerpc"
	"msg/internal/wts"
)

// Reasons of a bind_nak that are about the proof, and not about what is bound.
const (
	badKindOfProof = 8 // authentication_type_not_recognized, [MS-RPCE] 2.2.2.5
	badProof       = 9 // invalid_checksum
)

// bindAll speaks to interfaces on a pipe that open opens. To a server that refuses
// to be asked for all of them at the same time, it speaks to the first alone.
func bindAll(ctx context.Context, open func() (io.ReadWriteCloser, error), who func() dcerpc.Initiator, uuids ...string) ([]caller, error) {
	pipe, err := open()
	if err != nil {
		return nil, err
	}
	callers, err := bind(ctx, pipe, who(), uuids...)
	var refused *dcerpc.Reject
	if len(uuids) == 1 || !errors.As(err, &refused) || refused.Reason == badKindOfProof || refused.Reason == badProof {
		return callers, ofBind(err)
	}
	if pipe, err = open(); err != nil {
		return nil, err
	}
	callers, err = bind(ctx, pipe, who(), uuids[0])
	return append(callers, make([]caller, len(uuids)-1)...), ofBind(err)
}

func ofBind(err error) error {
	if err == nil {
		return nil
	}
	return ofRPC("binding", err)
}

// bind speaks to interfaces on an open pipe, which it closes if the first of them
// is not there. Others that are not are nil.
func bind(ctx context.Context, pipe io.ReadWriteCloser, who dcerpc.Initiator, uuids ...string) ([]caller, error) {
	var ifaces []dcerpc.Syntax
	for _, uuid := range uuids {
		id, err := dcerpc.ParseUUID(uuid)
		if err != nil {
			return nil, err
		}
		ifaces = append(ifaces, dcerpc.Syntax{UUID: id, Major: 1})
	}
	c, err := dcerpc.Dial(ctx, pipe, ifaces[0], who, ifaces[1:]...)
	if err != nil {
		return nil, err
	}
	callers := make([]caller, len(uuids))
	callers[0] = c
	for i, iface := range ifaces[1:] {
		if other, ok := c.Other(iface); ok {
			callers[1+i] = other
		}
	}
	return callers, nil
}

// nca are statuses of a fault whose error of Windows has another number
// ([C706] appendix E).
var nca = map[uint32]uint32{
	dcerpc.StatusOpnum:     errorProcedure,
	dcerpc.StatusInterface: errorUnknownInterface,
	dcerpc.StatusProtocol:  wts.ErrorCallFailed,
	dcerpc.StatusBusy:      errorBusy,
}

// ofRPC is the error of a remote call.
func ofRPC(call string, err error) error {
	var fault *dcerpc.Fault
	var reject *dcerpc.Reject
	switch {
	case errors.Is(err, dcerpc.ErrNoInterface):
		return fmt.Errorf("%s: %w", call, ErrNotThere)
	case errors.Is(err, dcerpc.ErrSecurity), errors.As(err, &reject):
		return numbered(call, wts.ErrorSecurityPackage)
	case !errors.As(err, &fault):
		return ofSMB(call, err)
	case nca[fault.Status] != 0:
		return numbered(call, nca[fault.Status])
	}
	return ofStatus(call, fault.Status)
}
