{{/* The gateways of istio.targetRefs, with the defaults of group and kind. */}}
{{- define "okta-authz.istio-target-refs" -}}
{{- range .Values.istio.targetRefs }}
- group: {{ .group | default "gateway.networking.k8s.io" }}
  kind: {{ .kind | default "Gateway" }}
  name: {{ .name | quote }}
{{- end }}
{{- end -}}

{{/* The context of the patches. */}}
{{- define "okta-authz.istio-context" -}}
{{- ternary "SIDECAR_INBOUND" "GATEWAY" (eq .Values.istio.mode "sidecar") -}}
{{- end -}}
