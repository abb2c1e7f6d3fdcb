package tsts

import (
	"context"
	"fmt"

	"msg/internal/wts"
)

// icaOpen opens the server that all calls of IcaApi need.
func icaOpen(ctx context.Context, c caller) (Handle, error) {
	const name = "RpcWinStationOpenServer"
	var opened IcaOpenResult
	if err := call(ctx, c, name, OpOpenServer, &Nothing{}, &opened); err != nil {
		return Handle{}, err
	}
	return opened.Handle, ofIca(name, opened.OK, opened.Result)
}

// ofIca is the error of a call of IcaApi, which says in one place whether it has
// failed and in another one why.
func ofIca(name string, ok bool, result uint32) error {
	switch {
	case ok:
		return nil
	case result == 0:
		return &wts.Error{Call: name}
	}
	return ofNT(name, result)
}

// icaRoom is the buffer for a part of the list: 100 sessions.
const icaRoom = 100 * IcaEntrySize

// icaList lists sessions by IcaApi.
func icaList(ctx context.Context, c caller, server Handle) ([]wts.Session, error) {
	const name = "RpcWinStationEnumerate"
	var list []wts.Session
	for index := uint32(0); len(list) < maxEntries; {
		var part IcaEnumResult
		if err := call(ctx, c, name, OpEnumerate, &IcaEnumArgs{server, 1<<32 - 1, icaRoom, index}, &part); err != nil {
			return nil, err
		}
		if !part.OK && part.Result == NTNoMoreEntries {
			return list, nil
		}
		if err := ofIca(name, part.OK, part.Result); err != nil {
			return nil, err
		}
		if len(part.Entries) == 0 || part.Index <= index {
			return nil, fmt.Errorf("%s: the list does not go on behind its entry %d", name, index)
		}
		list, index = append(list, sessionsOf(part.Entries)...), part.Index
	}
	return list, nil
}

// icaInfo asks about a session by IcaApi.
func icaInfo(ctx context.Context, c caller, server Handle, id uint32) (info, error) {
	const name = "RpcWinStationQueryInformation"
	var found IcaQueryResult
	args := &IcaQueryArgs{server, int32(id), ClassInformation, InformationSize}
	if err := call(ctx, c, name, OpQueryInformation, args, &found); err != nil {
		return info{}, err
	}
	if err := ofIca(name, found.OK, found.Result); err != nil {
		return info{}, err
	}
	x, err := ParseInformation(found.Data)
	if err != nil {
		return info{}, err
	}
	return info{x.User, x.Domain, wts.Times{LastInput: x.LastInput, Logon: x.Logon, Current: x.Current}}, nil
}

// icaBox shows a box by IcaApi. Its strings are not longer than IcaUnits.
func icaBox(ctx context.Context, c caller, server Handle, id uint32, b wts.Box, wait bool) (wts.Response, error) {
	const name = "RpcWinStationSendMessage"
	if len(units(b.Title)) > IcaUnits || len(units(b.Text)) > IcaUnits {
		return 0, fmt.Errorf("%s takes %d UTF-16 units", name, IcaUnits)
	}
	var shown IcaSendResult
	args := &IcaSendArgs{server, int32(id), b.Title, b.Text, b.Style, seconds(b), !wait}
	if err := call(ctx, c, name, OpSendMessage, args, &shown); err != nil {
		return 0, err
	}
	return shown.Response, ofIca(name, shown.OK, shown.Result)
}
