package main

import (
	"fmt"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"clawconsole/auth"
	"clawconsole/commands"
	"clawconsole/console"
	"clawconsole/redact"
)

// checkClasses accepts raised classes of existing commands only.
func (l *loader) checkClasses(c *Config) {
	table := commands.Table()
	for name, to := range c.Auth.Class {
		key := "auth.class." + name
		i := slices.IndexFunc(table, func(e commands.Entry) bool { return e.Name == name })
		class, err := auth.ParseClass(to)
		switch {
		case i < 0:
			l.fault(key, "there is no command of that name", "write it as in /help, for example \"gateway restart\"")
		case err != nil || class == auth.Approve:
			l.fault(key, fmt.Sprintf("%q is not a class", to), "safe, moderate or dangerous")
		case class < table[i].Class:
			l.fault(key, fmt.Sprintf("would lower /%s from %s to %s", name, table[i].Class, class), "classes can only be raised")
		}
	}
}

// raised is the checked form of auth.class.
func (c Config) raised() map[string]auth.Class {
	m := make(map[string]auth.Class, len(c.Auth.Class))
	for name, to := range c.Auth.Class {
		m[name], _ = auth.ParseClass(to)
	}
	return m
}

// configKeys lists every key of a configuration, dotted.
func configKeys() []string { return keysOf(reflect.TypeFor[Config](), "") }

func keysOf(t reflect.Type, prefix string) (keys []string) {
	for f := range t.Fields() {
		name := f.Tag.Get("toml")
		if !f.IsExported() || name == "" || name == "-" {
			continue
		}
		keys = append(keys, prefix+name)
		ft := f.Type
		if ft.Kind() == reflect.Slice {
			ft = ft.Elem()
		}
		if ft.Kind() == reflect.Struct && ft != reflect.TypeFor[redact.Secret]() && ft != reflect.TypeFor[time.Time]() {
			keys = append(keys, keysOf(ft, prefix+name+".")...)
		}
	}
	return keys
}

// nearestKey is the advice for an unknown key.
func nearestKey(key string) string {
	if near := commands.Nearest(key, configKeys()); near != "" {
		return "did you mean " + near + "?"
	}
	return "config.example.toml has every key"
}

// parseChat reads "-1001234567890" or, with a topic, "-1001234567890/7".
func parseChat(s string) (console.Address, error) {
	chat, topic, hasTopic := strings.Cut(s, "/")
	var a console.Address
	var err error
	if a.ChatID, err = strconv.ParseInt(chat, 10, 64); err != nil {
		return a, err
	}
	if hasTopic {
		a.TopicID, err = strconv.ParseInt(topic, 10, 64)
	}
	return a, err
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// private reports whether host is an address of a private network, where OpenClaw
// itself allows ws://. A name could be anything, so it is not.
func private(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast())
}
