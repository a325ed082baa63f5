package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// flagsFirst moves the flags in args to the front of the command's other
// arguments. The parser wants all files in one place; people also write
// "culm dc pack FILE --field CLASS.FIELD VALUE".
func flagsFirst(root *kong.Node, args []string) []string {
	var command, flags, rest []string
	path := []*kong.Node{root}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			rest = append(rest, args[i+1:]...)
			i = len(args)
		case len(arg) > 1 && arg[0] == '-' && !isNumber(arg):
			flags = append(flags, arg)
			if takesNext(path, arg) && i+1 < len(args) {
				i++
				flags = append(flags, args[i])
			}
		default:
			node := path[len(path)-1]
			child := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == arg })
			if child >= 0 && len(rest) == 0 {
				path = append(path, node.Children[child])
				command = append(command, arg)
			} else {
				rest = append(rest, arg)
			}
		}
	}
	if len(rest) > 0 {
		rest = slices.Insert(rest, 0, "--")
	}
	return slices.Concat(command, flags, rest)
}

// isNumber reports whether an argument that begins with "-" is a negative
// number: there are no such flags, but values of fields.
func isNumber(arg string) bool {
	_, err := strconv.ParseFloat(arg, 64)
	return err == nil
}

// takesNext reports whether the flag in arg has its value in the next
// argument. A flag that is not known has not: the parser will refuse it.
func takesNext(path []*kong.Node, arg string) bool {
	name, long := strings.CutPrefix(arg, "--")
	if long && strings.Contains(name, "=") || !long && len(arg) > 2 {
		return false
	}
	if implied := path[len(path)-1].DefaultCmd; implied != nil {
		path = append(slices.Clip(path), implied)
	}
	for _, node := range path {
		for _, flag := range node.Flags {
			if long && flag.Name == name || !long && string(flag.Short) == arg[1:] {
				return !flag.IsBool()
			}
		}
	}
	return false
}
