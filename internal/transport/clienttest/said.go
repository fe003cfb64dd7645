// SPDX-License-Identifier: MPL-2.0

package clienttest

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// Hear returns what the tests of a client compare of an error: S is a struct
// with some of the fields of transport.Error. Its field Err, if it has one,
// is the text of any other error.
func Hear[S any](err error) S {
	var said S
	fields := reflect.ValueOf(&said).Elem()
	var e *transport.Error
	switch {
	case errors.As(err, &e):
		for i := range fields.NumField() {
			if name := fields.Type().Field(i).Name; name != "Err" {
				fields.Field(i).Set(reflect.ValueOf(e).Elem().FieldByName(name))
			}
		}
	case err != nil:
		fields.FieldByName("Err").SetString(err.Error())
	}
	return said
}

// WantSaid compares an error. The advice, which the fault suite pins as a whole,
// has to contain the wanted one.
func WantSaid[S any](t *testing.T, err error, want S) {
	t.Helper()
	got := Hear[S](err)
	advice := reflect.ValueOf(&got).Elem().FieldByName("Advice")
	if wanted := reflect.ValueOf(want).FieldByName("Advice").String(); strings.Contains(advice.String(), wanted) {
		advice.SetString(wanted)
	}
	Diff(t, "the error", want, got)
}

// WantNone fails the test for each purge that failed.
func WantNone(t *testing.T, errs ...error) {
	t.Helper()
	for i, err := range errs {
		if err != nil {
			t.Errorf("purge %d: %s", i, err)
		}
	}
}
