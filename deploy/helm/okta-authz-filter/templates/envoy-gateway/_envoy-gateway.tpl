{{/*
The names of the xDS listeners of the Gateway, as a JSON list. Envoy Gateway names an xDS listener
after the Gateway and the first listener on its port, and that of HTTP/3 with `-quic`. With its
runtime flag XDSNameSchemeV2, the names are tcp-{port} and udp-{port}.
*/}}
{{- define "okta-authz.xds-listeners" -}}
{{- $names := list -}}
{{- range .Values.envoyGateway.listeners -}}
  {{- $tcp := printf "%s/%s/%s" $.Release.Namespace $.Values.envoyGateway.gateway .name -}}
  {{- $quic := printf "%s-quic" $tcp -}}
  {{- if eq $.Values.envoyGateway.xdsNameScheme "V2" -}}
    {{- if not .port -}}
      {{- fail (printf "envoyGateway.listeners: the listener %q must have a port, because envoyGateway.xdsNameScheme is V2" .name) -}}
    {{- end -}}
    {{- $tcp = printf "tcp-%d" (int .port) -}}
    {{- $quic = printf "udp-%d" (int .port) -}}
  {{- end -}}
  {{- $names = append $names $tcp -}}
  {{- if .http3 -}}
    {{- $names = append $names $quic -}}
  {{- end -}}
{{- end -}}
{{- $names | uniq | toJson -}}
{{- end -}}

{{/* Not empty if a listener has HTTP/3. */}}
{{- define "okta-authz.http3" -}}
{{- range .Values.envoyGateway.listeners -}}
  {{- if .http3 -}}true{{- end -}}
{{- end -}}
{{- end -}}
