//! The parameters of an OAuth request, from a query or a form.

use std::collections::HashMap;

/// Parameters, each with one value that is not empty.
#[derive(Default)]
pub(crate) struct Params(HashMap<String, String>);

impl Params {
    /// Reads a query or the body of a form. An empty value counts as absent (RFC 6749 section 3.1).
    ///
    /// # Errors
    ///
    /// The name of a parameter that occurs twice. RFC 6749 section 3.1 forbids that.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let mut values = HashMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            if !value.is_empty() && values.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return Err(name.into_owned());
            }
        }
        Ok(Self(values))
    }

    /// Returns the value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Returns whether the text is 256 bits in base64url without padding.
pub(crate) fn is_256_bits(text: &str) -> bool {
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() == 43 && text.bytes().all(base64url)
}
