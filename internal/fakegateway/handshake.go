package fakegateway

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// pairing is what the gateway knows about a device.
type pairing struct {
	requestID string
	approved  bool
	token     string
	scopes    []string // asked for, then approved
}

// PairingRequests returns the ids of those that wait for Approve.
func (s *Server) PairingRequests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, p := range s.devices {
		if !p.approved {
			ids = append(ids, p.requestID)
		}
	}
	return ids
}

// Approve pairs the device that asked with requestID, for the scopes it asked
// for. It reports whether there was one.
func (s *Server) Approve(requestID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.devices {
		if p.requestID == requestID && !p.approved {
			p.approved, p.token = true, newID()
			return true
		}
	}
	return false
}

// RotateDeviceTokens makes the tokens of all devices useless, as a revocation or
// a silent upgrade does.
func (s *Server) RotateDeviceTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.devices {
		p.token = newID()
	}
}

type connectParams struct {
	MinProtocol int `json:"minProtocol"`
	MaxProtocol int `json:"maxProtocol"`
	Client      struct {
		ID           string `json:"id"`
		Mode         string `json:"mode"`
		Version      string `json:"version"`
		Platform     string `json:"platform"`
		DeviceFamily string `json:"deviceFamily"`
		DisplayName  string `json:"displayName"`
	} `json:"client"`
	Role   string   `json:"role"`
	Scopes []string `json:"scopes"`
	Caps   []string `json:"caps"`
	Auth   struct {
		Token string `json:"token"`
	} `json:"auth"`
	Device *struct {
		ID        string `json:"id"`
		PublicKey string `json:"publicKey"`
		Signature string `json:"signature"`
		SignedAt  int64  `json:"signedAt"`
		Nonce     string `json:"nonce"`
	} `json:"device"`
}

var (
	clientIDs   = strings.Fields("webchat-ui openclaw-control-ui openclaw-tui webchat cli gateway-client node-host test openclaw-probe")
	clientModes = strings.Fields("webchat cli ui backend node worker probe test")
)

// refusal is an error response and the close code after it.
type refusal struct {
	err    *Error
	code   websocket.StatusCode
	reason string
}

// handshake speaks first and reports whether the client is in. It then is among
// the connections.
func (s *Server) handshake(c *conn) bool {
	ctx := c.ctx
	late := time.AfterFunc(15*time.Second, func() { _ = c.ws.Close(websocket.StatusNormalClosure, "") })
	defer late.Stop()
	nonce, ts := newID(), time.Now().UnixMilli()
	b := marshal(map[string]any{"type": "event", "event": "connect.challenge", "payload": map[string]any{"nonce": nonce, "ts": ts}})
	if c.ws.Write(ctx, websocket.MessageText, b) != nil {
		return false
	}
	_, b, err := c.ws.Read(ctx)
	if err != nil {
		return false
	}
	var q request
	var p connectParams
	if json.Unmarshal(b, &q) != nil || q.Method != "connect" || json.Unmarshal(q.Params, &p) != nil {
		_ = c.ws.Close(websocket.StatusPolicyViolation, "bad handshake")
		return false
	}
	hello, no := s.admit(c, p, nonce, ts)
	f := map[string]any{"type": "res", "id": q.ID, "ok": no == nil}
	if no != nil {
		f["error"] = no.err
	} else {
		f["payload"] = hello
	}
	if c.ws.Write(ctx, websocket.MessageText, marshal(f)) != nil {
		return false
	}
	if no != nil {
		_ = c.ws.Close(no.code, no.reason)
		return false
	}
	return true
}

func (s *Server) admit(c *conn, p connectParams, nonce string, ts int64) (map[string]any, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(code, detail, message string) *refusal {
		return &refusal{&Error{Code: code, Message: message, Details: map[string]any{"code": detail}}, websocket.StatusPolicyViolation, message}
	}
	switch {
	case s.phase == starting:
		return nil, &refusal{&Error{
			Code: "UNAVAILABLE", Message: "gateway starting; retry shortly", Details: map[string]any{"reason": "startup-sidecars"},
			Retryable: true, RetryAfterMs: s.retry.Milliseconds(),
		}, websocket.StatusTryAgainLater, "gateway starting"}
	case p.MinProtocol > 4 || p.MaxProtocol < 4:
		r := refuse("INVALID_REQUEST", "PROTOCOL_MISMATCH", "protocol mismatch")
		r.code = websocket.StatusProtocolError
		return nil, r
	case !slices.Contains(clientIDs, p.Client.ID), !slices.Contains(clientModes, p.Client.Mode), p.Role != "operator":
		return nil, &refusal{invalid("invalid connect params: at /client/id: must be equal to one of the allowed values"), websocket.StatusPolicyViolation, "invalid connect params"}
	}

	scopes, method, deviceToken := p.Scopes, "token", ""
	if p.Device != nil {
		if code := verify(p, nonce, ts); code != "" {
			return nil, refuse("INVALID_REQUEST", code, "device signature refused")
		}
	}
	switch {
	case p.Device == nil && p.Auth.Token == "":
		return nil, refuse("NOT_PAIRED", "DEVICE_IDENTITY_REQUIRED", "device identity required")
	case p.Device == nil && p.Auth.Token != s.cfg.Token:
		return nil, refuse("INVALID_REQUEST", "AUTH_TOKEN_MISMATCH", "unauthorized: gateway token mismatch")
	case p.Device == nil && s.cfg.Remote:
		scopes = nil
	case p.Device != nil && s.cfg.Remote:
		d := s.devices[p.Device.ID]
		byDevice := d != nil && d.approved && p.Auth.Token == d.token
		if !byDevice && p.Auth.Token != s.cfg.Token {
			return nil, refuse("INVALID_REQUEST", "AUTH_TOKEN_MISMATCH", "unauthorized: device token mismatch")
		}
		wider := d != nil && d.approved && slices.ContainsFunc(scopes, func(sc string) bool { return !slices.Contains(d.scopes, sc) })
		if byDevice && wider {
			return nil, refuse("INVALID_REQUEST", "AUTH_SCOPE_MISMATCH", "device token does not cover the requested scopes")
		}
		if d == nil || !d.approved || wider {
			reason := "not-paired"
			if d == nil {
				d = &pairing{requestID: newID()}
				s.devices[p.Device.ID] = d
			} else if wider {
				reason, d.approved, d.requestID = "scope-upgrade", false, newID()
			}
			d.scopes = scopes
			return nil, &refusal{&Error{Code: "NOT_PAIRED", Message: "pairing required: device is not approved yet", Details: map[string]any{
				"code": "PAIRING_REQUIRED", "reason": reason, "requestId": d.requestID, "deviceId": p.Device.ID,
				"requestedRole": "operator", "requestedScopes": scopes,
			}}, websocket.StatusPolicyViolation, "pairing required"}
		}
		c.deviceID = p.Device.ID
		if byDevice {
			method = "device-token"
		} else {
			deviceToken = d.token
		}
	case p.Auth.Token != s.cfg.Token:
		return nil, refuse("INVALID_REQUEST", "AUTH_TOKEN_MISMATCH", "unauthorized: gateway token mismatch")
	}
	if s.cfg.Scopes != nil {
		scopes = slices.DeleteFunc(slices.Clone(scopes), func(sc string) bool { return !slices.Contains(s.cfg.Scopes, sc) })
	}
	c.scopes, c.caps, c.clientID, c.displayName = scopes, p.Caps, p.Client.ID, strings.TrimSpace(p.Client.DisplayName)
	s.conns[c] = struct{}{}
	if scopes == nil {
		scopes = []string{}
	}
	auth := map[string]any{"method": method, "role": "operator", "scopes": scopes}
	if deviceToken != "" {
		auth["deviceToken"] = deviceToken
	}
	return map[string]any{
		"type": "hello-ok", "protocol": 4,
		"server":   map[string]any{"version": s.cfg.Version, "bootId": s.bootID, "connId": c.id},
		"features": map[string]any{"methods": []string{}, "events": []string{}},
		"snapshot": map[string]any{
			"health": s.health(), "uptimeMs": time.Since(s.startedAt).Milliseconds(), "configPath": "/fake/openclaw.json", "stateDir": "/fake",
			"sessionDefaults": map[string]any{"defaultAgentId": "main", "mainKey": "main", "mainSessionKey": "agent:main:main"},
		},
		"auth":   auth,
		"policy": map[string]any{"maxPayload": 25 << 20, "tickIntervalMs": s.cfg.Tick.Milliseconds()},
	}, nil
}

// verify returns the code of what is wrong with a device's signature.
func verify(p connectParams, nonce string, ts int64) string {
	d := p.Device
	key, err := base64.RawURLEncoding.DecodeString(d.PublicKey)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return "DEVICE_AUTH_PUBLIC_KEY_INVALID"
	}
	if sum := sha256.Sum256(key); hex.EncodeToString(sum[:]) != d.ID {
		return "DEVICE_AUTH_DEVICE_ID_MISMATCH"
	}
	if d.Nonce != nonce {
		return "DEVICE_AUTH_NONCE_MISMATCH"
	}
	if diff := d.SignedAt - ts; diff > 60000 || diff < -60000 {
		return "DEVICE_AUTH_SIGNATURE_EXPIRED"
	}
	text := strings.Join([]string{
		"v3", d.ID, p.Client.ID, p.Client.Mode, p.Role, strings.Join(p.Scopes, ","),
		fmt.Sprint(d.SignedAt), p.Auth.Token, d.Nonce, p.Client.Platform, p.Client.DeviceFamily,
	}, "|")
	sig, err := base64.RawURLEncoding.DecodeString(d.Signature)
	if err != nil || !ed25519.Verify(key, []byte(text), sig) {
		return "DEVICE_AUTH_SIGNATURE_INVALID"
	}
	return ""
}
