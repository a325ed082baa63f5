// Package dc reads the DC language of Panda3D's direct.distributed, in which a
// game declares its distributed classes.
//
// Parse makes a Schema of .dc files: classes, fields and their numbers, and the
// 32-bit hash that peers compare, all equal to those of Panda3D's DCFile.
// Format lays a file out canonically, Diff says what changed between two schemas.
//
// A Field knows its values: Check and Skip read what a peer sent without
// allocating, Pack and Unpack convert to and from Go values, ParseText and
// AppendText to and from Panda3D's text form.
//
// A schema is built once and never changes; everything in this package is safe
// for concurrent use. Slices that its methods return are shared and must not be
// modified, unless their documentation says otherwise.
package dc
