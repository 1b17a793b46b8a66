package approvals

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"clawconsole/openclaw"
)

// A Risk is something to look at twice.
type Risk struct {
	Note   string // one short line of ours
	Detail string // what of the call it is about; untrusted; may be empty
}

// Risks returns what a person should look at twice before they allow a, in a
// fixed order. It goes by patterns, so it is the same for the same call, and it
// proves nothing: a call without notes is not harmless.
func Risks(a openclaw.Approval) []Risk {
	text := strings.Join([]string{a.Command, a.Title, a.Description, a.Detail}, "\n")
	text = separator.ReplaceAllString(unescapeGateway(text), " ")
	var notes []Risk
	add := func(note, detail string) { notes = append(notes, Risk{note, detail}) }
	for _, r := range risks {
		if r.pattern.MatchString(text) {
			add(r.note, "")
		}
	}
	if a.Kind == openclaw.KindExec {
		for _, dest := range written(text) {
			if outside(dest, a.Cwd) {
				add("writes outside the workspace", dest)
			}
		}
	}
	if a.Host != "" && a.Host != "gateway" && a.Host != "sandbox" {
		add("runs on another machine", a.Host)
	}
	if a.Severity == "critical" {
		add("critical, by the plugin's own word", "")
	}
	if a.CronJobID != "" {
		add("asked by an automation, not in a conversation", "")
	}
	if a.ScopeKind == "standing-grant" {
		add("always would be a standing grant for the automation", "")
	}
	if strings.ContainsFunc(text, hidden) || gatewayHidden.MatchString(text) {
		add("has characters that cannot be seen, shown as escapes", "")
	}
	return notes
}

// separator is what a shell makes a blank of, as a way to write one without.
var separator = regexp.MustCompile(`\$\{IFS[^}\s]*\}|\$IFS\b`)

type risk struct {
	note    string
	pattern *regexp.Regexp
}

const (
	word    = `(?:^|[\s;&|(` + "`" + `'"/])` // before a program's name
	after   = `(?:[\s;&|)"'` + "`" + `]|$)`  // behind one
	shells  = `(?:ba|z|k|da|a|fi|c|tc)?sh`
	interps = `(?:` + shells + `|python[0-9.]*|perl|ruby|node|php|source|\.)`
	fetches = `(?:curl|wget|fetch|aria2c|http|nc|ncat)`
)

var risks = []risk{
	{"pipes a download into a shell or interpreter", regexp.MustCompile(`(?i)` + word + fetches + `\b[^\n;&]*\|[^\n;]*\b` + interps + after + `|` + word + interps + `\s[^\n;]*(?:<\(|\$\(|` + "`" + `)\s*` + fetches + `\b|\beval\b[^\n]*` + fetches + `\b`)},
	{"runs decoded text", regexp.MustCompile(`(?i)(?:base64|base32|xxd|openssl\s+enc)\b[^\n;]*-(?:-decode|d|D|r)\b[^\n;]*\|[^\n;]*\b` + interps + after)},
	{"deletes files and folders recursively", regexp.MustCompile(word + `rm\s+(?:-\S+\s+)*(?:-[a-zA-Z]*[rR]|--recursive)|` + word + `find\b[^\n;|]*\s-delete\b|` + word + `shred\b`)},
	{"overwrites a disk or file system", regexp.MustCompile(word + `(?:mkfs\S*|wipefs|fdisk|parted)\s|\bdd\b[^\n]*\bof=/dev/|>\s*/dev/(?:sd|nvme|disk|vd)`)},
	{"runs as another user", regexp.MustCompile(word + `(?:sudo|doas|su|runuser|pkexec)\s`)},
	{"changes rights or owners", regexp.MustCompile(word + `(?:chmod|chown|chgrp|setfacl|setcap|usermod|passwd|visudo)\s`)},
	{"ends or restarts a service or the machine", regexp.MustCompile(word + `(?:shutdown|reboot|halt|poweroff|init\s+[06]|killall|pkill|kill\s+-9|systemctl\s+(?:\S+\s+)*(?:stop|restart|disable|mask)|service\s+\S+\s+(?:stop|restart))\b`)},
	{"stays after it has ended (start-up file, timer, service)", regexp.MustCompile(`(?i)\bcrontab\b|/etc/cron|systemctl\s+(?:\S+\s+)*enable|\.(?:bashrc|zshrc|profile|bash_profile)\b|/etc/(?:rc\.local|profile\.d)|authorized_keys|LaunchAgents|\bnohup\b|\bdisown\b`)},
	{"reads or writes credentials", regexp.MustCompile(`(?i)\.ssh/|id_rsa|id_ed25519|/etc/shadow|\.aws/|\.kube/config|\.netrc|\.pgpass|\.docker/config|\.gnupg|(?:^|[\s/'"=])\.env(?:\.\w+)?(?:$|[\s'";|&])|openclaw\.json|\bprintenv\b|keychain|\bcredentials?\b\S*\.(?:json|ya?ml|toml|ini)`)},
	{"sends data to the network", regexp.MustCompile(`(?i)` + word + `curl\b[^\n;|]*\s(?:-d|-F|-T|--data\S*|--form|--upload-file|-X\s*(?:POST|PUT|PATCH|DELETE)|--request[= ](?:POST|PUT|PATCH|DELETE))|` + word + `wget\b[^\n;|]*--post|` + word + `(?:scp|sftp|rsync|ssh|nc|ncat|telnet|ftp)\s|/dev/tcp/`)},
	{"installs or runs code from a registry", regexp.MustCompile(word + `(?:pip3?|uv|npm|pnpm|yarn|gem|cargo|go|brew|apt|apt-get|dnf|yum|apk)\s+(?:-\S+\s+)*(?:install|add|i|run|get|exec|dlx)\b|` + word + `(?:npx|uvx|pipx|bunx)\s`)},
	{"runs code given in the command itself", regexp.MustCompile(word + `(?:python[0-9.]*|perl|ruby|node|php|` + shells + `)\s+(?:-\S+\s+)*(?:-c|-e|-r|--eval)\b|` + word + `eval\s`)},
	{"rewrites history or discards work in git", regexp.MustCompile(`\bgit\b[^\n;|]*(?:push\b[^\n;|]*(?:--force|-f\b|--delete|\s\+)|reset\s+--hard|clean\s+-[a-zA-Z]*f|branch\s+-D|filter-branch|reflog\s+expire)`)},
	{"changes or deletes data in a database", regexp.MustCompile(`(?i)\b(?:drop\s+(?:table|database|schema|index)|truncate\s+(?:table\s+)?\w|delete\s+from\s|update\s+\w+\s+set\s|flushall|flushdb)`)},
	{"changes infrastructure", regexp.MustCompile(word + `(?:kubectl|helm|terraform|tofu|pulumi|aws|gcloud|az|ansible\S*|docker|podman|nomad)\s[^\n;|]*\b(?:delete|destroy|apply|drain|cordon|scale|rollout|terminate|rm|rmi|prune|uninstall|upgrade|remove|stop|kill)\b`)},
	{"gives a container the host", regexp.MustCompile(`--privileged\b|-v\s*/:|--volume[= ]/:|--pid[= ]host|--net(?:work)?[= ]host|/var/run/docker\.sock`)},
	{"loads foreign code into programs", regexp.MustCompile(`\bLD_(?:PRELOAD|LIBRARY_PATH)=|\bDYLD_|\bNODE_OPTIONS=|\bPYTHONPATH=`)},
	{"hides its traces", regexp.MustCompile(`\bhistory\s+-c\b|HISTFILE=|HISTSIZE=0|\bjournalctl\b[^\n;|]*--vacuum|>\s*/var/log/`)},
	{"never ends by itself or multiplies", regexp.MustCompile(`:\(\)\s*\{|while\s+(?:true|:)|\byes\b\s*\|`)},
}

var (
	redirect = regexp.MustCompile(`(?:^|[^0-9&<>-])[0-9]?>{1,2}\|?\s*['"]?((?:~|/|\.\./|\$HOME)[^\s;&|'")]*)`)
	targets  = regexp.MustCompile(word + `(?:tee|touch|mkdir|truncate|ln|rm|rmdir|chmod|chown|sed\s+-i\S*|cp|mv|install|dd|unzip|tar)\s([^\n;&|]*)`)
	lastArgs = regexp.MustCompile(`(?:^|\s|=)['"]?((?:~|/|\.\./|\$HOME)[^\s;&|'")]*)`)
)

// written returns the paths that a command names as places to write to, absolute
// ones and those that climb out of where it runs.
func written(command string) (paths []string) {
	for _, m := range redirect.FindAllStringSubmatch(command, -1) {
		paths = append(paths, m[1])
	}
	for _, m := range targets.FindAllStringSubmatch(command, -1) {
		for _, arg := range lastArgs.FindAllStringSubmatch(m[1], -1) {
			paths = append(paths, arg[1])
		}
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	return paths[:min(len(paths), 3)]
}

// outside reports whether dest is not below dir.
func outside(dest, dir string) bool {
	switch {
	case dest == "/dev/null", dest == "/dev/stdout", dest == "/dev/stderr":
		return false
	case strings.HasPrefix(dest, "~"), strings.HasPrefix(dest, "$HOME"):
		return true
	case !path.IsAbs(dest):
		dest = path.Join(dir, dest)
	}
	dest, dir = path.Clean(dest), path.Clean(dir)
	return dir == "." || dir == "/" || dest != dir && !strings.HasPrefix(dest, dir+"/")
}

// hidden reports whether r changes how text looks without being seen.
func hidden(r rune) bool {
	switch {
	case r == '\n', r == '\t', r == '\r':
		return false
	case r < ' ', r == 0x7f, r >= 0x80 && r < 0xa0:
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r == 0xfeff, r == 0xad, r == 0x34f, r == 0x61c:
		return true
	}
	return r >= 0xe0000 && r <= 0xe007f
}

// gatewayHidden is the gateway's way to show what cannot be seen.
var gatewayHidden = regexp.MustCompile(`\\u\{[0-9A-Fa-f]+\}`)

var gatewayEscape = regexp.MustCompile(`\\u\{(A|D|9)\}`)

// unescapeGateway turns the gateway's way to show line ends and tabs back into
// them, so that patterns see where a command ends.
func unescapeGateway(s string) string {
	return gatewayEscape.ReplaceAllStringFunc(s, func(m string) string {
		if m == `\u{9}` {
			return "\t"
		}
		return "\n"
	})
}
