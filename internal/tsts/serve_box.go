package tsts

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"msg"
	"msg/internal/wts"
)

// Further styles and responses of a message box (winuser.h), which have no set
// of buttons of their own here.
const (
	styleButtons            = 0xf // the set of buttons in a style
	styleAbortRetryIgnore   = 2
	styleCancelTryContinue  = 6
	responseAbort           = 3
	responseTryAgain        = 10
	errorNoResources        = 0x800705AA // ERROR_NO_SYSTEM_RESOURCES
	errorFailed             = 0x80004005 // E_FAIL
	ntInsufficientResources = 0xC000009A
	ntUnsuccessful          = 0xC0000001
)

// set is the buttons of a style, and what each answers.
type set struct {
	buttons msg.Buttons
	codes   map[string]wts.Response
	closed  wts.Response // of a box that was closed without a button
}

// setOf is the set of a style, or the one that is nearest to it.
func setOf(style uint32) set {
	retry := map[string]wts.Response{msg.LabelRetry: wts.ResponseRetry, msg.LabelCancel: wts.ResponseCancel}
	yes := map[string]wts.Response{msg.LabelYes: wts.ResponseYes, msg.LabelNo: wts.ResponseNo, msg.LabelCancel: wts.ResponseCancel}
	switch style & styleButtons {
	case wts.StyleOKCancel:
		return set{msg.ButtonsOKCancel, map[string]wts.Response{msg.LabelOK: wts.ResponseOK, msg.LabelCancel: wts.ResponseCancel}, wts.ResponseCancel}
	case styleAbortRetryIgnore:
		retry[msg.LabelCancel] = responseAbort
		return set{msg.ButtonsRetryCancel, retry, responseAbort}
	case wts.StyleYesNoCancel:
		return set{msg.ButtonsYesNoCancel, yes, wts.ResponseCancel}
	case wts.StyleYesNo: // a box of Windows cannot be closed otherwise
		return set{msg.ButtonsYesNo, yes, wts.ResponseNo}
	case wts.StyleRetryCancel:
		return set{msg.ButtonsRetryCancel, retry, wts.ResponseCancel}
	case styleCancelTryContinue:
		retry[msg.LabelRetry] = responseTryAgain
		return set{msg.ButtonsRetryCancel, retry, wts.ResponseCancel}
	}
	return set{msg.ButtonsOK, map[string]wts.Response{msg.LabelOK: wts.ResponseOK}, wts.ResponseOK}
}

// box is a message box, whichever interface it came by.
type box struct {
	title, text    string
	style, timeout uint32
	wait           bool
}

// unlined makes the line ends of Windows ours.
var unlined = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// titleOf is the title that is shown. What msg.exe says is what the usual title
// says as well, in the name of whoever has proved to be the sender. Any other
// title has that name behind it: it could say that somebody else wrote this.
func titleOf(title, sender string) string {
	title = strings.TrimSpace(strings.ReplaceAll(unlined.Replace(title), "\n", " "))
	if title == "" || strings.HasPrefix(title, "Message from ") {
		return ""
	}
	behind := " (" + sender + ")"
	for utf8.RuneCountInString(title+behind) > msg.MaxTitle {
		_, size := utf8.DecodeLastRuneInString(title)
		title = title[:len(title)-size]
	}
	return title + behind
}

func (b box) message(sender string) msg.Message {
	now := time.Now()
	return msg.Message{ID: msg.NewID(now), Title: titleOf(b.title, sender), Text: strings.TrimRight(unlined.Replace(b.text), "\n"),
		Buttons: setOf(b.style).buttons, Wait: b.wait, Timeout: time.Duration(b.timeout) * time.Second, Sent: now}
}

// Why a box was not shown. Each interface has a number of its own for it.
var (
	errRefused = errors.New("refused")
	errAbsent  = errors.New("no such session")
	errTooMuch = errors.New("too much")
	errBad     = errors.New("not a message")
	errOther   = errors.New("failed")
)

// show shows a box in a session, and waits for the answer if the caller does.
// Which of several sessions a program of Windows means it does not say: it
// sends to each, and so each is a message to somebody who was named.
func (c *calls) show(ctx context.Context, number int32, b box) (wts.Response, error) {
	p, ok, err := c.find(ctx, number)
	switch {
	case err != nil:
		return 0, errOther
	case !ok:
		return 0, errAbsent
	}
	var last msg.Receipt
	m := b.message(c.who.Sender())
	err = c.server.Service.Send(ctx, c.who, msg.Target{msg.ParseSelector(":" + p.ID)}, m, func(r msg.Receipt) { last = r })
	switch {
	case errors.Is(err, msg.ErrRefused):
		return 0, errRefused
	case errors.Is(err, msg.ErrNoSession):
		return 0, errAbsent
	case errors.Is(err, msg.ErrLimit):
		return 0, errTooMuch
	case errors.Is(err, msg.ErrMessage):
		return 0, errBad
	case err != nil:
		c.server.Log.Error("a message of a remote client", "user", c.who.User, "error", err)
		return 0, errOther
	}
	return response(last, setOf(b.style))
}

// response is what a receipt is in the words of a message box.
func response(r msg.Receipt, s set) (wts.Response, error) {
	switch r.Outcome {
	case msg.OutcomeAccepted:
		return wts.ResponseAsync, nil
	case msg.OutcomeAnswered:
		if code, ok := s.codes[r.Answer]; ok {
			return code, nil
		}
	case msg.OutcomeDismissed:
		return s.closed, nil
	case msg.OutcomeExpired:
		return wts.ResponseTimeout, nil
	case msg.OutcomeRefused:
		return 0, errRefused
	case msg.OutcomeGone:
		return 0, errAbsent
	}
	return 0, errOther
}

// hresult and ntstatus are the numbers for the reasons above.
func hresult(err error) uint32 {
	switch {
	case err == nil:
		return StatusOK
	case errors.Is(err, errRefused):
		return StatusAccessDenied
	case errors.Is(err, errAbsent):
		return StatusFileNotFound
	case errors.Is(err, errTooMuch):
		return errorNoResources
	case errors.Is(err, errBad):
		return StatusInvalidParam
	}
	return errorFailed
}

func ntstatus(err error) uint32 {
	switch {
	case err == nil:
		return StatusOK
	case errors.Is(err, errRefused):
		return NTAccessDenied
	case errors.Is(err, errAbsent):
		return NTNoWinStation
	case errors.Is(err, errTooMuch):
		return ntInsufficientResources
	case errors.Is(err, errBad):
		return NTInvalidParameter
	}
	return ntUnsuccessful
}
