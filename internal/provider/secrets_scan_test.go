// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// Characters that secrets contain in addition to letters. Each of them changes in
// some encoding. Tokens and cookies cannot contain all of them.
const (
	passwordSpice = `"<z&>'%+/= \ü~?`
	tokenSpice    = `"<z&>'%+/=\~?`
	cookieSpice   = `<z&>'%+/=~?`
)

// vault is a world full of secrets, with everything that terraform, the provider's
// process, and the fakes write when they use them.
type vault struct {
	*world
	tf *terraform
	// planted contains the halves of the generated secrets, because not even half
	// of a secret may appear.
	planted []string
	// gateway contains the values of the headers for a gateway, by variable.
	gateway map[string]string
	// canary is the value of headers that nothing needs to log.
	canary string
	// outputs contains the output of terraform, by command.
	outputs map[string]string

	mu     sync.Mutex
	shapes map[string]int  // the echoes that were sent, by shape
	echoed map[string]bool // the variables whose secret was in an echo
}

func newVault(t *testing.T) *vault {
	t.Helper()
	v := &vault{world: &world{}, outputs: make(map[string]string), gateway: make(map[string]string), shapes: make(map[string]int), echoed: make(map[string]bool)}
	v.canary = v.plant("")
	v.open(t, func(s *httptest.Server) {
		for _, row := range accesses {
			for _, secret := range row.secrets {
				*secret.in(v.Sandbox) = v.plant(secret.spice)
			}
		}
		s.Config.Handler = http.HandlerFunc(v.serve)
		s.Start()
	})
	v.plantConnections(t)
	return v
}

// plantConnections gives each system a client certificate and headers. The fakes
// ignore both, but echo the headers.
func (v *vault) plantConnections(t *testing.T) {
	t.Helper()
	for _, a := range serviceArguments(t) {
		switch a.name {
		case "headers":
			v.gateway[a.variable] = v.plant(tokenSpice)
			v.env[a.variable] = withHeader(v.env[a.variable], "X-Gateway-Key", v.gateway[a.variable])
		case "client_key":
			certificate, key := clientPair(t)
			v.env[environment[a.service+".client_certificate"]], v.env[a.variable] = certificate, key
			v.planted = append(v.planted, linesOfKey(key)...)
		}
	}
}

// withHeader adds a header to a JSON object of headers, or replaces it.
func withHeader(object, name, value string) string {
	headers := make(map[string]string)
	_ = json.Unmarshal([]byte(object), &headers) // the object can be empty
	headers[name] = value
	encoded, _ := json.Marshal(headers) // encoding strings cannot fail
	return string(encoded)
}

// plant returns a new secret. Each half of it is unique.
func (v *vault) plant(spice string) string {
	first, second := rand.Text()[:13], rand.Text()[:13]
	v.planted = append(v.planted, first, second)
	return first + spice + second
}

type sentKey struct{}

// serve adds characters other than letters and digits to the tokens and cookies
// that the fakes issue, and unrelated headers to each response.
func (v *vault) serve(w http.ResponseWriter, r *http.Request) {
	for _, name := range []string{"X-Canary", "X-Request-Context", "X-Powered-By", "Authentication-Info", "X-Auth-Token", "Www-Authenticate"} {
		w.Header().Set(name, v.canary)
	}
	sent := r.Clone(r.Context())
	for _, row := range accesses {
		if token := r.Header.Get(row.token); token != "" {
			r.Header.Set(row.token, strings.TrimSuffix(token, tokenSpice))
		}
	}
	if cookies := r.Header.Get("Cookie"); cookies != "" {
		r.Header.Set("Cookie", strings.ReplaceAll(cookies, cookieSpice, ""))
	}
	r = r.WithContext(context.WithValue(r.Context(), sentKey{}, sent))
	if !strings.HasSuffix(r.URL.Path, "/login") && !strings.HasSuffix(r.URL.Path, "/tokens") {
		v.ServeHTTP(w, r)
		return
	}
	recorded := httptest.NewRecorder()
	v.ServeHTTP(recorded, r)
	maps.Copy(w.Header(), recorded.Header())
	if token := recorded.Header().Get("X-Mstr-Authtoken"); token != "" {
		w.Header().Set("X-Mstr-Authtoken", token+tokenSpice)
	}
	for i, cookie := range w.Header()["Set-Cookie"] {
		w.Header()["Set-Cookie"][i] = cookieValue.ReplaceAllString(cookie, "${0}"+strings.ReplaceAll(cookieSpice, "$", "$$"))
	}
	body := recorded.Body.Bytes()
	if recorded.Code == http.StatusOK {
		spice, _ := json.Marshal(tokenSpice) // never fails for a string
		body = issuedToken.ReplaceAll(body, slices.Concat([]byte("${0}"), spice[1:len(spice)-1]))
	}
	w.WriteHeader(recorded.Code)
	_, _ = w.Write(body)
}

var (
	cookieValue = regexp.MustCompile(`^[^=;]+=[^;]*`)
	issuedToken = regexp.MustCompile(`AAD[A-Z2-7]{100,}`)
)

// credentials returns all parts of a request that can be secret: its unusual
// headers, its cookies, and the strings in its body.
func credentials(r *http.Request) []string {
	sent, ok := r.Context().Value(sentKey{}).(*http.Request)
	if !ok {
		return nil
	}
	var all []string
	if user, password, ok := sent.BasicAuth(); ok {
		all = append(all, password, user+":"+password)
	}
	for _, name := range slices.Sorted(maps.Keys(sent.Header)) {
		if slices.Contains(ordinary, name) {
			continue
		}
		for _, value := range sent.Header[name] {
			all = append(all, value)
			if _, behind, ok := strings.Cut(value, " "); ok && name == "Authorization" {
				all = append(all, behind)
			}
		}
	}
	for _, cookie := range strings.Split(sent.Header.Get("Cookie"), "; ") {
		_, value, _ := strings.Cut(cookie, "=")
		all = append(all, value)
	}
	body, _ := io.ReadAll(r.Body)
	for _, field := range textField.FindAllSubmatch(body, -1) {
		var value string
		if json.Unmarshal(field[1], &value) == nil {
			all = append(all, value)
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// ordinary contains headers of any request. Cookies are split into their values
// separately.
var ordinary = []string{"Accept", "Accept-Encoding", "Connection", "Content-Length", "Content-Type", "Cookie", "User-Agent"}

var textField = regexp.MustCompile(`"\s*:\s*("(?:[^"\\]|\\.)*")`)

// encodings contains the forms in which credentials are sent, and in which a server can
// return them.
var encodings = []func(string) string{
	func(s string) string { return s },
	url.PathEscape,
	url.QueryEscape,
	func(s string) string { return percent.ReplaceAllStringFunc(url.QueryEscape(s), strings.ToLower) },
	html.EscapeString,
	func(s string) string { return inJSON(s)[0] },
	func(s string) string { return inJSON(s)[3] },
	func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
}

// shape is a response that repeats credentials.
type shape struct {
	name    string
	respond func(w http.ResponseWriter, text string)
	// remembered is true if no other login is attempted after it.
	remembered bool
}

var shapes = []shape{
	{"an error in JSON", func(w http.ResponseWriter, text string) {
		echoJSON(w, http.StatusConflict, map[string]any{
			"message": text, "code": text, "ticketId": text, "documentation_url": text, "iServerCode": text,
			"errors": []any{map[string]any{"message": text, "field": text, "code": text, "ticketId": text}},
		})
	}, true},
	{"a fault in JSON", func(w http.ResponseWriter, text string) {
		echoJSON(w, http.StatusUnprocessableEntity, map[string]any{"fault": map[string]any{"message": text, "details": text}})
	}, true},
	{"an error in JSON without a message", func(w http.ResponseWriter, text string) {
		echoJSON(w, http.StatusBadRequest, map[string]any{"message": map[string]any{"password": text}, "subErrors": []any{map[string]any{"message": text}}})
	}, true},
	{"an error in text", func(w http.ResponseWriter, text string) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "at line 1:\r\n\t"+text)
	}, false},
	{"an error as a page", func(w http.ResponseWriter, text string) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusConflict)
		_, _ = fmt.Fprintf(w, "<html><title>Error: %s</title><p>%s</p>", html.EscapeString(text), text)
	}, true},
	{"an error that breaks off", func(w http.ResponseWriter, text string) {
		w.Header().Set("Content-Length", "100000")
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, "denied: "+text[:len(text)-len(text)/8])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}, true},
	{"an error in JSON that breaks off", func(w http.ResponseWriter, text string) {
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"message":"denied: `+inJSON(text)[1]+`", `)
	}, true},
	{"headers", func(w http.ResponseWriter, text string) {
		for _, name := range append([]string{"X-Amzn-Errortype", "Set-Cookie", "X-Echo"}, logged...) {
			if name != "Content-Length" && name != "Date" {
				w.Header().Set(name, text)
			}
		}
		w.WriteHeader(http.StatusConflict)
	}, true},
	{"a redirect to a host", func(w http.ResponseWriter, text string) {
		w.Header().Set("Location", "https://"+url.PathEscape(text)+".example.com/")
		w.WriteHeader(http.StatusTemporaryRedirect)
	}, false},
	{"a redirect to a path", func(w http.ResponseWriter, text string) {
		w.Header().Set("Location", "/login?as="+text)
		w.WriteHeader(http.StatusFound)
	}, false},
	{"an acceptance with an error", func(w http.ResponseWriter, text string) {
		echoJSON(w, http.StatusOK, map[string]any{"error": text, "errors": []any{text}})
	}, false},
	{"an acceptance as a page", func(w http.ResponseWriter, text string) {
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(w, "<html><title>%s</title>", text)
	}, false},
	{"text that is not JSON", func(w http.ResponseWriter, text string) {
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, `{"access":{"token":`+text)
	}, false},
}

// logged contains the headers that a log may contain.
var logged = []string{
	"Content-Type", "Content-Length", "Date", "Retry-After", "Server", "Via",
	"X-Amzn-Requestid", "X-Trans-Id", "X-Openstack-Request-Id",
}

func echoJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have disconnected
}

// echo responds with the credentials of the request, in an encoding.
func (v *vault) echo(s shape, encode func(string) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var spelled []string
		sent := credentials(r)
		for _, credential := range sent {
			spelled = append(spelled, encode(credential))
		}
		text := strings.Join(spelled, " ")
		v.count(s, sent)
		s.respond(w, text)
	}
}

// count records the contents of an echo.
func (v *vault) count(s shape, sent []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shapes[s.name]++
	for _, row := range accesses {
		for _, secret := range row.secrets {
			if slices.Contains(sent, *secret.in(v.Sandbox)) {
				v.echoed[secret.variable] = true
			}
		}
	}
	for variable, secret := range v.gateway {
		if slices.Contains(sent, secret) {
			v.echoed[variable] = true
		}
	}
}

// recorder returns the recorder of a target's fake.
func (v *vault) recorder(t *testing.T, target *target) *fake.Recorder {
	t.Helper()
	return apiOf(t, target).recorder(&bench{Sandbox: v.Sandbox})
}

// echoes makes the fake respond to the next requests of an operation with echoes,
// each in a shape and an encoding of its own. The operation purge stands for the
// first request of a purge.
func (v *vault) echoes(t *testing.T, operation string, all []shape) {
	t.Helper()
	for _, target := range targets {
		of := operation
		if of == "purge" {
			of = apiOf(t, target).begin()
		}
		for i, s := range all {
			v.recorder(t, target).Fail(of, 1, v.echo(s, encodings[i%len(encodings)]))
		}
	}
}

// run runs terraform with additional environment variables and keeps its output.
func (v *vault) run(t *testing.T, more map[string]string, wantSuccess bool, args ...string) {
	t.Helper()
	name := fmt.Sprintf("%02d %s", len(v.outputs), args[0])
	cmd := v.tf.command(args...)
	cmd.Env = append(slices.Clone(cmd.Env), "TF_LOG_PATH="+filepath.Join(v.tf.Path, name+".log"))
	for name, value := range more {
		cmd.Env = append(cmd.Env, name+"="+value) // the last value counts
	}
	output, err := cmd.CombinedOutput()
	v.outputs["the output of terraform: "+name] = string(output)
	if wantSuccess != (err == nil) {
		t.Errorf("terraform %s: %v\n%s", strings.Join(args, " "), err, output)
	}
}

// way returns the n-th way to give credentials to all systems that support so many:
// the variables that replace those of the world.
func (v *vault) way(n int) map[string]string {
	more := make(map[string]string)
	for _, row := range accesses {
		if row.ways == nil {
			continue
		}
		if ways := row.ways(v.Sandbox, v.env); n < len(ways) {
			maps.Copy(more, ways[n])
		}
	}
	return more
}

// inVariable returns the way in which the password of one system comes from the
// provider block.
func (v *vault) inVariable() map[string]string {
	return map[string]string{"WPE_API_PASSWORD": "", "TF_VAR_wpengine": v.WPEngine.Password}
}

const (
	traceProvider = "provider \"purge\" {\n  max_retries = 0\n}\n"
	// By Terraform's design, a plan contains a variable that is not ephemeral.
	traceVariable = "variable \"wpengine\" {\n  sensitive = true\n}\n" +
		"provider \"purge\" {\n  max_retries = 0\n  wpengine = {\n    password = var.wpengine\n  }\n}\n"
)

// lookUps declares n instances of each data source that lists objects.
func lookUps(n int) string {
	var b strings.Builder
	for _, create := range dataSources {
		var resp datasource.MetadataResponse
		create().Metadata(context.Background(), datasource.MetadataRequest{ProviderTypeName: "purge"}, &resp)
		if strings.HasSuffix(resp.TypeName, "s") {
			fmt.Fprintf(&b, "data %q \"all\" {\n  count = %d\n}\n", resp.TypeName, n)
		}
	}
	return b.String()
}

// resources declares n resources of each target.
func (v *vault) resources(t *testing.T, n int) string {
	t.Helper()
	config, _ := v.instances(t, n, arguments{"count": strconv.Itoa(n)}, "count.index")
	return config
}

// TestSecretsAreNowhere makes all kinds of responses repeat secrets, with a real
// terraform and a real provider process at the highest log level.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.tf = newTerraform(t, v.world, "")
	for _, name := range []string{"TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO"} {
		v.tf.Env = append(v.tf.Env, name+"=TRACE")
	}
	v.allIsWell(t)
	v.purgesAreEchoed(t)
	v.lookUpsAreEchoed(t)
	v.loginsAreEchoed(t)
	v.credentialsAreWrong(t)
	v.actionsAreEchoed(t)
	v.search(t)
}

// allIsWell plans, shows the plan and applies it.
func (v *vault) allIsWell(t *testing.T) {
	t.Helper()
	config := traceProvider + lookUps(1)
	for _, target := range targets {
		f := v.fixture(t, target)
		config += f.config(f.here, release("1"))
	}
	v.tf.write(t, "main.tf", config)
	v.run(t, nil, true, "plan", "-out=plan")
	v.run(t, nil, true, "show", "-json", "plan")
	v.run(t, nil, true, "apply", "plan")
}

// purgesAreEchoed makes the fakes reject each purge with an echo of its
// credentials.
func (v *vault) purgesAreEchoed(t *testing.T) {
	t.Helper()
	v.echoes(t, "purge", shapes)
	v.tf.write(t, "main.tf", traceVariable+v.resources(t, len(shapes)))
	more := v.way(1)
	maps.Copy(more, v.inVariable())
	v.run(t, more, false, "apply", "-auto-approve")
	v.heal(t)
}

// lookUpsAreEchoed does the same with lookups, in other encodings.
func (v *vault) lookUpsAreEchoed(t *testing.T) {
	t.Helper()
	for _, target := range targets {
		for _, request := range apiOf(t, target).requests {
			if request.name == "login" || request.name == apis[target.name].begin() {
				continue
			}
			for i, s := range append(shapes[4:len(shapes):len(shapes)], shapes[:4]...) {
				v.recorder(t, target).Fail(request.name, 1, v.echo(s, encodings[i%len(encodings)]))
			}
		}
	}
	v.tf.write(t, "main.tf", traceProvider+lookUps(len(shapes)))
	v.run(t, v.way(0), false, "plan")
	v.heal(t)
}

// loginsAreEchoed makes logins fail, first with errors that are retried and then
// permanently. For a system without a login, it makes purges fail.
func (v *vault) loginsAreEchoed(t *testing.T) {
	t.Helper()
	rejection := shape{"rejected credentials", func(w http.ResponseWriter, text string) {
		w.Header().Set("Www-Authenticate", text)
		echoJSON(w, http.StatusUnauthorized, map[string]any{"message": text, "unauthorized": map[string]any{"message": text}})
	}, true}
	passing := slices.DeleteFunc(slices.Clone(shapes), func(s shape) bool { return s.remembered })
	for i, way := range []map[string]string{nil, v.way(0)} {
		v.WPEngine.Fail("purge", 1, wpenginetest.GatewayEcho())
		v.echoes(t, "login", append(slices.Clone(passing[i:]), rejection))
		for _, target := range targets {
			if accesses[target.service].token == "" {
				v.recorder(t, target).Fail("purge", 1, v.echo(rejection, encodings[i]))
			}
		}
		v.tf.write(t, "main.tf", traceProvider+v.resources(t, len(passing)+1))
		v.run(t, way, false, "apply", "-auto-approve", "-parallelism=1")
		v.heal(t)
	}
}

// credentialsAreWrong uses credentials that every system rejects, and puts a secret
// into each address.
func (v *vault) credentialsAreWrong(t *testing.T) {
	t.Helper()
	wrong := v.plant(tokenSpice)
	secrets, addresses, connections := make(map[string]string), make(map[string]string), make(map[string]string)
	for _, a := range serviceArguments(t) {
		switch {
		case a.ofConnection():
			connections[a.variable] = wrong
		case a.sensitive && v.env[a.variable] != "":
			secrets[a.variable] = wrong
		}
	}
	for name, value := range v.env {
		if scheme, rest, ok := strings.Cut(value, "://"); ok {
			addresses[name] = scheme + "://user:" + url.QueryEscape(wrong) + "@" + rest
		}
	}
	v.run(t, secrets, false, "apply", "-auto-approve")
	v.run(t, addresses, false, "apply", "-auto-approve")
	v.run(t, connections, false, "apply", "-auto-approve")
}

// actionsAreEchoed does the same as purgesAreEchoed with one action of each target.
// Actions require Terraform 1.14. OpenTofu has none.
func (v *vault) actionsAreEchoed(t *testing.T) {
	t.Helper()
	if !v.tf.AtLeast("1.14.0", "") {
		return
	}
	for i, target := range targets {
		f := v.fixture(t, target)
		v.tf.write(t, "main.tf", traceProvider+f.asBlock("1", f.here))
		v.echoes(t, "purge", shapes[i:])
		v.run(t, nil, false, "apply", "-auto-approve", "-invoke=action."+f.kind()+".it")
		v.heal(t)
	}
}

func (v *vault) heal(t *testing.T) {
	t.Helper()
	for _, target := range targets {
		v.recorder(t, target).ClearFaults()
	}
}

// search searches everything for secrets, and checks that there was something to
// search.
func (v *vault) search(t *testing.T) {
	t.Helper()
	v.searchEchoes(t)
	texts := v.tf.files(t)
	maps.Copy(texts, v.outputs)
	texts["the journal"] = fmt.Sprint(v.Journal.Entries())
	if crash, err := os.ReadFile(filepath.Join(v.tf.Path, "crash.log")); err == nil {
		t.Errorf("terraform crashed:\n%s", crash)
	}
	secrets := append(v.Secrets(), v.planted...)
	all := strings.Join(slices.Collect(maps.Values(texts)), "\n")
	for _, leak := range leaks(all, secrets) {
		t.Errorf("leaked: %s", leak)
	}
	if t.Failed() {
		for _, name := range slices.Sorted(maps.Keys(texts)) {
			if n := len(leaks(texts[name], secrets)); n > 0 {
				t.Logf("%s contains %d secrets", name, n)
			}
		}
	}
	for _, name := range []string{"plan/tfplan", "terraform.tfstate", "00 plan.log"} {
		if texts[name] == "" {
			t.Errorf("there is no %s to search", name)
		}
	}
	v.searchHeaders(t, all)
}

// searchEchoes reports shapes and secrets that no echo contained, because only what
// is sent back can leak.
func (v *vault) searchEchoes(t *testing.T) {
	t.Helper()
	for _, s := range shapes {
		if v.shapes[s.name] == 0 {
			t.Errorf("nothing responded with %s", s.name)
		}
	}
	for _, a := range serviceArguments(t) {
		if strings.HasPrefix(a.name, "client_") {
			continue // is presented in a handshake that does not contain the key
		}
		if a.sensitive && !v.echoed[a.variable] {
			t.Errorf("no echo contained the secret of %s, so the test cannot notice if it is shown: does a request carry it, "+
				"and does one of the ways in accesses in service_test.go use it?", a)
		}
	}
}

var headerField = regexp.MustCompile(`header_([A-Za-z0-9-]+)`)

// searchHeaders reports headers in the log that are not in the list, and checks
// that the log contains the headers of responses.
func (v *vault) searchHeaders(t *testing.T, log string) {
	t.Helper()
	seen := make(map[string]int)
	for _, field := range headerField.FindAllStringSubmatch(log, -1) {
		seen[field[1]]++
	}
	for _, name := range logged {
		if seen[name] == 0 {
			t.Errorf("the header %s is never logged", name)
		}
		delete(seen, name)
	}
	for name := range seen {
		t.Errorf("the header %s is logged", name)
	}
	if !strings.Contains(log, "[redacted]") {
		t.Error("nothing was redacted, so nothing was echoed")
	}
}
