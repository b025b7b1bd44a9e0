{{/* Fails if values contradict each other. The schema of the values checks each value. */}}
{{- define "okta-authz.validate" -}}
{{- $istio := .Values.istio -}}
{{- if and .Values.module.url .Values.image.registry -}}
{{- fail "module.url: must not be set together with image.registry: the module is either a file or an image" -}}
{{- end -}}
{{- if and (hasPrefix "http://" .Values.module.url) (not .Values.module.sha256) -}}
{{- fail "module.sha256: is missing: must be the digest of the module, because module.url is not an https URL" -}}
{{- end -}}
{{- if eq .Values.platform "istio" -}}
  {{- if and $istio.selector $istio.targetRefs -}}
  {{- fail "istio.targetRefs: must not be set together with istio.selector" -}}
  {{- end -}}
  {{- if not (or $istio.selector $istio.targetRefs) -}}
  {{- fail "istio.selector: is missing: must have the labels of the pods, such as istio: ingress; or set istio.targetRefs" -}}
  {{- end -}}
  {{- if and $istio.targetRefs (eq $istio.mode "sidecar") -}}
  {{- fail "istio.targetRefs: must not be set with istio.mode sidecar: a workload is selected by istio.selector" -}}
  {{- end -}}
{{- else -}}
  {{- if not .Values.envoyGateway.gateway -}}
  {{- fail "envoyGateway.gateway: is missing: must be the name of the Gateway" -}}
  {{- end -}}
  {{- if hasPrefix "file://" .Values.module.url -}}
  {{- fail "module.url: must be an https or http URL: Envoy Gateway downloads the module" -}}
  {{- end -}}
{{- end -}}
{{- end -}}
