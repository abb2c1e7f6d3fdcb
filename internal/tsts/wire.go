package tsts

import (
	"context"
	"errors"
	"fmt"
	"io"

	"msg/internal/dcerpc"
	"msg/internal/wts"
)

// bind speaks to an interface on an open pipe, which it closes if that fails.
func bind(ctx context.Context, pipe io.ReadWriteCloser, uuid string, who dcerpc.Initiator) (caller, error) {
	id, err := dcerpc.ParseUUID(uuid)
	if err != nil {
		return nil, err
	}
	c, err := dcerpc.Dial(ctx, pipe, dcerpc.Syntax{UUID: id, Major: 1}, who)
	if err != nil {
		return nil, ofRPC("binding", err)
	}
	return c, nil
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
