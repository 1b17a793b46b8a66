// Package console is the conversation: it takes messages and button presses
// through all checks, has their commands done, and replies.
//
// The way of a command is fixed, each step passes or ends it:
//
//  1. store the update; only then is it confirmed to Telegram
//  2. a new text by a person
//  3. in an allowed chat
//  4. from an operator
//  5. addressed to us
//  6. within the operator's budget
//  7. short enough, and parsed
//  8. fresh
//  9. of a class that the operator may do now
//  10. claimed, and on record, before the effect
//  11. done
//  12. its outcome recorded
//  13. redacted and sent, by the outbox
//
// Steps 2 to 10 of one chat happen in order; doing does not hold up the chat, but
// what is for a session reaches the gateway in order. At most four commands of one
// operator run at once. Those that decide, stop or tell how things are (/approve,
// /deny, /pending, /stop, /status, /whoami, /help) do not count among them, as they
// must work while four others hang; /auth and /lock are done at admission.
// The package knows nothing of Telegram's types, of HTML or of message length.
package console
