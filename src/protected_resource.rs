//! Protected resource metadata (RFC 9728): what a client that knows nothing but a URL has to know to get a token.
//!
//! Everything comes from the configuration. The request says which resource it is about, by its path; its `Host`, which
//! anybody can make up, never says where the metadata are.

use serde_json::Value;

use crate::policy::{CanonicalPath, NormalizationOptions, NormalizedRequest};
use crate::reply::Reply;

/// Where metadata are; the resource's own path follows (section 3.1).
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The name of these answers, beside the codes of decisions.
pub const CODE: &str = "protected_resource_metadata";

/// What metadata are like does not change without a new configuration.
const CACHE_CONTROL: &str = "public, max-age=3600";

/// A resource.
#[derive(Clone, Debug)]
pub struct ProtectedResource {
    /// Its path as rules see it, without a slash at the end.
    prefix: String,
    metadata_path: String,
    metadata_url: String,
    document: String,
}

/// All resources, those with the longest paths first.
#[derive(Clone, Debug, Default)]
pub struct ProtectedResources {
    resources: Vec<ProtectedResource>,
    normalization: NormalizationOptions,
}

impl ProtectedResource {
    /// The resource whose URL has this authority and path, with its metadata. The path is as it was written.
    ///
    /// `None` if the path could be read in more than one way.
    pub fn new(
        authority: &str,
        path: &str,
        normalization: NormalizationOptions,
        metadata: &Value,
    ) -> Option<Self> {
        // "any terminating slash following the host component MUST be removed"
        let path = if path == "/" { "" } else { path };
        let metadata_path =
            CanonicalPath::new(format!("{WELL_KNOWN}{path}").as_bytes(), normalization).ok()?;
        let metadata_path = metadata_path.as_str().to_owned();
        let prefix = metadata_path.strip_prefix(WELL_KNOWN)?;
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix).to_owned();
        let metadata_url = format!("https://{authority}{WELL_KNOWN}{path}");
        Some(Self { prefix, metadata_path, metadata_url, document: metadata.to_string() })
    }

    /// Whether two resources have the same requests.
    pub fn is_same(&self, other: &Self) -> bool {
        self.prefix == other.prefix
    }

    fn has(&self, path: &str) -> bool {
        path.strip_prefix(&self.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl ProtectedResources {
    /// Makes these resources, for requests whose paths are read in this way.
    pub fn new(mut resources: Vec<ProtectedResource>, normalization: NormalizationOptions) -> Self {
        resources.sort_unstable_by_key(|resource| std::cmp::Reverse(resource.prefix.len()));
        Self { resources, normalization }
    }

    /// The metadata, if that is what the request asks for.
    pub fn answer(&self, target: &NormalizedRequest<'_>) -> Option<Reply> {
        if !matches!(target.method, b"GET" | b"HEAD") {
            return None;
        }
        let resource =
            self.resources.iter().find(|resource| resource.metadata_path == target.path.as_str())?;
        let headers = [
            ("content-type", "application/json"),
            ("cache-control", CACHE_CONTROL),
            ("access-control-allow-origin", "*"),
        ];
        let headers = headers.map(|(name, value)| (name, value.to_owned())).to_vec();
        Some(Reply { status: 200, headers, body: resource.document.clone() })
    }

    /// Where the metadata are of the resource that this `:path` belongs to: the one with the longest path. One that cannot be
    /// read belongs to the resource that has everything, if there is one.
    pub fn metadata_url(&self, path: &[u8]) -> Option<&str> {
        if self.resources.is_empty() {
            return None;
        }
        let path = CanonicalPath::new(path, self.normalization).ok();
        let path = path.as_ref().map_or("", CanonicalPath::as_str);
        self.resources
            .iter()
            .find(|resource| resource.has(path))
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
    fn the_longest_path_of_whole_segments() {
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
    fn metadata_are_at_one_place_and_for_reading() {
        let all = resources(&["/", "/orders", "/open/"]);
        let document = |method: &str, path: &str| {
            let (method, path) = (method.as_bytes(), format!("{WELL_KNOWN}{path}"));
            let head = RequestHead { method, path: path.as_bytes(), ..RequestHead::default() };
            all.answer(&NormalizedRequest::new(&head, &RequiredInputs::default()).unwrap())
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
    fn a_path_with_two_readings_is_no_resource() {
        for path in ["/a//b", "/a/../b", "/a%2fb", "/a;b"] {
            let resource =
                ProtectedResource::new("api.example", path, NormalizationOptions::default(), &Value::Null);
            assert!(resource.is_none(), "{path}");
        }
    }
}
