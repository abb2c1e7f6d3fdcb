package dcerpc

import (
	"context"
	"errors"
	"fmt"
)

// spnegoAcceptor is the server's half of a negotiation.
type spnegoAcceptor struct {
	known   func(oid) acceptor // a new half of a mechanism, or nil
	list    []byte             // of the client's mechanisms, as it came
	chosen  acceptor
	needMIC bool // not the client's first was chosen
	done    bool
}

func (a *spnegoAcceptor) account() Account { return a.chosen.account() }

func (a *spnegoAcceptor) session() session {
	if !a.done {
		return nil
	}
	return a.chosen.session()
}

func (a *spnegoAcceptor) step(ctx context.Context, in []byte) ([]byte, error) {
	if a.chosen == nil {
		return a.choose(ctx, in)
	}
	r, err := readNegResp(in)
	switch {
	case err != nil:
		return nil, err
	case a.done:
		return nil, errors.New("a further token of SPNEGO")
	case r.state == negReject:
		return nil, errors.New("the client refuses to go on")
	}
	var out []byte
	if a.chosen.session() == nil {
		if out, err = a.chosen.step(ctx, r.token); err != nil {
			return nil, err
		}
	}
	if a.chosen.session() == nil || a.needMIC && r.mic == nil {
		return a.more(r, out)
	}
	return a.finish(r, out)
}

// choose takes the first of the client's mechanisms that is known here. The
// client's token is for the first on its list: if that is another (Windows has
// NegoEx or Kerberos there), the client is asked for one of what was chosen,
// and to prove the list ([MS-SPNG] 3.2.5.2).
func (a *spnegoAcceptor) choose(ctx context.Context, in []byte) ([]byte, error) {
	i, err := readNegInit(in)
	if err != nil {
		return nil, err
	}
	a.list = i.list
	for at, mech := range i.mechs {
		if a.chosen = a.known(mech); a.chosen == nil {
			continue
		}
		r := negResp{state: negIncomplete, mech: mech}
		if a.needMIC = at != 0; a.needMIC {
			r.state = negRequestMIC
		} else if i.token != nil {
			r.token, err = a.chosen.step(ctx, i.token)
		}
		return r.bytes(), err
	}
	return nil, errors.New("the client offers no kind of authentication that is known here")
}

// more waits for the client's next token, or for its MIC alone.
func (a *spnegoAcceptor) more(r negResp, out []byte) ([]byte, error) {
	if out == nil && r.token == nil {
		return nil, fmt.Errorf("%w: the client does not prove the list of mechanisms", ErrSecurity)
	}
	return negResp{state: negIncomplete, token: out}.bytes(), nil
}

// finish checks the client's MIC, and answers it with one.
func (a *spnegoAcceptor) finish(r negResp, out []byte) ([]byte, error) {
	last := negResp{state: negCompleted, token: out}
	if r.mic != nil {
		s := a.chosen.session()
		err := s.checkMIC(a.list, r.mic)
		if err != nil {
			return nil, err
		}
		if last.mic, err = s.mic(a.list); err != nil {
			return nil, err
		}
	}
	a.done = true
	return last.bytes(), nil
}
