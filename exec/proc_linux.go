package exec

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const noWaitBit = 0x1000000 // WNOWAIT, linux/wait.h

// proc is a process as it was when it was looked at. Together, pid and start
// name one process for ever; a pid alone does not.
type proc struct {
	pid, ppid, pgid int
	start           uint64 // clock ticks since boot
	zombie          bool
}

// processes returns all that can be seen now. It is no snapshot: processes come and go
// while it reads.
func processes() map[int]proc {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	all := make(map[int]proc, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p, ok := inspect(pid); ok {
			all[pid] = p
		}
	}
	return all
}

// inspect reads /proc/pid/stat; proc(5) numbers the fields from 1.
func inspect(pid int) (proc, bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return proc{}, false
	}
	// Field 2 is the name in parentheses, and may hold spaces and parentheses.
	i := bytes.LastIndexByte(b, ')')
	if i < 0 {
		return proc{}, false
	}
	f := bytes.Fields(b[i+1:]) // f[0] is field 3
	if len(f) < 20 {
		return proc{}, false
	}
	p := proc{pid: pid, zombie: f[0][0] == 'Z' || f[0][0] == 'X'}
	p.ppid, _ = strconv.Atoi(string(f[1]))
	p.pgid, _ = strconv.Atoi(string(f[2]))
	p.start, err = strconv.ParseUint(string(f[19]), 10, 64)
	return p, err == nil
}

// children returns the ids of our children, zombies among them, much faster than
// descendants does. It returns none on a kernel without CONFIG_PROC_CHILDREN.
func children() []int {
	var pids []int
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, name := range lists {
		b, _ := os.ReadFile(name)
		for _, f := range strings.Fields(string(b)) {
			if pid, err := strconv.Atoi(f); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// descendants returns the living processes below root.
func descendants(root int) []proc {
	all := processes()
	var found []proc
	for _, p := range all {
		if !p.zombie && p.below(root, all) {
			found = append(found, p)
		}
	}
	return found
}

// below follows p's parents up to root. A parent that is younger than its child has
// taken over the id of the true parent while we were reading: then it is not known
// where p belongs, and it is left for the next look.
func (p proc) below(root int, all map[int]proc) bool {
	for range len(all) {
		if p.ppid == root {
			return true
		}
		parent, ok := all[p.ppid]
		if !ok || parent.start > p.start {
			return false
		}
		p = parent
	}
	return false
}

// signal sends s to p and to no other: the process is first held by a descriptor
// (pidfd, Linux 5.3), then shown to be the one that was looked at.
func (p proc) signal(s syscall.Signal) {
	h, err := os.FindProcess(p.pid)
	if err != nil {
		return
	}
	defer h.Release()
	if now, ok := inspect(p.pid); ok && now.start == p.start {
		h.Signal(s)
	}
}

// groupAlive reports whether a process of the group pgid lives, zombies not counted.
func groupAlive(pgid int) bool {
	for _, p := range processes() {
		if p.pgid == pgid && !p.zombie {
			return true
		}
	}
	return false
}
