package exec

import "errors"

// Policy says what /run may run. Nothing is run that it cannot read.
type Policy struct {
	allow [][]string
}

// Refused is the error of a [Policy].
type Refused struct {
	Part     string // of the command line, as typed
	Why      string // one line
	Straight string // the line with plain quotes and dashes, if typography is why
}

func (r *Refused) Error() string { return r.Why + ": " + r.Part }

// NewPolicy returns the policy with an allow list of command prefixes, such as
// "git status"; an empty list allows everything that the seat belt lets pass. An
// entry that is not a list of plain words is an error.
func NewPolicy(allow []string) (*Policy, error) { return &Policy{}, nil }

// Check decides about a payload for the shell and returns the argument list that runs
// it, byte for byte. The error is a *[Refused].
func (p *Policy) Check(payload string) ([]string, error) {
	return nil, errors.New("not implemented")
}

// CheckArgv decides about an argument list that is run without a shell and returns it
// unchanged. The error is a *[Refused].
func (p *Policy) CheckArgv(argv []string) ([]string, error) {
	return nil, errors.New("not implemented")
}

// Straighten returns line with the quotes and dashes that a phone types in place of
// plain ones made plain again, and whether there were any.
func Straighten(line string) (straight string, changed bool) { return line, false }
