{{/* Fails if values contradict each other. The schema checks each value. */}}
{{- define "okta-authz.validate" -}}
{{- include "okta-authz.validate-null" . -}}
{{- $module := .Values.module -}}
{{- $istio := .Values.istio -}}
{{- if and (not .Values.guard.enabled) (not .Values.guard.disabledReason) -}}
{{- fail "guard.enabled: must be true: without the guard, a proxy that skips the filter allows every request. If another resource has the guard, name it in guard.disabledReason" -}}
{{- end -}}
{{- if and $module.url .Values.image.registry -}}
{{- fail "module.url: must not be set together with image.registry: the module is either a file or an image" -}}
{{- end -}}
{{- if and (hasPrefix "http://" $module.url) (not $module.sha256) -}}
{{- fail "module.sha256: is missing: must be the digest of the module, because module.url is not an https URL" -}}
{{- end -}}
{{- if eq .Values.platform "istio" -}}
  {{- if and $istio.selector $istio.targetRefs -}}
  {{- fail "istio.targetRefs: must not be set together with istio.selector" -}}
  {{- end -}}
  {{- if not (or $istio.selector $istio.targetRefs) -}}
  {{- fail "istio.selector: is missing: must have the labels of the pods, such as istio: ingress; or set istio.targetRefs" -}}
  {{- end -}}
  {{- if eq $istio.mode "sidecar" -}}
    {{- if $istio.targetRefs -}}
    {{- fail "istio.targetRefs: must not be set with istio.mode sidecar: istio.selector selects a workload" -}}
    {{- end -}}
    {{- if and $istio.denyOtherPorts (not $istio.ports) -}}
    {{- fail "istio.ports: is missing: must list the ports of the container that have HTTP, because a TCP connection to another port passes neither filter nor guard; istio.denyOtherPorts: false leaves other ports open" -}}
    {{- end -}}
  {{- end -}}
{{- else -}}
  {{- if not .Values.envoyGateway.gateway -}}
  {{- fail "envoyGateway.gateway: is missing: must be the name of the Gateway" -}}
  {{- end -}}
  {{- if not .Values.envoyGateway.listeners -}}
  {{- fail "envoyGateway.listeners: is missing: must list every listener of the Gateway, because each needs the guard" -}}
  {{- end -}}
  {{- if hasPrefix "file://" $module.url -}}
  {{- fail "module.url: must be an https or http URL: Envoy Gateway downloads the module" -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{/* Fails for null, with which Helm removes a default: a template must not read it as off. */}}
{{- define "okta-authz.validate-null" -}}
{{- $paths := list
  "fullnameOverride" "failStrategy"
  "image" "image.repository" "image.tag" "image.digest" "image.pullPolicy" "image.pullSecret"
  "module" "module.url" "module.sha256"
  "okta" "okta.create" "okta.name" "okta.caFile"
  "guard" "guard.enabled" "guard.disabledReason"
  "http" "http.create" "http.streamIdleTimeout"
  "istio" "istio.mode" "istio.selector" "istio.targetRefs" "istio.ports" "istio.denyOtherPorts"
  "istio.egress" "istio.egress.create" "istio.egress.name" "istio.egress.hosts"
  "envoyGateway" "envoyGateway.listeners" "envoyGateway.xdsNameScheme" "envoyGateway.mergedGatewayClass"
  "envoyGateway.envoyProxy" "envoyGateway.envoyProxy.create" "envoyGateway.envoyProxy.name"
  "envoyGateway.envoyProxy.filterOrder"
-}}
{{- range $path := $paths -}}
  {{- $value := $.Values -}}
  {{- range $name := splitList "." $path -}}
    {{- if kindIs "invalid" (index $value $name) -}}
    {{- fail (printf "%s: must not be null: omit it for the default" $path) -}}
    {{- end -}}
    {{- $value = index $value $name -}}
  {{- end -}}
{{- end -}}
{{- end -}}
