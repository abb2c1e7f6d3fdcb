package tsts

import (
	"context"
	"errors"
	"io"

	"github.com/jcmturner/gokrb5/v8/client"

	"msg/internal/dcerpc"
	"msg/internal/wts"
)

type initiator = dcerpc.Initiator

func newKerberos(c *client.Client, spn string) initiator { return nil }

func newNTLM(user, domain, password, spn string) initiator { return nil }

// bind speaks to an interface on an open pipe.
func bind(ctx context.Context, pipe io.ReadWriteCloser, uuid string, who initiator) (caller, error) {
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

// Statuses of a fault that have an error of Windows of another number
// ([C706] appendix E, [MS-RPCE] 2.2.2.12).
const (
	ncaOpRange          = 0x1C010002
	ncaUnknownInterface = 0x1C010003
)

// ofRPC is the error of a remote call.
func ofRPC(call string, err error) error {
	var fault *dcerpc.Fault
	if !errors.As(err, &fault) {
		return ofSMB(call, err)
	}
	switch {
	case fault.Status == ncaOpRange:
		return numbered(call, errorProcedure)
	case fault.Status == ncaUnknownInterface:
		return numbered(call, errorUnknownInterface)
	case fault.Status>>28 == 0xC:
		return ofNT(call, fault.Status)
	}
	return numbered(call, fault.Status)
}

var _ = wts.ErrorAccessDenied
