//go:build unix

package audit

import (
	"errors"
	"os"
	"syscall"
	"time"
)

const noFollow = syscall.O_NOFOLLOW

// lock takes f for writing until it is closed, or the process ends, or returns
// ErrInUse.
func lock(f *os.File) error {
	// Somebody who asks locked holds it for a moment.
	for range 10 {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return ErrInUse
}

// locked reports whether somebody writes f.
func locked(f *os.File) bool {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
		return errors.Is(err, syscall.EWOULDBLOCK)
	}
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
	return false
}
