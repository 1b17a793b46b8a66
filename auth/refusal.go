package auth

import "errors"

// Reasons of a [Refusal], one for each. They are for the log and the record;
// the operator reads [Refusal.Error].
var (
	ErrStranger     = errors.New("not an operator in an allowed chat")
	ErrNotPrivate   = errors.New("secret sent outside a private chat")
	ErrUnknownClass = errors.New("unknown class")
	ErrRight        = errors.New("operator lacks the right")
	ErrNoFactor     = errors.New("no second factor configured")
	ErrLockedOut    = errors.New("locked out")
	ErrUnsaved      = errors.New("attempt could not be saved")
	ErrWrongSecret  = errors.New("wrong secret")
	ErrLocked       = errors.New("not unlocked")
	ErrUnconfirmed  = errors.New("not confirmed")
	ErrRateLimited  = errors.New("rate limited")
)

// unauthorized is all that anybody learns of a refusal that has to do with
// rights or secrets: which of them failed would help only the one who guesses.
const unauthorized = "unauthorized"

// Refusal is the error of a [Gate]. It wraps exactly one of the sentinels above.
type Refusal struct {
	Reason error // one of the sentinels
	Class  Class // what was asked for; Unknown if no class was involved
	Cause  error // what went wrong on our side, for the log; usually nil
}

// Error returns what the operator is told, in full.
func (r *Refusal) Error() string {
	switch r.Reason {
	case ErrNotPrivate:
		return "secrets are taken in a private chat only"
	case ErrUnconfirmed:
		return "not confirmed, add --yes"
	case ErrRateLimited:
		return "rate limited (try again later)"
	}
	return unauthorized
}

// Unwrap returns the reason and, if there is one, the cause.
func (r *Refusal) Unwrap() []error {
	if r.Cause != nil {
		return []error{r.Reason, r.Cause}
	}
	return []error{r.Reason}
}
