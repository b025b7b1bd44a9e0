//! A fast check whether the filter may have to remove a header.

/// The first two letters or digits of the names of the headers that the filter removes, which are
/// the reserved names, and of their lookalikes.
///
/// A request can have many headers. Nearly every name differs from each reserved name in its first
/// or second letter: `x-request-id` from `x-okta-sub` in the second. So two lookups replace the
/// comparison with each reserved name.
#[derive(Clone, Debug)]
pub(crate) struct ReservedNames {
    /// For each first octet.
    first: [bool; 256],
    /// For each second letter or digit of a name that begins with a letter or digit.
    second: [bool; 256],
}

impl ReservedNames {
    /// Creates the check for these names. It excludes no name if one of them does not begin with an
    /// ASCII letter or digit, or is not ASCII.
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        // An upstream may ignore leading octets that are neither letters nor digits.
        let mut first: [bool; 256] = std::array::from_fn(|octet| {
            u8::try_from(octet).is_ok_and(|octet| !octet.is_ascii_alphanumeric())
        });
        let mut second = [false; 256];
        let set = |flags: &mut [bool; 256], octet: u8| {
            for octet in [octet.to_ascii_lowercase(), octet.to_ascii_uppercase()] {
                flags.get_mut(usize::from(octet)).into_iter().for_each(|flag| *flag = true);
            }
        };
        for name in names {
            let [octet, rest @ ..] = name.as_bytes() else { return Self::default() };
            if !name.is_ascii() || !octet.is_ascii_alphanumeric() {
                return Self::default();
            }
            set(&mut first, *octet);
            match rest.iter().find(|octet| octet.is_ascii_alphanumeric()) {
                Some(octet) => set(&mut second, *octet),
                None => second = [true; 256],
            }
        }
        // The name of a pseudo-header is equivalent to no other name.
        first.get_mut(usize::from(b':')).into_iter().for_each(|flag| *flag = false);
        Self { first, second }
    }

    /// Returns whether a header with this name can be a reserved one. If true, the caller has to
    /// compare the name.
    pub(crate) fn may_contain(&self, name: &str) -> bool {
        let has = |flags: &[bool; 256], octet: u8| flags.get(usize::from(octet)) != Some(&false);
        let [octet, rest @ ..] = name.as_bytes() else { return false };
        if !has(&self.first, *octet) || !octet.is_ascii_alphanumeric() {
            return has(&self.first, *octet);
        }
        // An upstream may end the name at another separator, or read octets outside ASCII as a
        // letter.
        match rest.iter().find(|octet| **octet != b'-') {
            Some(octet) if octet.is_ascii_alphanumeric() => has(&self.second, *octet),
            _ => true,
        }
    }
}

/// The check that excludes no name.
impl Default for ReservedNames {
    fn default() -> Self {
        Self { first: [true; 256], second: [true; 256] }
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
            "x--okta-sub",
            "x_-okta-sub",
            "x\u{a0}okta-sub",
            "a\u{a0}uthorization",
            "x-o\u{212a}ta-sub",
        ] {
            assert!(reserved.iter().any(|other| is_lookalike(name, other)), "{name}");
            assert!(names.may_contain(name), "{name}");
        }
        for name in ["", ":path", "cookie", "2-id", "x-request-id", "accept", "x--forwarded-for"] {
            assert!(!names.may_contain(name), "{name}");
        }
        assert!(names.may_contain("x-organization"), "the caller compares the name");
        assert!(ReservedNames::new(["x"].into_iter()).may_contain("x-request-id"), "no second letter");
        assert!(ReservedNames::default().may_contain("cookie"));
        assert!(ReservedNames::new(["\u{e9}"].into_iter()).may_contain("cookie"), "not a letter of ASCII");
    }
}
