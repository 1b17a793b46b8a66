// Package imports says who may import whom, and holds the source to it by a
// test. It has no code of its own.
package imports
