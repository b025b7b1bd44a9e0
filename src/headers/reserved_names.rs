//! A fast check whether a header can have a reserved name.

/// The first octets that the name of a reserved header, or a lookalike of one, can have. A request
/// can have many headers, and nearly all names differ from reserved names in the first octet.
#[derive(Clone, Debug)]
pub(crate) struct ReservedNames {
    first: [bool; 256],
}

impl ReservedNames {
    /// Creates the check for these names.
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        // An upstream may ignore leading octets that are neither letters nor digits.
        let mut first: [bool; 256] = std::array::from_fn(|octet| {
            u8::try_from(octet).is_ok_and(|octet| !octet.is_ascii_alphanumeric())
        });
        for name in names {
            match name.as_bytes().first() {
                Some(octet) if octet.is_ascii_alphanumeric() => {
                    for octet in [octet.to_ascii_lowercase(), octet.to_ascii_uppercase()] {
                        first.get_mut(usize::from(octet)).into_iter().for_each(|flag| *flag = true);
                    }
                }
                _ => return Self::default(),
            }
        }
        // The name of a pseudo-header is equivalent to no other name.
        first.get_mut(usize::from(b':')).into_iter().for_each(|flag| *flag = false);
        Self { first }
    }

    /// Returns whether a header with this name can be a reserved one. If true, the caller has to
    /// compare the name.
    pub(crate) fn may_contain(&self, name: &str) -> bool {
        name.as_bytes().first().is_some_and(|octet| self.first.get(usize::from(*octet)) != Some(&false))
    }
}

/// The check that excludes no name.
impl Default for ReservedNames {
    fn default() -> Self {
        Self { first: [true; 256] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::is_lookalike;

    #[test]
    fn may_contain_lookalike_of_a_reserved_name_is_true() {
        let reserved = ["x-okta-sub", "authorization", "1-id"];
        let names = ReservedNames::new(reserved.into_iter());
        for name in [
            "x-okta-sub",
            "X-Okta-Sub",
            "x_okta.sub[0]",
            "-x-okta-sub",
            " x-okta-sub",
            "\u{a0}x-okta-sub",
            "authorization",
            "AUTHORIZATION",
            "1_id",
            "_1-id",
        ] {
            assert!(reserved.iter().any(|other| is_lookalike(name, other)), "{name}");
            assert!(names.may_contain(name), "{name}");
        }
        for name in ["", ":path", ":authority", "cookie", "user-agent", "2-id"] {
            assert!(!names.may_contain(name), "{name}");
        }
        assert!(names.may_contain("x-request-id"), "the caller compares the name");
        assert!(ReservedNames::default().may_contain("cookie"));
        assert!(ReservedNames::new(["\u{e9}"].into_iter()).may_contain("cookie"), "not a letter of ASCII");
    }
}
