{{/* The reference of the image, without a scheme. Fails without a registry. */}}
{{- define "okta-authz.image" -}}
{{- $image := .Values.image -}}
{{- if not $image.registry -}}
{{- fail "image.registry: is missing: must be the registry that you pushed the image to, such as registry.example.com/team; or set module.url" -}}
{{- end -}}
{{- printf "%s/%s:%s" (trimSuffix "/" $image.registry) $image.repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}

{{/* The digest of the image or of the module: 64 hexadecimal digits, or nothing. */}}
{{- define "okta-authz.sha256" -}}
{{- $field := ternary "module.sha256" "image.digest" (not (empty .Values.module.url)) -}}
{{- $digest := ternary .Values.module.sha256 .Values.image.digest (not (empty .Values.module.url)) | trimPrefix "sha256:" -}}
{{- if regexMatch "^0+$" $digest -}}
{{- fail (printf "%s: must be the digest of your build, not a placeholder" $field) -}}
{{- end -}}
{{- $digest -}}
{{- end -}}
