package commands

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alecthomas/kong"
)

// list is a flag's value of several words: "cron,group".
type list []string

// A decodeError says what is wrong with one value, in our words.
type decodeError struct{ why string }

func (e *decodeError) Error() string { return e.why }

func wrong(format string, args ...any) error { return &decodeError{fmt.Sprintf(format, args...)} }

// mappers decode values for people who read the errors on a phone. Bounds are in
// the tags min and max.
func mappers() []kong.Option {
	return []kong.Option{
		kong.TypeMapper(reflect.TypeFor[int](), mapper(decodeInt)),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), mapper(decodeDuration)),
		kong.TypeMapper(reflect.TypeFor[string](), mapper(decodeString)),
		kong.TypeMapper(reflect.TypeFor[list](), mapper(decodeList)),
		kong.TypeMapper(reflect.TypeFor[Raw](), mapper(func(s string, _ *kong.Tag) (Raw, error) { return Raw(s), nil })),
	}
}

func mapper[T any](decode func(s string, tag *kong.Tag) (T, error)) kong.Mapper {
	return kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		v, err := decode(ctx.Scan.Pop().String(), ctx.Value.Tag)
		if err == nil {
			target.Set(reflect.ValueOf(v))
		}
		return err
	})
}

func decodeInt(s string, tag *kong.Tag) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, wrong("%s is not a whole number", quote(s))
	}
	if lo, err := strconv.Atoi(tag.Get("min")); err == nil && n < lo {
		return 0, wrong("%d is too small, the least is %d", n, lo)
	}
	if hi, err := strconv.Atoi(tag.Get("max")); err == nil && n > hi {
		return 0, wrong("%d is too large, the most is %d", n, hi)
	}
	return n, nil
}

// decodeDuration takes "90", which means seconds, and "90s", "2m", "1m30s".
func decodeDuration(s string, tag *kong.Tag) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if n, err2 := strconv.ParseInt(s, 10, 32); err2 == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil {
		return 0, wrong("%s is not a time like 30, 90s or 2m", quote(s))
	}
	if lo, err := time.ParseDuration(tag.Get("min")); err == nil && d < lo {
		return 0, wrong("%s is too short, the least is %s", shortDuration(d), shortDuration(lo))
	}
	if hi, err := time.ParseDuration(tag.Get("max")); err == nil && d > hi {
		return 0, wrong("%s is too long, the most is %s", shortDuration(d), shortDuration(hi))
	}
	return d, nil
}

func decodeString(s string, _ *kong.Tag) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", wrong("is empty")
	}
	if !utf8.ValidString(s) {
		return "", wrong("is not text")
	}
	return s, nil
}

func decodeList(s string, _ *kong.Tag) (list, error) {
	var l list
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			return nil, wrong("%s has an empty part", quote(s))
		}
		l = append(l, part)
	}
	return l, nil
}

// quote shows an operator's word in an error, cut when it is long.
func quote(s string) string {
	return strconv.Quote(clip(s, 41))
}
