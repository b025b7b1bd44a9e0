//! The authentication of the filter at the introspection endpoint. The plugin configuration has no
//! secrets, because Envoy's admin interface shows it. It has the names of environment variables.

use std::fmt;

use super::client_assertion::AssertionKey;

/// The authentication of the filter at the introspection endpoint.
#[derive(Clone, Debug)]
pub enum ClientAuth {
    /// The filter sends no credentials. Envoy may add them (`credential_injector`).
    None,
    /// HTTP Basic with the client ID and a secret (RFC 6749 section 2.3.1).
    SecretBasic(EnvSecret),
    /// The client ID and a secret in the body (RFC 6749 section 2.3.1).
    SecretPost(EnvSecret),
    /// A signed assertion (RFC 7523 section 2.2).
    PrivateKeyJwt {
        /// The variable with the private key, a JWK.
        key: EnvSecret,
        /// `kid` of the assertion.
        key_id: Option<String>,
        /// The key, after [`ClientAuth::resolve`].
        parsed: Option<AssertionKey>,
    },
}

/// A secret in an environment variable of the VM. `Debug` omits the value.
#[derive(Clone, Eq, PartialEq)]
pub struct EnvSecret {
    /// The name of the variable.
    pub variable: String,
    value: Option<String>,
}

/// The reason why a secret cannot be used, as a predicate whose subject is the field with the name
/// of the variable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SecretError {
    /// The environment has no such variable, or it is empty.
    Missing,
    /// The value is not the JWK of a private key for ES256.
    NotAKey,
}

impl ClientAuth {
    /// Reads the secret from the environment. `variable` returns the value of a variable.
    ///
    /// # Errors
    /// [`SecretError`]. It contains no part of the secret.
    pub fn resolve(&mut self, variable: &dyn Fn(&str) -> Option<String>) -> Result<(), SecretError> {
        match self {
            Self::None => Ok(()),
            Self::SecretBasic(secret) | Self::SecretPost(secret) => secret.resolve(variable),
            Self::PrivateKeyJwt { key, parsed, .. } => {
                key.resolve(variable)?;
                let jwk = key.value.take().unwrap_or_default();
                *parsed = Some(AssertionKey::from_jwk(jwk.as_bytes()).ok_or(SecretError::NotAKey)?);
                Ok(())
            }
        }
    }

    /// Returns the names of the fields that lead to the name of the variable; empty without one.
    pub fn variable_field(&self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::SecretBasic(_) => &["client_secret_basic", "secret_env"],
            Self::SecretPost(_) => &["client_secret_post", "secret_env"],
            Self::PrivateKeyJwt { .. } => &["private_key_jwt", "key_env"],
        }
    }

    /// Returns the name of the variable.
    pub fn variable(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::SecretBasic(secret) | Self::SecretPost(secret) => Some(&secret.variable),
            Self::PrivateKeyJwt { key, .. } => Some(&key.variable),
        }
    }
}

impl EnvSecret {
    /// Names a variable whose value is not read yet.
    pub const fn new(variable: String) -> Self {
        Self { variable, value: None }
    }

    /// Returns the value; empty before [`ClientAuth::resolve`].
    pub(super) fn value(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }

    fn resolve(&mut self, variable: &dyn Fn(&str) -> Option<String>) -> Result<(), SecretError> {
        // A file or a shell may add a line break, which is never part of a secret.
        let value = variable(&self.variable).map(|value| value.trim_end_matches(['\r', '\n']).to_owned());
        self.value = Some(value.filter(|value| !value.is_empty()).ok_or(SecretError::Missing)?);
        Ok(())
    }
}

impl fmt::Debug for EnvSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnvSecret({})", self.variable)
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "names an environment variable that the VM does not have",
            Self::NotAKey => "names a variable that is not the JWK of a private P-256 key",
        })
    }
}
