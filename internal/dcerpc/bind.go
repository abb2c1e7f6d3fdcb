package dcerpc

import (
	"fmt"

	"msg/internal/ndr"
)

// presentation is one entry of a bind: an interface, and the forms of data in which
// the client can speak it.
type presentation struct {
	id       uint16
	iface    Syntax
	transfer []Syntax
}

// bind is the body of a bind or alter_context, [C706] 12.6.4.3.
type bind struct {
	maxXmit, maxRecv uint16
	group            uint32
	contexts         []presentation
}

func (b bind) write(w *ndr.Writer) {
	w.U16(b.maxXmit)
	w.U16(b.maxRecv)
	w.U32(b.group)
	w.U8(uint8(len(b.contexts)))
	w.Zero(3)
	for _, c := range b.contexts {
		w.U16(c.id)
		w.U8(uint8(len(c.transfer)))
		w.U8(0)
		c.iface.write(w)
		for _, t := range c.transfer {
			t.write(w)
		}
	}
}

func readBind(r *ndr.Reader) (bind, error) {
	b := bind{maxXmit: r.U16(), maxRecv: r.U16(), group: r.U32()}
	n := int(r.U8())
	r.Take(3)
	if n > maxContexts {
		return b, fmt.Errorf("%w: a bind with %d contexts, more than %d", errPDU, n, maxContexts)
	}
	for range n {
		c := presentation{id: r.U16()}
		syntaxes := int(r.U8())
		r.Take(1)
		c.iface = readSyntax(r)
		if syntaxes > maxSyntaxes {
			return b, fmt.Errorf("%w: a context with %d syntaxes, more than %d", errPDU, syntaxes, maxSyntaxes)
		}
		for range syntaxes {
			c.transfer = append(c.transfer, readSyntax(r))
		}
		b.contexts = append(b.contexts, c)
	}
	return b, bodyError("a bind", r)
}

// Results of a context, [C706] 12.6.3.1 and [MS-RPCE] 2.2.2.4.
const (
	resultAccepted = 0
	resultRejected = 2 // by the provider, with one of the reasons
	resultFeatures = 3 // negotiate_ack: the reason has the features

	reasonInterface = 1 // abstract_syntax_not_supported
	reasonTransfer  = 2 // proposed_transfer_syntaxes_not_supported
)

// result is the answer to one context.
type result struct {
	result, reason uint16
	transfer       Syntax
}

// bindAck is the body of a bind_ack or alter_context_resp.
type bindAck struct {
	maxXmit, maxRecv uint16
	group            uint32
	address          string // secondary address: the pipe
	results          []result
}

func (a bindAck) write(w *ndr.Writer) {
	w.U16(a.maxXmit)
	w.U16(a.maxRecv)
	w.U32(a.group)
	if a.address == "" {
		w.U16(0)
	} else {
		w.U16(uint16(len(a.address) + 1))
		w.Bytes([]byte(a.address))
		w.U8(0)
	}
	w.Align(4)
	w.U8(uint8(len(a.results)))
	w.Zero(3)
	for _, r := range a.results {
		w.U16(r.result)
		w.U16(r.reason)
		r.transfer.write(w)
	}
}

func readBindAck(r *ndr.Reader) (bindAck, error) {
	a := bindAck{maxXmit: r.U16(), maxRecv: r.U16(), group: r.U32()}
	if n := int(r.U16()); n > 0 {
		if b := r.Take(n); b != nil {
			a.address = string(b[:n-1])
		}
	}
	r.Align(4)
	n := int(r.U8())
	r.Take(3)
	if n > maxContexts {
		return a, fmt.Errorf("%w: %d results of a bind, more than %d", errPDU, n, maxContexts)
	}
	for range n {
		a.results = append(a.results, result{r.U16(), r.U16(), readSyntax(r)})
	}
	return a, bodyError("an answer to a bind", r)
}

// bindNak writes a refusal, with the one version that is spoken here.
func bindNak(call uint32, reason uint16) []byte {
	w := begin(kindBindNak, flagWhole, call)
	w.U16(reason)
	w.Bytes([]byte{1, 5, 0}) // versions
	w.Align(4)
	return finish(w, nil)
}

// bodyError is the error of a body that was read.
func bodyError(what string, r *ndr.Reader) error {
	if err := r.Err(); err != nil {
		return fmt.Errorf("%w: %s: %v", errPDU, what, err)
	}
	return nil
}
