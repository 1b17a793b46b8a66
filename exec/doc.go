// Package exec runs a program with limits on time and output, and ends all of it:
// its process group, and every process that came from it, also when that has
// left the group, made itself a daemon or ignores SIGTERM.
//
// The second half of the package is the guard of /run: a [Policy] reads a command
// line as the shell would and refuses what is not on its list, or what looks
// destructive. The list is a wall. To refuse what looks destructive is a seat belt:
// it stops mistakes, not somebody who sets out to get around it.
//
// # How everything is ended
//
// A process that detaches is adopted by init, and nothing tells any more where it
// came from. Linux lets another process be the one that adopts: [Run] starts
// this same binary once more, as a small supervisor, which makes itself the
// subreaper of what it then starts. All that descends from the program stays
// below the supervisor, whatever it does, and the wait for children is over only
// when none is left. The console itself is no subreaper: its other children, such
// as a gateway that it was asked to start, are found by nobody. The supervisor
// ends its tree also when the console dies.
//
// What has the rights of another user (a setuid program) cannot be signalled and
// is counted in [Result.Survivors]; a program that kills its supervisor first
// gets away, but for the process that was started directly.
package exec
