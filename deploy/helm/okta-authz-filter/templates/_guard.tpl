{{/* The guard: Envoy's RBAC filter, which denies requests that the filter did not permit. */}}
{{- define "okta-authz.guard" -}}
name: okta-authz-guard
typed_config:
  "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
  rules_stat_prefix: okta_authz_guard
  rules:
    action: ALLOW
    policies:
      permitted-by-okta-authz:
        permissions: [{ any: true }]
        principals:
          - filter_state: { key: wasm.okta.permit, string_match: { exact: granted } }
{{- end -}}

{{/* Fails if the guard is off without a reason. */}}
{{- define "okta-authz.guard-enabled" -}}
{{- if .Values.guard.enabled -}}
true
{{- else if not .Values.guard.disabledReason -}}
{{- fail "guard.enabled: must be true: without the guard, a proxy that skips the filter allows every request; guard.disabledReason names the reason if another release or file has the guard" -}}
{{- end -}}
{{- end -}}
