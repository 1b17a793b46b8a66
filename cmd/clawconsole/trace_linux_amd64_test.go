package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// traceArg makes the test binary a tracer: it runs a program and kills it, all
// threads at once as kill -9 does, at the n-th system call that writes: to the
// disk, to a socket or to another process.
//
//	clawconsole.test -trace N ARMED PROGRAM ARGS…
//
// It counts from when the file ARMED exists. The kill comes before the call has
// had any effect; what it would have done before is covered by N-1. When the
// program was killed it prints which call it was, and exits with 9.
const traceArg = "-trace"

// writes are the system calls by which a process changes anything outside itself.
var writes = map[uint64]string{
	unix.SYS_WRITE: "write", unix.SYS_PWRITE64: "pwrite64", unix.SYS_WRITEV: "writev", unix.SYS_PWRITEV: "pwritev",
	unix.SYS_FSYNC: "fsync", unix.SYS_FDATASYNC: "fdatasync", unix.SYS_FTRUNCATE: "ftruncate",
	unix.SYS_SENDTO: "sendto", unix.SYS_SENDMSG: "sendmsg", unix.SYS_CONNECT: "connect",
	unix.SYS_UNLINK: "unlink", unix.SYS_UNLINKAT: "unlinkat", unix.SYS_RENAME: "rename", unix.SYS_RENAMEAT: "renameat",
	unix.SYS_EXECVE: "execve", unix.SYS_KILL: "kill",
}

func init() {
	if len(os.Args) > 2 && os.Args[1] == traceArg {
		os.Exit(trace(os.Args[2:]))
	}
}

func trace(args []string) int {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	armed := args[1]
	runtime.LockOSThread() // ptrace is a matter of threads
	cmd := exec.Command(args[2], args[3:]...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	pid := cmd.Process.Pid
	var st syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &st, 0, nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	// Threads are traced, children are not: they are the program's effects.
	err = syscall.PtraceSetOptions(pid, syscall.PTRACE_O_TRACECLONE|syscall.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_EXITKILL)
	if err == nil {
		err = syscall.PtraceSyscall(pid, 0)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ptrace:", err)
		return 2
	}
	seen, counting := 0, false
	inside := map[int]bool{} // thread is between entry and exit of a call
	for {
		tid, err := syscall.Wait4(-1, &st, syscall.WALL, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return 0
		}
		switch {
		case st.Exited() || st.Signaled():
			delete(inside, tid)
			if tid == pid {
				return 0
			}
			continue
		case !st.Stopped():
			continue
		}
		deliver := 0
		switch sig := st.StopSignal(); {
		case sig == syscall.SIGTRAP|0x80:
			inside[tid] = !inside[tid]
			if !inside[tid] {
				break
			}
			var regs syscall.PtraceRegs
			if syscall.PtraceGetRegs(tid, &regs) != nil {
				break
			}
			name, ok := writes[regs.Orig_rax]
			if !ok || wakeup(tid, &regs) {
				break
			}
			if !counting {
				_, err := os.Stat(armed)
				counting = err == nil
			}
			if !counting {
				break
			}
			if seen++; seen == n {
				target, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, regs.Rdi))
				syscall.Kill(pid, syscall.SIGKILL)
				for { // the process is gone when its last traced thread is waited for
					if tid, err := syscall.Wait4(-1, &st, syscall.WALL, nil); err != nil || tid == pid && (st.Signaled() || st.Exited()) {
						break
					}
				}
				fmt.Printf("%s %s\n", name, target)
				return 9
			}
		case sig == syscall.SIGTRAP, sig == syscall.SIGSTOP:
			// A new thread, or an event of ptrace itself.
		default:
			deliver = int(sig)
		}
		if err := syscall.PtraceSyscall(tid, deliver); err != nil && err != syscall.ESRCH {
			fmt.Fprintln(os.Stderr, "ptrace:", err)
			return 2
		}
	}
}

// wakeup reports whether a write only wakes the Go scheduler's own poller.
func wakeup(tid int, regs *syscall.PtraceRegs) bool {
	if regs.Orig_rax != unix.SYS_WRITE {
		return false
	}
	target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, regs.Rdi))
	return err == nil && target == "anon_inode:[eventfd]"
}
