//go:build !unix

package audit

import (
	"errors"
	"os"
)

const noFollow = 0

// lock refuses: two writers would break the chain.
func lock(*os.File) error {
	return errors.New("this system has no file locks that clawconsole knows")
}

func locked(*os.File) bool { return false }
