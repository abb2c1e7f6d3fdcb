package dcerpc

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// spnegoClient is the client's half of a negotiation.
type spnegoClient struct {
	offered []Initiator
	list    []byte // of their mechanisms, as it was sent

	chosen  Initiator // nil before the server's first answer
	needMIC bool      // the server did not take the first, so that the list has to be proved
	sentMIC bool
	done    bool
}

// NewSPNEGO lets the server choose among mechanisms, the preferred one first.
// That is what Windows asks of callers of Terminal Services ([MS-TSTS] 4).
func NewSPNEGO(preferred ...Initiator) Initiator { return &spnegoClient{offered: preferred} }

func (n *spnegoClient) kind() uint8  { return authSPNEGO }
func (n *spnegoClient) mechs() []oid { return nil }

func (n *spnegoClient) session() session {
	if !n.done {
		return nil
	}
	return n.chosen.session()
}

func (n *spnegoClient) step(ctx context.Context, in []byte) ([]byte, error) {
	if n.list == nil {
		return n.begin(ctx)
	}
	r, err := readNegResp(in)
	switch {
	case err != nil:
		return nil, err
	case r.state == negReject:
		return nil, errors.New("the server accepts none of the kinds of authentication that were offered")
	case n.chosen == nil:
		return n.choose(ctx, r)
	case n.chosen.session() == nil:
		return n.inner(ctx, r.token)
	}
	return n.finish(r)
}

// begin offers all mechanisms, with the first token of the first.
func (n *spnegoClient) begin(ctx context.Context) ([]byte, error) {
	var mechs []oid
	for _, i := range n.offered {
		mechs = append(mechs, i.mechs()...)
	}
	if len(mechs) == 0 {
		return nil, errors.New("there is no kind of authentication to offer")
	}
	token, err := n.offered[0].step(ctx, nil)
	if err != nil {
		return nil, err
	}
	n.list = mechList(mechs)
	return negInit{list: n.list, token: token}.bytes(), nil
}

// choose takes the mechanism that the server chose. A token of another than
// the first was not sent yet.
func (n *spnegoClient) choose(ctx context.Context, r negResp) ([]byte, error) {
	at := slices.IndexFunc(n.offered, func(i Initiator) bool { return slices.Contains(i.mechs(), r.mech) })
	if at < 0 {
		return nil, fmt.Errorf("%w: the server chose a kind of authentication that was not offered", ErrSecurity)
	}
	n.chosen = n.offered[at]
	n.needMIC = at != 0 || r.state == negRequestMIC
	if at != 0 {
		return n.inner(ctx, nil)
	}
	return n.inner(ctx, r.token)
}

// inner goes on with the mechanism. NTLM proves the list always, because
// Windows expects it.
func (n *spnegoClient) inner(ctx context.Context, token []byte) ([]byte, error) {
	out, err := n.chosen.step(ctx, token)
	if err != nil {
		return nil, err
	}
	r := negResp{state: negNone, token: out}
	if s := n.chosen.session(); s != nil && (n.needMIC || n.chosen.kind() == authNTLM) {
		if r.mic, err = s.mic(n.list); err != nil {
			return nil, err
		}
		n.sentMIC = true
	}
	return r.bytes(), nil
}

// finish looks at the server's last answer. Who sends a MIC gets one
// (RFC 4178 section 5): without it somebody may have changed the list.
func (n *spnegoClient) finish(r negResp) ([]byte, error) {
	switch {
	case r.state != negCompleted:
		return nil, fmt.Errorf("%w: the server does not complete the negotiation", ErrSecurity)
	case len(r.token) > 0:
		return nil, fmt.Errorf("%w: a token after the last", ErrSecurity)
	case r.mic == nil && (n.sentMIC || n.needMIC):
		return nil, fmt.Errorf("%w: the server does not prove the list of mechanisms", ErrSecurity)
	case r.mic != nil:
		if err := n.chosen.session().checkMIC(n.list, r.mic); err != nil {
			return nil, err
		}
	}
	n.done = true
	return nil, nil
}
