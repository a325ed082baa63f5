// Package typedtest plays with the generated packages typed, typedai and
// typedclient. It is apart from them, since neither side may import the other.
package typedtest
