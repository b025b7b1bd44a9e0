{{/*
The hosts that the proxy connects to, and the configuration of the filter with the names of their
clusters, as JSON: { hosts: [{ host, port, name, cluster }], config }.

A source of keys or of a denylist without `cluster` gets a cluster for the host of its URL. Sources
with one host share a cluster.
*/}}
{{- define "okta-authz.resolved" -}}
{{- $config := deepCopy .Values.config -}}
{{- $sources := list -}}
{{- range $name, $provider := $config.providers -}}
  {{- $path := printf "config.providers.%s" $name -}}
  {{- /* A provider of opaque tokens needs no keys. */ -}}
  {{- $is_opaque := and (hasKey $provider "introspection") (eq (($provider.introspection).tokens | default "opaque") "opaque") -}}
  {{- if not (or (hasKey $provider "remote_jwks") (hasKey $provider "local_jwks") $is_opaque) -}}
    {{- $_ := set $provider "remote_jwks" dict -}}
  {{- end -}}
  {{- if hasKey $provider "remote_jwks" -}}
    {{- $issuer := $provider.issuer | default (first ($provider.issuers | default (list ""))) -}}
    {{- $url := $provider.remote_jwks.uri | default $issuer -}}
    {{- $field := ternary "remote_jwks.uri" "issuer" (not (empty $provider.remote_jwks.uri)) -}}
    {{- $sources = append $sources (dict "source" $provider.remote_jwks "url" $url "path" $path "field" $field "within" "remote_jwks") -}}
  {{- end -}}
{{- end -}}
{{- with $config.denylist -}}
  {{- with .remote -}}
    {{- $sources = append $sources (dict "source" . "url" .uri "path" "config.denylist" "field" "remote.uri" "within" "remote") -}}
  {{- end -}}
{{- end -}}
{{- $hosts := dict -}}
{{- range $entry := $sources -}}
  {{- if not $entry.source.cluster -}}
    {{- if not $.Values.okta.create -}}
      {{- fail (printf "%s.%s.cluster: is missing: must be the name of a cluster of the proxy, because okta.create is false" $entry.path $entry.within) -}}
    {{- end -}}
    {{- $host := include "okta-authz.host" $entry | fromJson -}}
    {{- $_ := set $entry "authority" $host.authority -}}
    {{- $_ := set $hosts $host.authority $host -}}
  {{- end -}}
{{- end -}}
{{- $single := eq (len $hosts) 1 -}}
{{- range $authority, $host := $hosts -}}
  {{- $name := include "okta-authz.okta-name" $ -}}
  {{- if not $single -}}
    {{- $name = printf "%s-%s" $name (regexReplaceAll "[^a-z0-9]+" (trimSuffix ":443" $authority) "-") -}}
  {{- end -}}
  {{- $istio := printf "outbound|%d||%s" (int $host.port) $host.host -}}
  {{- $_ := set $host "name" $name -}}
  {{- $_ := set $host "cluster" (ternary $istio $name (eq $.Values.platform "istio")) -}}
{{- end -}}
{{- range $entry := $sources -}}
  {{- if $entry.authority -}}
    {{- $_ := set $entry.source "cluster" (get $hosts $entry.authority).cluster -}}
  {{- end -}}
{{- end -}}
{{- /* In a fixed order, so that each rendering is equal. */ -}}
{{- $sorted := list -}}
{{- range $authority := keys $hosts | sortAlpha -}}
  {{- $sorted = append $sorted (get $hosts $authority) -}}
{{- end -}}
{{- dict "hosts" $sorted "config" $config | toJson -}}
{{- end -}}

{{/* Host and port of a URL, as JSON. Fails with the path of the field. */}}
{{- define "okta-authz.host" -}}
{{- $problem := printf "%s.%s: must be an https URL with a host name in lower case: %q" .path .field (.url | default "") -}}
{{- if not (regexMatch "^https://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?(/[^ ]*)?$" (.url | default "")) -}}
{{- fail $problem -}}
{{- end -}}
{{- $authority := regexFind "^[^/]+" (trimPrefix "https://" .url) -}}
{{- $parts := splitList ":" $authority -}}
{{- if regexMatch "^[0-9.]+$" (first $parts) -}}
{{- fail $problem -}}
{{- end -}}
{{- $port := ternary (last $parts) "443" (eq (len $parts) 2) -}}
{{- dict "host" (first $parts) "port" (int $port) "authority" (printf "%s:%s" (first $parts) $port) | toJson -}}
{{- end -}}
