//! Protected resource metadata (RFC 9728), from which a client learns how to get a token for a URL.
//!
//! All metadata comes from the configuration. The path of a request selects the resource. Its
//! `Host` has no effect, because the client controls it.

use serde_json::Value;

use crate::policy::{CanonicalPath, NormalizationOptions, NormalizedRequest};
use crate::reply::Reply;

/// The well-known path of metadata; the path of the resource follows it (RFC 9728 section 3.1).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The code of these responses in metrics and logs.
pub const CODE: &str = "protected_resource_metadata";

/// The `Cache-Control` of metadata, which changes only with the configuration.
const CACHE_CONTROL: &str = "public, max-age=3600";

/// A protected resource.
#[derive(Clone, Debug)]
pub struct ProtectedResource {
    /// The canonical path of the resource, without a slash at the end.
    prefix: String,
    metadata_path: String,
    metadata_url: String,
    document: String,
    /// The value that the `aud` of a token must have; `None` for no condition.
    required_audience: Option<String>,
}

/// All protected resources, those with the longest paths first.
#[derive(Clone, Debug, Default)]
pub struct ProtectedResources {
    resources: Vec<ProtectedResource>,
    normalization: NormalizationOptions,
    /// Whether a resource requires an audience.
    requires_audience: bool,
}

impl ProtectedResource {
    /// Creates the resource of a URL, with its metadata. `path` is not percent-decoded.
    ///
    /// Returns `None` if the path is ambiguous, so that upstreams may interpret it differently.
    pub fn new(
        authority: &str,
        path: &str,
        normalization: NormalizationOptions,
        metadata: &Value,
    ) -> Option<Self> {
        // RFC 9728 section 3.1: "any terminating slash following the host component MUST be
        // removed".
        let path = if path == "/" { "" } else { path };
        let metadata_path = format!("{WELL_KNOWN}{path}");
        let metadata_path = CanonicalPath::new(metadata_path.as_bytes(), normalization).ok()?;
        let metadata_path = metadata_path.as_str().to_owned();
        let prefix = metadata_path.strip_prefix(WELL_KNOWN)?;
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix).to_owned();
        let metadata_url = format!("https://{authority}{WELL_KNOWN}{path}");
        let document = metadata.to_string();
        Some(Self { prefix, metadata_path, metadata_url, document, required_audience: None })
    }

    /// Sets the value that the `aud` of a token must have.
    #[must_use]
    pub fn with_required_audience(mut self, audience: Option<String>) -> Self {
        self.required_audience = audience;
        self
    }

    /// Returns whether two resources have equal paths.
    pub(crate) fn has_same_path(&self, other: &Self) -> bool {
        self.prefix == other.prefix
    }

    /// Returns whether a path is that of the resource or below it.
    fn contains(&self, path: &str) -> bool {
        path.strip_prefix(&self.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl ProtectedResources {
    /// Creates the list of resources. `normalization` applies to the paths of requests.
    pub fn new(mut resources: Vec<ProtectedResource>, normalization: NormalizationOptions) -> Self {
        resources.sort_unstable_by_key(|resource| std::cmp::Reverse(resource.prefix.len()));
        let requires_audience = resources.iter().any(|resource| resource.required_audience.is_some());
        Self { resources, normalization, requires_audience }
    }

    /// Returns the response to a request for metadata; `None` for any other request.
    pub(crate) fn metadata_response(&self, request: &NormalizedRequest<'_>) -> Option<Reply> {
        if !matches!(request.method, b"GET" | b"HEAD") {
            return None;
        }
        let resource =
            self.resources.iter().find(|resource| resource.metadata_path == request.path.as_str())?;
        let headers = [
            ("content-type", "application/json"),
            ("cache-control", CACHE_CONTROL),
            ("access-control-allow-origin", "*"),
        ];
        let headers = headers.map(|(name, value)| (name, value.to_owned())).to_vec();
        Some(Reply { status: 200, headers, body: resource.document.clone() })
    }

    /// Returns the value that the `aud` of a token for this path must have; `None` for no condition.
    /// The resource with the longest path that contains it decides.
    pub(crate) fn required_audience(&self, path: &CanonicalPath<'_>) -> Option<&str> {
        if !self.requires_audience {
            return None;
        }
        let resource = self.resources.iter().find(|resource| resource.contains(path.as_str()))?;
        resource.required_audience.as_deref()
    }

    /// Returns the metadata URL of the resource with the longest path that contains this `:path`.
    /// An ambiguous or invalid `:path` belongs to the resource of the whole host, if there is one.
    pub(crate) fn metadata_url(&self, path: &[u8]) -> Option<&str> {
        if self.resources.is_empty() {
            return None;
        }
        let path = CanonicalPath::new(path, self.normalization).ok();
        let path = path.as_ref().map_or("", CanonicalPath::as_str);
        self.resources
            .iter()
            .find(|resource| resource.contains(path))
            .map(|resource| resource.metadata_url.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::RequiredInputs;
    use crate::request::RequestHead;

    fn resources(paths: &[&str]) -> ProtectedResources {
        let resource = |path: &&str| {
            ProtectedResource::new("api.example", path, NormalizationOptions::default(), &(*path).into())
                .unwrap()
        };
        ProtectedResources::new(paths.iter().map(resource).collect(), NormalizationOptions::default())
    }

    #[test]
    fn metadata_url_of_a_path_is_that_of_the_longest_prefix_of_segments() {
        let all = resources(&["/", "/orders", "/orders/eu", "/caf%C3%A9", "/open/"]);
        for (path, expected) in [
            ("/", ""),
            ("/x?a=/orders", ""),
            ("/orders", "/orders"),
            ("/order%73?x", "/orders"),
            ("/orders/1", "/orders"),
            ("/ordersets", ""),
            ("/orders/eu/1", "/orders/eu"),
            ("/orders/europe", "/orders"),
            ("/caf%c3%a9/1", "/caf%C3%A9"),
            ("/open", "/open/"),
            ("/open/1", "/open/"),
            ("/orders/../x", ""),
            ("", ""),
        ] {
            let url = format!("https://api.example{WELL_KNOWN}{expected}");
            assert_eq!(all.metadata_url(path.as_bytes()), Some(url.as_str()), "{path}");
        }
        let one = resources(&["/orders"]);
        assert!(one.metadata_url(b"/x").is_none() && one.metadata_url(b"/orders//").is_none());
        assert!(resources(&[]).metadata_url(b"/").is_none());
    }

    #[test]
    fn metadata_response_to_get_and_head_of_a_metadata_path_is_the_document() {
        let all = resources(&["/", "/orders", "/open/"]);
        let document = |method: &str, path: &str| {
            let (method, path) = (method.as_bytes(), format!("{WELL_KNOWN}{path}"));
            let head = RequestHead { method, path: path.as_bytes(), ..RequestHead::default() };
            all.metadata_response(&NormalizedRequest::new(&head, &RequiredInputs::default()).unwrap())
                .map(|reply| reply.body)
        };
        for (method, path, expected) in [
            ("GET", "", Some("/")),
            ("HEAD", "", Some("/")),
            ("GET", "?x", Some("/")),
            ("GET", "/orders", Some("/orders")),
            ("GET", "/%6frders", Some("/orders")),
            ("GET", "/open/", Some("/open/")),
            ("GET", "/open", None),
            ("GET", "/", None),
            ("GET", "/orders/", None),
            ("GET", "/orders/1", None),
            ("POST", "/orders", None),
            ("OPTIONS", "/orders", None),
        ] {
            let expected = expected.map(|path| format!("\"{path}\""));
            assert_eq!(document(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn resource_with_an_ambiguous_path_is_none() {
        for path in ["/a//b", "/a/../b", "/a%2fb", "/a;b"] {
            let resource =
                ProtectedResource::new("api.example", path, NormalizationOptions::default(), &Value::Null);
            assert!(resource.is_none(), "{path}");
        }
    }
}
