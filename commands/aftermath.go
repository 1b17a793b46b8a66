package commands

import "clawconsole/auth"

// Aftermath says how to learn what came of a command whose outcome is unknown, as
// the console ended while it ran: "check /gateway status". line is the command as
// typed, key the one of its [Request].
func (e *Env) Aftermath(line, key string) string {
	r, err := Parse(line, "")
	switch {
	case err != nil:
		return "check /gateway status"
	case r.Class == auth.Safe:
		return "send it again"
	}
	switch cmd := r.Command.(type) {
	case *Session:
		if cmd.Again != "" {
			key = cmd.Again
		}
		return lookAgain(cmd.Key, key)
	case *Agent:
		session := e.Agents[cmd.Label]
		if session == "" {
			session = target{agentID: cmd.Label}.session()
		}
		return lookAgain(session, key)
	case *CronRun:
		return "check /cron runs " + quoteWord(cmd.ID)
	case *Stop:
		return "check /sessions"
	case *Approve, *Deny:
		return "check /pending"
	case *Run:
		return "see on its host what it has done"
	}
	return "check /gateway status"
}

func lookAgain(session, run string) string {
	return "look again: /session " + quoteWord(session) + " --again " + quoteWord(run)
}
