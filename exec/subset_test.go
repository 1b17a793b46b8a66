package exec_test

import (
	"errors"
	"testing"

	"clawconsole/exec"
)

// walled are attacks on the list of TestAllowListIsAWall: lines in which only what is on
// it seems to run. Each ran "touch p", or another program, in dash or in bash.
var walled = []struct{ attack, line string }{
	{"quotes that are letters within quotes", `git status "${x:-'$(touch p)'}"`},
	{"the same, with backquotes", "git status \"${x:-'`touch p`'}\""},
	{"the same, in a here-document", "git status <<E\n${x:-'$(touch p)'}\nE"},
	{"the same, deeper", `git status "${x:+${y-'$(touch p)'}}"`},
	{"the same, in a pattern", `git status "${x#${y-'$(touch p)'}}"`},

	{"arithmetic is two subshells to dash, which reads all of bash's expansions", `((touch p)); git status ${x^^}`},
	{"a test is a list to dash", `[[ a || touch p ]]; git status ${x^^}`},
	{"the same, with another expansion", `((touch p)); git status ${x/a/b}`},
	{"the same", `((touch p)); git status ${x:1} ${!x} ${x[0]}`},
	{"a loop of C", `for ((touch p;;)); do ls; done`},

	{"a value is a prompt", `git status ${x:='$(touch p)'} ${x@P}`},
	{"a value is arithmetic", `git status ${x:='a[$(touch p)]'} $((x))`},
	{"a value names a variable", `git status ${x:='a[$(touch p)]'} ${!x}`},
	{"a loop sets the value", `for x in 'a[$(touch p)]'; do ls $((x)); done`},
	{"an expansion is arithmetic", `for x in 'a[$(touch p)]'; do ls $(($x)); done`},
	{"so is an offset", `for x in 'a[$(touch p)]'; do ls ${y:x}; done`},
	{"so is a subscript", `for x in 'a[$(touch p)]'; do ls ${y[x]}; done`},
	{"output is arithmetic", `ls $(($(git status)))`},
	{"a test evaluates", `[[ 'a[$(touch p)]' -eq 0 ]] |& git status`},

	{"a loop sets PATH", `for PATH in /tmp; do git status; done`},
	{"a loop sets IFS", `for IFS in s; do ls; done`},
	{"a redirection sets PATH", `ls {PATH}>/dev/null`},
	{"a menu sets REPLY", `select x in a; do ls; done`},

	{"dash does not expand braces", `{ls,-l}`},
	{"dash does not expand braces", `git {status,-s}`},
	{"the end of a word is not on the list", `git stat${x:-us}`},
	{"what is run is in a variable", `for x in status; do git $x; done`},
	{"the script is in a variable", `for x in '; touch p'; do sh -c "ls $x"; done`},
	{"the option is in a variable", `for x in -c; do sh $x 'touch p'; done`},
	{"the command is in a variable", `for x in '5 touch p'; do timeout $x; done`},
	{"a variable moves the words", `for x in '5 touch'; do timeout $x git status; done`},
	{"the script comes from echo", `git status | sh`},
	{"the script comes from echo, to a script", `git status | sh -c sh`},
	{"the script comes from echo, to a function", `ls() { sh; }; git status | ls`},
	{"the script comes from a file that is open", `sh`},
	{"the command does", `xargs timeout 5`},
	{"the command does, in a script", `git status | sh -c 'xargs timeout 5'`},
	{"the program is replaced", `git status | xargs -I ls ls`},
	{"the program is replaced", `git status | xargs -Igit git status`},
	{"the program is replaced", `git status | xargs --replace=ls ls`},
	{"the program is replaced, behind what looks like it", `git status | xargs -di -Ils ls`},
	{"the program is replaced, by an abbreviation", `git status | xargs --repl=ls ls`},
	{"an abbreviation takes a value", `xargs --arg-f ls touch p`},
	{"an abbreviation takes a value", `flock --timeo 5 ls touch p`},
	{"an option that is not known takes a value", `xargs -J ls touch p`},
	{"an option takes none", `parallel -l touch ls`},
	{"an option of ssh runs a command here", `ssh -o ProxyCommand='touch p' h ls`},
	{"an option of ssh runs a command here", `ssh -oProxyCommand='touch p' h ls`},
	{"an option of ssh names a file that does", `ssh -F x h ls`},
	{"an option of strace does", `strace -o '|touch p' ls`},
	{"an option of parallel does", `parallel -S 'touch p;' ls ::: a`},
	{"an option writes a file", `time -o p ls`},
	{"the script is in the input", `git status | xargs sh`},
	{"a control character", "git status \x01"},
	{"&> ends a command of dash", `git status &>/dev/null touch p`},
	{"so does &>>", `git status &>>/dev/null touch p`},
	{"each argument is a command", `parallel ::: ls 'touch p'`},
	{"each argument is the command", `parallel {} ::: 'touch p'`},
	{"a coprocess", `coproc ls`},
	{"a function of another name", `function git { ls; }`},
	{"an array", `x=(a b)`},
}

// covered are lines under the same list that run nothing else.
var covered = []string{
	`git status "${x:-a}" ${x:-'a b'} "${x%.gz}" "${x#'a'}" ${x##*/} "${#x}"`,
	`git status "${x:+$(ls 'a b')}"`,
	"git status <<E\n${x:-a} it's\nE",
	`ls $((1 + 2 * (3 << 4)))`,
	`for file in a b; do ls "$file"; done`,
	`ls {a,b}.go`, `ls *.{go,md} $HOME "$1"`,
	`timeout 5 ls $x`, `git status | xargs ls "$x"`, `git status | xargs -I{} ls {}`, `sh -c 'ls "$1"' sh $x`,
	`ssh -p 22 -i key h ls`, `strace -f -e open ls`, `time ls`,
	`parallel ls ::: a b`, `parallel -j 2 ls ::: a b`,
	`git status | xargs -0 -n1 -P 2 ls`, `git status | xargs -0rn 1 ls`, `timeout -k 5 --signal KILL 5 ls`,
	`timeout --signal=KILL 5 ls`, `flock -n -w 5 x ls`, `nice -5 ls -l`,
	`case "$x" in a | 'b') ls;; *) git status;; esac`,
	`until ls; do git status; done`,
	`git() { ls "$@"; }; git status`,
	`ls $'a\tb'`,
	`ls <(git status) > /dev/null 2>&1 || ls <<< "$x"`,
	"ls # note \\ \ngit status",
}

func TestAllowListIsAWall(t *testing.T) {
	p := policy(t, "git status", "ls", "sh", "timeout", "xargs", "parallel", "flock", "nice -5 ls", "ssh", "strace", "time")
	for _, tt := range walled {
		argv, err := p.Check(tt.line)
		var refused *exec.Refused
		if !errors.As(err, &refused) || argv != nil {
			t.Errorf("%s: Check(%q) = %q, %v, want refused", tt.attack, tt.line, argv, err)
		}
	}
	for _, line := range covered {
		if _, err := p.Check(line); err != nil {
			t.Errorf("Check(%q) = %v, want allowed", line, err)
		}
	}
}
