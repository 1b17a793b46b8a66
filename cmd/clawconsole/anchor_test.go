package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// The head of the record is posted at the start, and again each day that the console runs.
func TestDaily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 49*time.Hour)
		defer cancel()
		began := time.Now()
		var at []time.Duration
		daily(ctx, func() { at = append(at, time.Since(began)) })
		if len(at) != 3 || at[0] != 0 || at[1] != 24*time.Hour || at[2] != 48*time.Hour {
			t.Errorf("done after %v, want at once, after a day and after two", at)
		}
	})
}
