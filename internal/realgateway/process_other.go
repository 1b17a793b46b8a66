//go:build unix && !linux

package realgateway

import "syscall"

// dieWithParent does nothing: only Linux can tie a process's life to its parent's.
func dieWithParent(*syscall.SysProcAttr) {}

// childrenByParent knows none: what has left its parent's process group is not found.
func childrenByParent() map[int][]int { return nil }
