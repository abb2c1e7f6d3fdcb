package tsts

import (
	"context"
	"math"

	"msg/internal/wts"
)

// caller is a connection to one interface. Calls come one after another; the end
// of ctx closes it.
type caller interface {
	Call(ctx context.Context, opnum uint16, stub []byte) ([]byte, error)
	Close() error
}

// call makes one call.
func call(ctx context.Context, c caller, name string, opnum uint16, in, out Body) error {
	stub, err := c.Call(ctx, opnum, Marshal(in))
	if err != nil {
		return ofRPC(name, err)
	}
	return Unmarshal(stub, out)
}

// info is what is asked about a session.
type info struct {
	user, domain string
	times        wts.Times
}

// opens opens a handle of an interface, and closes the one before.
func opens(ctx context.Context, c caller, h *Handle, name string, open uint16, in Body, closing uint16) error {
	if *h != (Handle{}) {
		_ = call(ctx, c, "closing", closing, &HandleArgs{*h}, &HandleResult{}) // of what it was for, all is done
		*h = Handle{}
	}
	var opened HandleResult
	if err := call(ctx, c, name, open, in, &opened); err != nil {
		return err
	}
	if err := ofStatus(name, opened.Status); err != nil {
		return err
	}
	*h = opened.Handle
	return nil
}

// lsmList lists sessions by TermSrvEnumeration.
func lsmList(ctx context.Context, c *conn) ([]wts.Session, error) {
	if err := opens(ctx, c.lists, &c.list, "RpcOpenEnum", OpOpenEnum, &Nothing{}, OpCloseEnum); err != nil {
		return nil, err
	}
	var list EnumResult
	err := call(ctx, c.lists, "RpcGetEnumResult", OpGetEnumResult, &EnumArgs{c.list, levelNames}, &list)
	if err == nil {
		err = ofStatus("RpcGetEnumResult", list.Status)
	}
	if err != nil {
		return nil, err
	}
	return sessionsOf(list.Entries), nil
}

func sessionsOf(entries []Entry) []wts.Session {
	list := make([]wts.Session, len(entries))
	for i, e := range entries {
		list[i] = wts.Session{ID: uint32(e.ID), Name: e.Name, State: e.State}
	}
	return list
}

// lsmInfo asks about a session by TermSrvSession. Its clock is taken for ours:
// the call does not tell it.
func (r *remote) lsmInfo(ctx context.Context, c caller, id uint32) (info, error) {
	var x InfoExResult
	const name = "RpcGetSessionInformationEx"
	if err := call(ctx, c, name, OpGetSessionInformationEx, &InfoExArgs{int32(id), infoLevel}, &x); err != nil {
		return info{}, err
	}
	if err := ofStatus(name, x.Status); err != nil {
		return info{}, err
	}
	return info{x.User, x.Domain, wts.Times{LastInput: x.LastInput, Logon: x.Logon, Current: r.now()}}, nil
}

// lsmBox shows a box by TermSrvSession.
func lsmBox(ctx context.Context, c *conn, id uint32, b wts.Box, wait bool) (wts.Response, error) {
	if err := opens(ctx, c.calls, &c.box, "RpcOpenSession", OpOpenSession, &SessionArgs{int32(id)}, OpCloseSession); err != nil {
		return 0, err
	}
	var shown BoxResult
	args := &BoxArgs{c.box, b.Title, b.Text, b.Style, seconds(b), !wait}
	err := call(ctx, c.calls, "RpcShowMessageBox", OpShowMessageBox, args, &shown)
	if err == nil {
		err = ofStatus("RpcShowMessageBox", shown.Status)
	}
	return shown.Response, err
}

// seconds is the time-out of a box, which has whole seconds.
func seconds(b wts.Box) uint32 { return uint32(min(b.Timeout.Seconds(), math.MaxUint32)) }
