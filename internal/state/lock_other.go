//go:build !unix

package state

import (
	"errors"
	"os"
)

// lockFile refuses: without a lock two consoles could run one command twice.
func lockFile(path string) (*os.File, error) {
	return nil, errors.New("this system has no file locks that clawconsole knows")
}

// InUse is false: nothing has a ledger open where there are no locks.
func InUse(path string) (bool, error) { return false, nil }

// owner is not known here.
func owner(os.FileInfo) (uid int, ok bool) { return 0, false }
