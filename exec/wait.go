//go:build linux || darwin

package exec

import (
	"syscall"
	"unsafe"
)

// awaitExit blocks until our child pid has ended, and leaves it a zombie.
func awaitExit(pid int) {
	const (
		pPID    = 1         // P_PID, sys/wait.h
		wExited = 0x4       // WEXITED
		wNoWait = noWaitBit // WNOWAIT
	)
	var info [128]byte // siginfo_t
	for {
		_, _, e := syscall.Syscall6(syscall.SYS_WAITID, pPID, uintptr(pid),
			uintptr(unsafe.Pointer(&info)), wExited|wNoWait, 0, 0)
		if e != syscall.EINTR {
			return
		}
	}
}
