{{/* The name of the filter's resource, and the prefix of all other names: the name of the release. */}}
{{- define "okta-authz.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of the resources that connect the proxy to Okta. */}}
{{- define "okta-authz.okta-name" -}}
{{- .Values.okta.name | default (printf "%s-okta" (include "okta-authz.fullname" .)) -}}
{{- end -}}

{{/* The labels of every resource. */}}
{{- define "okta-authz.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* The metadata of a resource. Arguments: a list of the root and the name of the resource. */}}
{{- define "okta-authz.metadata" -}}
{{- $root := first . -}}
metadata:
  name: {{ last . | quote }}
  namespace: {{ $root.Release.Namespace | quote }}
  labels:
    {{- include "okta-authz.labels" $root | nindent 4 }}
{{- end -}}
