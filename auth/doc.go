// Package auth decides whether a person may do something of a class now.
//
// It knows who is on the allowlist, in which chats they may speak, who has
// unlocked with the second factor and until when, who is locked out after wrong
// secrets, and how fast each operator may go. It knows nothing about commands,
// and of a chat only its numbers.
//
// The answer to "may I?" is a [Grant] or a [*Refusal]. Only [Gate.Admit] makes a
// grant that covers anything, so a function that takes a Grant cannot be reached
// unadmitted.
package auth
