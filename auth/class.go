package auth

import (
	"fmt"
	"slices"
)

// Class is how much harm a command can do, and so what it takes to be admitted.
type Class int

const (
	Unknown   Class = iota // the zero value; always refused
	Safe                   // reads; needs the right only
	Moderate               // changes something; needs an unlock if there is a second factor
	Dangerous              // can do anything; needs a second factor, an unlock and a yes
	Approve                // the right to decide approvals
)

var classNames = [...]string{Unknown: "unknown", Safe: "safe", Moderate: "moderate", Dangerous: "dangerous", Approve: "approve"}

// ParseClass is the inverse of [Class.String] for every class but Unknown, which
// cannot be written in a configuration.
func ParseClass(s string) (Class, error) {
	for c := Safe; c <= Approve; c++ {
		if s == classNames[c] {
			return c, nil
		}
	}
	return Unknown, fmt.Errorf("%q is not a class: safe, moderate, dangerous or approve", s)
}

// String returns the class as it is written in a configuration.
func (c Class) String() string {
	if !c.known() {
		return classNames[Unknown]
	}
	return classNames[c]
}

func (c Class) known() bool { return c >= Safe && c <= Approve }

// Caller is who sent one message or pressed one button, in Telegram's numbers,
// before anybody knows whether they are an operator. Names are no part of it:
// they can be changed at will.
type Caller struct {
	UserID  int64
	ChatID  int64
	TopicID int64 // forum topic (message_thread_id), 0 outside topics
	Private bool  // the chat's type is "private"
}

// Operator is a person on the allowlist.
type Operator struct {
	ID   int64  // Telegram's numeric user id
	Name string // for replies and the record; decides nothing
	May  []Class
}

// Can reports whether o holds the right c. Nobody can Unknown.
func (o Operator) Can(c Class) bool { return c.known() && slices.Contains(o.May, c) }

func (o Operator) clone() Operator {
	o.May = slices.Clone(o.May)
	return o
}

// Group is a group chat in which operators may speak.
type Group struct {
	ID     int64   // negative, as Telegram numbers groups
	Topics []int64 // forum topics; empty: all of them
}

func (g Group) has(topic int64) bool { return len(g.Topics) == 0 || slices.Contains(g.Topics, topic) }

// Grant says that an operator was admitted for one class. Only [Gate.Admit] makes
// one; the zero Grant covers nothing and belongs to nobody. A grant does not
// expire: what it admitted may still wait in a queue when the unlock ends.
type Grant struct {
	class    Class
	operator Operator
	caller   Caller
}

// Covers reports whether g was given for exactly the class c. A grant for a
// dangerous command does not cover a safe one: each request is asked for anew.
func (g Grant) Covers(c Class) bool { return c.known() && g.class == c }

// Operator returns who was admitted, with a copy of their rights.
func (g Grant) Operator() Operator { return g.operator.clone() }

// Caller returns where the request came from.
func (g Grant) Caller() Caller { return g.caller }
