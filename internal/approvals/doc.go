// Package approvals keeps the open approvals of a gateway and decides each of
// them once: it sees to it that people are asked, that the first decision wins,
// that only what the gateway confirms counts as decided, and that everybody,
// the agent included, learns how it ended.
//
// # A case
//
// A [Case] is one approval. Its [State] goes from pending to one of five ends and
// never changes then; while it is pending a [Step] tells who is at it. Every
// change is made by a pure function of the case and what happened ([Case.apply]),
// and holds only after a compare-and-swap in the ledger. So of two people who
// press at the same moment one wins, whatever the order in which we hear of it,
// and after a kill the ledger says what was about to be sent.
//
//	           ┌──────── unsent ────────┐
//	           ▼                        │
//	pending: open ──── allow ────────▶ sending ──┐
//	           │                        ▲        │   what the gateway's
//	           ├─ deny ─▶ asking ───────┘        ├─▶ record says: approved,
//	           │          (reason, or 60 s)      │   denied, expired, cancelled
//	           ├─ time is up ─▶ overdue ─────────┤
//	           ├─ decided elsewhere ─────────────┘
//	           └─ nobody can be reached ───────────▶ undeliverable
//
// A denial never goes back to open: from the press on nobody can approve.
//
// # What is decided
//
// An allowing decision is about the arguments that were shown, by their digest: the
// buttons of a prompt, the swap, and a look at the gateway's list before every send
// hold to it. A call that changes is shown anew; one of a group is asked by itself
// then. A denial is about whatever the call is by now.
//
// # What a crash can do
//
// A decision is in the ledger before it is sent. After a crash its case is found
// as sending, the gateway's own record is asked, and the decision is sent again
// only if the gateway still waits and the press is not old. Sending the same
// decision twice is harmless; sending another one is refused by the gateway.
package approvals
