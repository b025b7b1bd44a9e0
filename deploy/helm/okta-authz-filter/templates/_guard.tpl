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
