// Reads the identity headers of okta-authz-filter.
// Listens on 127.0.0.1: only Envoy may reach it.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// text returns a string claim, or "None" if the token does not have it.
func text(headers http.Header, name string) string {
	values := headers.Values(name)
	if len(values) == 0 {
		return "None"
	}
	// Not QueryUnescape, which makes a space of `+`.
	decoded, err := url.PathUnescape(values[0])
	if err != nil {
		return "None"
	}
	return decoded
}

// list returns a claim that is a list of strings.
// JSON has its own escapes: do not percent-decode it.
func list(headers http.Header, name string) []string {
	var values []string
	if err := json.Unmarshal([]byte(headers.Get(name)), &values); err != nil {
		return nil
	}
	return values
}

// payload returns all claims of the token.
func payload(headers http.Header) map[string]any {
	claims := map[string]any{}
	if decoded, err := base64.RawURLEncoding.DecodeString(headers.Get("x-okta-payload")); err == nil {
		_ = json.Unmarshal(decoded, &claims)
	}
	return claims
}

// issuer returns the issuer of the token, or "None" if there is no payload.
func issuer(headers http.Header) string {
	if issuer, ok := payload(headers)["iss"].(string); ok {
		return issuer
	}
	return "None"
}

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		expiresAt, _ := strconv.ParseInt(r.Header.Get("x-okta-exp"), 10, 64)
		w.Header().Set("content-type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "sub: %s\n", text(r.Header, "x-okta-sub"))
		fmt.Fprintf(w, "uid: %s\n", text(r.Header, "x-okta-uid"))
		fmt.Fprintf(w, "scopes: %s\n", strings.Join(list(r.Header, "x-okta-scopes"), " "))
		fmt.Fprintf(w, "groups: %s\n", strings.Join(list(r.Header, "x-okta-groups"), " | "))
		fmt.Fprintf(w, "expires at: %d\n", expiresAt)
		fmt.Fprintf(w, "issuer: %s\n", issuer(r.Header))
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
