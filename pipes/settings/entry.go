package settings

import (
	"fmt"
	"reflect"
	"strconv"
)

// entry is one setting of a Settings. It is a flag.Value.
type entry struct {
	field reflect.StructField
	value reflect.Value // of the field
}

// entries returns all settings of s, in order.
func (s *Settings) entries() []entry {
	v := reflect.ValueOf(s).Elem()
	all := make([]entry, v.NumField())
	for i := range all {
		all[i] = entry{v.Type().Field(i), v.Field(i)}
	}
	return all
}

func (e entry) tag(key string) string { return e.field.Tag.Get(key) }

func (e entry) name() string { return e.tag("name") }

// IsBoolFlag lets package flag take a switch without a value.
func (e entry) IsBoolFlag() bool { return e.value.Kind() == reflect.Bool }

// String is the present value. Package flag also asks it of a zero entry.
func (e entry) String() string {
	if !e.value.IsValid() {
		return ""
	}
	return fmt.Sprint(e.value.Interface())
}

// Set takes a value that is in its range.
func (e entry) Set(text string) error {
	if err := e.parse(text); err != nil {
		return err
	}
	return e.check()
}

func (e entry) parse(text string) error {
	switch e.value.Kind() {
	case reflect.String:
		e.value.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		e.value.SetBool(b)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		e.value.SetInt(int64(n))
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%q is not a number", text)
		}
		e.value.SetFloat(f)
	}
	return nil
}

// check returns an error if the value is not in the range that the tags tell.
func (e entry) check() error {
	var f float64
	switch e.value.Kind() {
	case reflect.Int:
		f = float64(e.value.Int())
	case reflect.Float64:
		f = e.value.Float()
	default:
		return nil
	}
	low, _ := strconv.ParseFloat(e.tag("min"), 64)
	high, _ := strconv.ParseFloat(e.tag("max"), 64)
	if !(low <= f && f <= high) {
		return fmt.Errorf("it is %v, and must be from %s to %s", e.value.Interface(), e.tag("min"), e.tag("max"))
	}
	return nil
}
