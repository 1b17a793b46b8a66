package openclaw

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Who we say we are: closed enumerations of the gateway.
// Source: gateway protocol 4, connect.
const (
	clientID   = "gateway-client"
	clientMode = "backend"
	role       = "operator"
)

// A device is the identity of this console towards gateways on other hosts: a
// key pair and the tokens that gateways gave it, in one file of mode 0600.
type device struct {
	path string
	key  ed25519.PrivateKey

	mu     sync.Mutex        // held while the file is written: writers must not overtake each other
	tokens map[string]string // by gateway URL
}

type deviceFile struct {
	Version int               `json:"version"`
	Seed    []byte            `json:"seed"`
	Tokens  map[string]string `json:"tokens,omitempty"`
}

// loadDevice reads the device from path, or creates one there. A file that
// others may read, or that is not a regular one, is refused.
func loadDevice(path string) (*device, error) {
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		d := &device{path: path, key: key, tokens: map[string]string{}}
		return d, d.save()
	}
	if err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	if !fi.Mode().IsRegular() || fi.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("device key %s: want a regular file of mode 0600, not %v", path, fi.Mode())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	var f deviceFile
	if json.Unmarshal(b, &f) != nil || f.Version != 1 || len(f.Seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("device key %s: not a key file; move it away to get a new identity", path)
	}
	if f.Tokens == nil {
		f.Tokens = map[string]string{}
	}
	return &device{path: path, key: ed25519.NewKeyFromSeed(f.Seed), tokens: f.Tokens}, nil
}

// save replaces the file as a whole: after a crash it is the old or the new one.
func (d *device) save() error {
	b, err := json.Marshal(deviceFile{1, d.key.Seed(), d.tokens})
	if err != nil {
		return err
	}
	return writeFile(d.path, append(b, '\n'))
}

// token returns the token for the gateway at url, or "".
func (d *device) token(url string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tokens[url]
}

// setToken stores the token for the gateway at url.
func (d *device) setToken(url, token string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tokens[url] == token {
		return nil
	}
	d.tokens[url] = token
	return d.save()
}

// writeFile writes a file of mode 0600 atomically: beside it, synced, renamed.
func writeFile(path string, b []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".device-*") // mode 0600
	if err != nil {
		return fmt.Errorf("device key: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
			err = fmt.Errorf("device key: %w", err)
		}
	}()
	if _, err := f.Write(b); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync() // not every file system can
		_ = d.Close()
	}
	return nil
}

// id is the device's id: the hash of its public key.
func (d *device) id() string {
	sum := sha256.Sum256(d.key.Public().(ed25519.PublicKey))
	return hex.EncodeToString(sum[:])
}

// sign makes params.device of a connect request.
// Source: gateway protocol 4, device identity, signature version 3.
func (d *device) sign(scopes []Scope, nonce string, signedAt int64, token, platform string) map[string]any {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	text := strings.Join([]string{
		"v3", d.id(), clientID, clientMode, role, strings.Join(names, ","),
		strconv.FormatInt(signedAt, 10), token, nonce, platform, "", // no device family
	}, "|")
	return map[string]any{
		"id":        d.id(),
		"publicKey": base64.RawURLEncoding.EncodeToString(d.key.Public().(ed25519.PublicKey)),
		"signature": base64.RawURLEncoding.EncodeToString(ed25519.Sign(d.key, []byte(text))),
		"signedAt":  signedAt,
		"nonce":     nonce,
	}
}
