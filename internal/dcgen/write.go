package dcgen

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Write puts generated files below a directory, which it makes if need be, and
// removes those that were generated before and are none of them. Files of other
// origin stay; if one is in the way, nothing is written. It returns the paths of
// the files that changed, and of those that it removed.
func Write(dir string, files []File) (written, removed []string, err error) {
	stale, err := generated(dir, files)
	if err != nil {
		return nil, nil, err
	}
	var texts [][]byte // of written
	for _, f := range files {
		if f.Text == nil {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		old, err := os.ReadFile(path)
		delete(stale, path)
		switch {
		case err == nil && bytes.Equal(old, f.Text):
			continue
		case err == nil && !isGenerated(old):
			return nil, nil, fmt.Errorf("%s was not generated, so it is not overwritten: move it elsewhere, or give another directory", path)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, nil, err
		}
		written, texts = append(written, path), append(texts, f.Text)
	}
	for i, path := range written {
		if err := replace(path, texts[i]); err != nil {
			return written[:i], nil, err
		}
	}
	for path := range stale {
		if err := os.Remove(path); err != nil {
			return written, removed, err
		}
		removed = append(removed, path)
	}
	slices.Sort(removed)
	return written, removed, nil
}

// generated returns the generated files in the directories of files.
func generated(dir string, files []File) (map[string]bool, error) {
	found := map[string]bool{}
	dirs := map[string]bool{}
	for _, f := range files {
		dirs[filepath.Dir(filepath.Join(dir, filepath.FromSlash(f.Path)))] = true
	}
	for d := range dirs {
		entries, err := os.ReadDir(d)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !e.Type().IsRegular() || !strings.HasSuffix(e.Name(), ".go") {
				continue
			}
			path := filepath.Join(d, e.Name())
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			if isGenerated(text) {
				found[path] = true
			}
		}
	}
	return found, nil
}

func isGenerated(text []byte) bool { return bytes.HasPrefix(text, []byte(header)) }

// replace writes a file beside the old one and then puts it in its place.
func replace(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	tmp := path + ".tmp"
	err := os.WriteFile(tmp, text, 0o666)
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
	}
	return err
}

// ImportPath returns the path by which Go code imports the package in a
// directory, which need not exist: that of the module around it.
func ImportPath(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for root := dir; ; {
		text, err := os.ReadFile(filepath.Join(root, "go.mod"))
		switch {
		case err == nil:
			m := moduleLine.FindSubmatch(text)
			if m == nil {
				return "", fmt.Errorf("%s has no line \"module …\"", filepath.Join(root, "go.mod"))
			}
			rest, err := filepath.Rel(root, dir)
			if err != nil {
				return "", err
			}
			if rest == "." {
				return string(m[1]), nil
			}
			return string(m[1]) + "/" + filepath.ToSlash(rest), nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		}
		up := filepath.Dir(root)
		if up == root {
			return "", fmt.Errorf("%s is in no Go module, so the generated packages cannot import each other: run \"go mod init\" there, or say the import path with --import", dir)
		}
		root = up
	}
}

var moduleLine = regexp.MustCompile(`(?m)^module[ \t]+"?([^\s"]+)"?`)
