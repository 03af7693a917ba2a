package serde

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

var (
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// checkJSON returns why t would not come back from JSON as it was; of keys more
// is asked.
func checkJSON(t reflect.Type, key bool) error {
	c := jsonChecker{root: t, key: key, seen: map[reflect.Type]bool{}}
	return c.check(t, "")
}

// A jsonChecker walks one type.
type jsonChecker struct {
	root reflect.Type
	key  bool
	seen map[reflect.Type]bool // types contain themselves
}

// refuse names the place in root, at is the path to it, and the reason.
func (c *jsonChecker) refuse(at, why, way string) error {
	if at == "" {
		return unsupported(c.root, "it "+why, way)
	}
	return unsupported(c.root, "its "+strings.TrimPrefix(at, ".")+" "+why, way)
}

func (c *jsonChecker) check(t reflect.Type, at string) error {
	if c.seen[t] {
		return nil
	}
	c.seen[t] = true
	if t.Kind() != reflect.Interface && hasOwnJSON(t) {
		return c.checkPromoted(t, at)
	}
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return c.refuse(at, fmt.Sprintf("is a %v, which JSON does not have", t.Kind()), "leave it out with the tag json:\"-\"")
	case reflect.Interface:
		return c.checkInterface(t, at)
	case reflect.Map:
		return c.checkMap(t, at)
	case reflect.Pointer:
		if c.key {
			return c.refuse(at, "is a pointer, and pointers to equal keys differ", "use "+t.Elem().String())
		}
		return c.check(t.Elem(), at)
	case reflect.Slice, reflect.Array:
		return c.check(t.Elem(), at+"[]")
	case reflect.Struct:
		return c.checkStruct(t, at)
	}
	return nil
}

func (c *jsonChecker) checkInterface(t reflect.Type, at string) error {
	switch {
	case c.key:
		return c.refuse(at, "is an interface, so what it holds is not known when it is read back", "use a type")
	case t.NumMethod() > 0:
		return c.refuse(at, fmt.Sprintf("is the interface %v, and JSON does not say which type to read back", t), "use a struct with a field for each case")
	}
	return nil
}

func (c *jsonChecker) checkMap(t reflect.Type, at string) error {
	if c.key {
		return c.refuse(at, "is a map, which has neither order nor equality", "use a struct or a sorted slice")
	}
	switch k := t.Key(); {
	case k.Kind() == reflect.String, reflect.Int <= k.Kind() && k.Kind() <= reflect.Uintptr:
	case k.Implements(textMarshaler) && reflect.PointerTo(k).Implements(textUnmarshaler):
	default:
		return c.refuse(at, fmt.Sprintf("is a map by %v, and JSON has maps by strings and whole numbers", k), "add MarshalText and UnmarshalText to the map's key")
	}
	return c.check(t.Elem(), at+"[]")
}

func (c *jsonChecker) checkStruct(t reflect.Type, at string) error {
	kept := 0
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("json") == "-" {
			continue
		}
		name := at + "." + f.Name
		if !f.IsExported() && !(f.Anonymous && indirect(f.Type).Kind() == reflect.Struct) {
			if c.key {
				return c.refuse(name, "is not exported, so JSON would drop it and make one key of two", "export it, or leave it out with the tag json:\"-\"")
			}
			continue
		}
		kept++
		if err := c.check(f.Type, name); err != nil {
			return err
		}
	}
	if kept == 0 && t.NumField() > 0 {
		return c.refuse(at, "has no exported field, so JSON would write nothing of it", "export its fields")
	}
	return nil
}

// checkPromoted refuses a struct whose only JSON is that of a field it embeds.
func (c *jsonChecker) checkPromoted(t reflect.Type, at string) error {
	base := indirect(t)
	all := reflect.PointerTo(base)
	for _, m := range []struct {
		of   reflect.Type
		name string
	}{{jsonMarshaler, "MarshalJSON"}, {textMarshaler, "MarshalText"}} {
		if !all.Implements(m.of) {
			continue
		}
		if from := embeds(base, m.of); from != nil && promoted(all, m.name) {
			return c.refuse(at, fmt.Sprintf("has the %s of the embedded %v, which knows nothing of the other fields", m.name, from), "give the embedded field a name")
		}
		return nil // encoding/json takes the first of the two
	}
	return nil
}

// hasOwnJSON tells whether encoding/json would call a method of t or *t.
func hasOwnJSON(t reflect.Type) bool {
	p := reflect.PointerTo(indirect(t))
	return p.Implements(jsonMarshaler) || p.Implements(textMarshaler)
}

// embeds returns the embedded field's type that implements of, if t is a struct
// that has other fields besides.
func embeds(t, of reflect.Type) reflect.Type {
	if t.Kind() != reflect.Struct || t.NumField() < 2 {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && (f.Type.Implements(of) || reflect.PointerTo(f.Type).Implements(of)) {
			return f.Type
		}
	}
	return nil
}

// promoted tells whether t, a pointer type, has the method of a field that it
// embeds and not one of its own. The compiler writes the former itself, and
// says so in the line table. The names are spelled out because a method looked
// up by a name that the linker cannot see keeps all methods of a program alive.
func promoted(t reflect.Type, method string) bool {
	of := func(t reflect.Type) (reflect.Method, bool) {
		switch method {
		case "AppendBinary":
			return t.MethodByName("AppendBinary")
		case "MarshalBinary":
			return t.MethodByName("MarshalBinary")
		case "MarshalJSON":
			return t.MethodByName("MarshalJSON")
		default:
			return t.MethodByName("MarshalText")
		}
	}
	m, ok := of(t.Elem()) // a method of the value is wrapped for the pointer, too
	if !ok {
		m, ok = of(t)
	}
	if !ok {
		return false
	}
	f := runtime.FuncForPC(m.Func.Pointer())
	if f == nil {
		return false
	}
	file, _ := f.FileLine(f.Entry())
	return file == "<autogenerated>"
}
