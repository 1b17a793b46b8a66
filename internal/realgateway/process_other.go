//go:build unix && !linux

package realgateway

import "syscall"

// dieWithParent does nothing: only Linux can tie a process's life to its parent's.
func dieWithParent(*syscall.SysProcAttr) {}
