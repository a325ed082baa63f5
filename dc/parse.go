package dc

import (
	"fmt"
	"io"
	"os"
)

// Source is the text of a .dc file. Name is only used in errors.
type Source struct {
	Name string
	Text []byte
}

// Options are Panda3D's configuration variables for DC files. They change
// which numbers fields have, and the hash; the zero value means Panda3D's
// defaults.
type Options struct {
	// NoMultipleInheritance is dc-multiple-inheritance 0: a dclass has at most
	// one parent, and each class numbers its fields from 0, inherited ones
	// first.
	NoMultipleInheritance bool
	// NoVirtualInheritance is dc-virtual-inheritance 0: a field that is
	// inherited on two ways or declared again is there twice.
	NoVirtualInheritance bool
	// NoSortByFile is dc-sort-inheritance-by-file 0: inherited fields are not
	// sorted by number.
	NoSortByFile bool
}

// Parse reads the given files in order as one schema, with Panda3D's default
// options. The error, if any, is an ErrorList.
//
// Whatever Panda3D's DCFile.read accepts is accepted, except for what no
// running game can contain or depend on:
//
//   - types that are not declared before they are used, which Panda3D leaves
//     incomplete; a struct cannot contain itself
//   - dclasses, structs, switches and typedefs without a name, where they are
//     declared by themselves
//   - methods as the key of a switch
//   - a keyword statement with neither a name nor a semicolon
//   - an empty place before the first comma of a list of ranges
//   - numbers beyond 64 bits, some of which Panda3D wraps around
//   - bytes outside of ASCII, but in strings and comments: Panda3D takes them,
//     a byte order mark too, for the end of the file
//   - what exceeds the bounds stated in limits.go
//
// The type float32 and the number -9223372036854775808 are accepted in
// addition.
func Parse(files ...Source) (*Schema, error) {
	return Options{}.Parse(files...)
}

// ParseFiles reads files from disk and parses them like Parse.
func ParseFiles(paths ...string) (*Schema, error) {
	return Options{}.ParseFiles(paths...)
}

// ParseFiles reads files from disk and parses them like Options.Parse. The
// error is an ErrorList, or wraps what package os returns.
func (o Options) ParseFiles(paths ...string) (*Schema, error) {
	files := make([]Source, len(paths))
	for i, path := range paths {
		text, err := readFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading a DC file: %w", err)
		}
		files[i] = Source{path, text}
	}
	return o.Parse(files...)
}

// readFile reads no more than makes clear that a file is too large.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSourceSize+1))
}

// Parse is the function Parse with options.
func (o Options) Parse(files ...Source) (*Schema, error) {
	p := &parser{errs: &errorSink{}, nodes: new(int)}
	var decls []astDecl
	size := 0
	for _, f := range files {
		if size += len(f.Text); size > maxSourceSize {
			return nil, errSourceSize(f.Name)
		}
		p.start(&source{f.Name, f.Text})
		decls = append(decls, p.file()...)
		if p.stopped {
			break
		}
	}
	if err := p.errs.err(); err != nil {
		return nil, err // what the declarations mean is unclear, too
	}
	b := newBuilder(o, p.errs)
	b.build(decls)
	if err := p.errs.err(); err != nil {
		return nil, err
	}
	return b.s, nil
}
