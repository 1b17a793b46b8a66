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
