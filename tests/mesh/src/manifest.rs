//! The manifests of `deploy/`, with the replacements that their comments ask for.

use serde_json::Value;
use test_support::root;

/// The text of a manifest.
#[derive(Clone)]
pub struct Manifest(String);

impl Manifest {
    /// Reads a file of the repository.
    ///
    /// # Panics
    ///
    /// If the file does not exist.
    pub fn read(file: &str) -> Self {
        Self(std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}")))
    }

    /// Makes a manifest of a text.
    pub const fn of(text: String) -> Self {
        Self(text)
    }

    /// Replaces a text at every place.
    ///
    /// # Panics
    ///
    /// If the text does not occur: then the manifest has changed, and the test with it.
    pub fn replace(self, from: &str, to: &str) -> Self {
        assert!(self.0.contains(from), "the manifest does not contain {from:?}");
        Self(self.0.replace(from, to))
    }

    /// Sets the address and the digest of the image, and removes the `#` before `sha256`.
    pub fn image(self, registry: &str, digest: &str) -> Self {
        let digest = digest.strip_prefix("sha256:").unwrap_or(digest);
        self.replace(IMAGE_REGISTRY, registry).replace(
            "# sha256: \"0000000000000000000000000000000000000000000000000000000000000000\"",
            &format!("sha256: \"{digest}\""),
        )
    }

    /// Removes the resources of a kind.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn without(self, kind: &str) -> Self {
        let line = format!("\nkind: {kind}\n");
        let (removed, kept): (Vec<&str>, Vec<&str>) =
            self.0.split("\n---\n").partition(|resource| resource.contains(&line));
        assert!(!removed.is_empty(), "the manifest has no {kind}");
        Self(kept.join("\n---\n"))
    }

    /// Returns the resources of a kind.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn only(self, kind: &str) -> Self {
        let line = format!("\nkind: {kind}\n");
        let kept: Vec<&str> = self.0.split("\n---\n").filter(|resource| resource.contains(&line)).collect();
        assert!(!kept.is_empty(), "the manifest has no {kind}");
        Self(kept.join("\n---\n"))
    }

    /// Returns the resources as JSON.
    ///
    /// # Panics
    ///
    /// If one is not YAML.
    pub fn resources(&self) -> Vec<Value> {
        self.0.split("\n---\n").map(|text| serde_saphyr::from_str(text).expect("YAML")).collect()
    }

    /// Adds a resource.
    pub fn and(self, resource: &str) -> Self {
        Self(format!("{}\n---\n{resource}", self.0))
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// The registry that the manifests name.
const IMAGE_REGISTRY: &str = "registry.example.com/team";
