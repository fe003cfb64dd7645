// SPDX-License-Identifier: MPL-2.0

package clienttest

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// ErrorFields returns the fields of an error that a test compares. S is a
// struct with some of the fields of transport.Error. Its field Err, if it has
// one, is the text of any other error.
func ErrorFields[S any](err error) S {
	var fields S
	values := reflect.ValueOf(&fields).Elem()
	var e *transport.Error
	switch {
	case errors.As(err, &e):
		for i := range values.NumField() {
			if name := values.Type().Field(i).Name; name != "Err" {
				values.Field(i).Set(reflect.ValueOf(e).Elem().FieldByName(name))
			}
		}
	case err != nil:
		values.FieldByName("Err").SetString(err.Error())
	}
	return fields
}

// WantError fails the test if the error has other fields than want. Its advice
// only has to contain the advice in want, because the fault suite of the
// provider compares whole texts.
func WantError[S any](t *testing.T, err error, want S) {
	t.Helper()
	got := ErrorFields[S](err)
	advice := reflect.ValueOf(&got).Elem().FieldByName("Advice")
	if wanted := reflect.ValueOf(want).FieldByName("Advice").String(); strings.Contains(advice.String(), wanted) {
		advice.SetString(wanted)
	}
	Diff(t, "the error", want, got)
}

// WantNoErrors fails the test for each purge that failed.
func WantNoErrors(t *testing.T, errs ...error) {
	t.Helper()
	for i, err := range errs {
		if err != nil {
			t.Errorf("purge %d: %s", i, err)
		}
	}
}
