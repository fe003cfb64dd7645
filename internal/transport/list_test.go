// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
)

func TestList(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		body string
		want []project
		err  string
	}{
		"elements":                              {`{"list":[{"id":"a"}, {"id":"b"}]}`, []project{{ID: "a"}, {ID: "b"}}, ""},
		"no elements":                           {`{"list": [ ]}`, []project{}, ""},
		"no list":                               {`{}`, nil, ""},
		"null":                                  {`{"list":null}`, nil, ""},
		"an object":                             {`{"list":{}}`, nil, `the field "list" contains an unexpected object`},
		"a string":                              {`{"list":"x"}`, nil, `the field "list" contains an unexpected string`},
		"an element of another type":            {`{"list":[{"id":"a"}, 1]}`, []project{{ID: "a"}}, `the field "list" contains an unexpected number`},
		"an invalid element":                    {`{"list":[{"id":"a"}, {}, {"id":"b"}]}`, []project{{ID: "a"}}, "one has no id"},
		"the maximum number of elements":        {`{"list":[` + strings.Repeat(`{"id":"a"},`, maxItems-1) + `{"id":"a"}]}`, make([]project, maxItems), ""},
		"one element too many":                  {`{"list":[` + strings.Repeat(`{"id":"a"},`, maxItems) + `{"id":"a"}]}`, make([]project, maxItems), "the list contains more than 50000 elements"},
		"an incomplete list":                    {`{"list":[{"id":"a"}`, nil, "the response is not valid JSON"},
		"two lists, of which the second counts": {`{"list":[{"id":"a"}],"list":[{"id":"b"}]}`, []project{{ID: "b"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var reply struct {
				List List[project] `json:"list"`
			}
			reply.List.Check = func(p *project) error {
				if p.ID == "" {
					return errors.New("one has no id")
				}
				return nil
			}
			err := (&Response{Body: []byte(row.body)}).decodeJSON(&reply)
			same(t, "error", row.err, textOf(err))
			if len(row.want) == maxItems {
				same(t, "number of elements", maxItems, len(reply.List.Items))
				return
			}
			same(t, "elements", row.want, reply.List.Items)
		})
	}
}

// TestAllowance checks the limits for the content of several responses.
func TestAllowance(t *testing.T) {
	t.Parallel()
	many := []byte("[" + strings.Repeat("1,", maxValues*2/3) + "1]")
	long := []byte(`"` + strings.Repeat("x", maxBody*2/3) + `"`)
	for name, row := range map[string]struct {
		bodies [][]byte
		err    string
	}{
		"many values":               {[][]byte{many}, ""},
		"many values, twice":        {[][]byte{many, many}, "the response contains more than 500000 values"},
		"many bytes":                {[][]byte{long}, ""},
		"many bytes, twice":         {[][]byte{long, long}, "the response is longer than 16 MiB"},
		"separators in a string":    {[][]byte{[]byte(`"` + strings.Repeat(`,[{\"`, maxValues) + `"`)}, ""},
		"separators after a string": {[][]byte{[]byte(`["\\",` + strings.Repeat(`1,`, maxValues) + `1]`)}, "the response contains more than 500000 values"},
		"many bytes and a few":      {[][]byte{long, []byte(`"x"`)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			allowance := NewAllowance()
			var err error
			for _, body := range row.bodies {
				if !json.Valid(body) {
					t.Fatal("the body is not JSON")
				}
				err = allowance.take(body)
			}
			same(t, "error", row.err, textOf(err))
		})
	}
}

// TestLines checks that each distinct text is processed once.
func TestLines(t *testing.T) {
	t.Parallel()
	c := New("Example", Options{})
	c.Hide("hunter22")
	line := c.Lines()
	same(t, "first text", "it is [redacted]", line("it is\nhunter22"))
	c.Hide("deployed") // too late for the first text
	same(t, "second text", "it is [redacted]", line("it is deployed"))
	same(t, "first text again", "it is [redacted]", line("it is\nhunter22"))
	for i := range maxLines / 100 {
		line(strconv.Itoa(i))
	}
	same(t, "text above the limit", "…", line("and so on"))
	same(t, "first text, above the limit", "it is [redacted]", line("it is\nhunter22"))
}

// TestLongTexts checks that Line cuts a long text before it scrubs it, and removes
// the part of a secret at the cut.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	var s Scrubber
	s.Add("hunter22")
	for name, row := range map[string]struct{ end, want string }{
		"text":                                {"text", "text"},
		"a secret":                            {"hunter22", redacted},
		"the beginning of a secret":           {"hunter", ""},
		"the beginning of a secret, in lines": {"h\nu\nn\nt\ne\nr", redacted},
	} {
		before := strings.Repeat(" ", maxText-len(row.end))
		if name == "a secret" || name == "text" {
			before = before[10:]
		}
		same(t, name, row.want, s.Line(before+row.end+strings.Repeat(" ", 100)+" "))
	}
}
