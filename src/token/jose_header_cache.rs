//! A cache of parsed JOSE headers. All tokens that an issuer signs with one key have the same
//! header segment.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use super::{JoseHeader, decode};
use crate::rejection::Rejection;

/// The number of cached headers: one for each signing key of a few issuers.
const SLOTS: usize = 4;
/// The maximum length of a cached segment, in bytes. Okta's have 80 bytes. The filter parses a
/// longer one each time.
const MAX_BYTES: usize = 256;

/// A segment, and the header that it encodes.
type Slot = (Box<[u8]>, Rc<JoseHeader>);

/// A cache of the last parsed headers, by segment. Tokens of an attacker can only evict entries.
#[derive(Default)]
pub struct JoseHeaderCache {
    slots: RefCell<[Option<Slot>; SLOTS]>,
    next: Cell<usize>,
}

impl JoseHeaderCache {
    /// Returns the header that a base64url segment encodes.
    ///
    /// # Errors
    /// [`Rejection::TokenMalformed`] for a segment that is not base64url, and the rejections for a
    /// malformed header.
    pub(super) fn parse(&self, segment: &[u8]) -> Result<Rc<JoseHeader>, Rejection> {
        let mut slots = self.slots.borrow_mut();
        if let Some((_, header)) = slots.iter().flatten().find(|(cached, _)| **cached == *segment) {
            return Ok(Rc::clone(header));
        }
        let header = Rc::new(JoseHeader::parse(decode(segment)?)?);
        if segment.len() <= MAX_BYTES
            && let Some(slot) = slots.get_mut(self.next.get())
        {
            *slot = Some((segment.into(), Rc::clone(&header)));
            self.next.set(self.next.get().wrapping_add(1) % SLOTS);
        }
        Ok(header)
    }
}

impl fmt::Debug for JoseHeaderCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoseHeaderCache(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn header_parsed_twice_is_shared_if_short() {
        let cache = JoseHeaderCache::default();
        let segment = |kid: &str| URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#));
        let kid = |segment: &str| cache.parse(segment.as_bytes()).unwrap().key_id.clone().unwrap();
        for round in 0..3 {
            for name in ["a", "b", "c", "d", "e", "f", &"long".repeat(50)] {
                let segment = segment(name);
                let (first, second) = (cache.parse(segment.as_bytes()), cache.parse(segment.as_bytes()));
                let is_cached = segment.len() <= MAX_BYTES;
                assert_eq!(Rc::ptr_eq(&first.unwrap(), &second.unwrap()), is_cached, "{round} {name}");
                assert_eq!(kid(&segment), name, "{round}");
            }
        }
    }

    #[test]
    fn malformed_header_is_rejected_each_time() {
        let cache = JoseHeaderCache::default();
        for _ in 0..2 {
            assert_eq!(cache.parse(b"e30").unwrap_err(), Rejection::HeaderMalformed);
            assert_eq!(cache.parse(b"").unwrap_err(), Rejection::TokenMalformed);
            assert_eq!(cache.parse(b"e30=").unwrap_err(), Rejection::TokenMalformed);
        }
        assert!(cache.slots.borrow().iter().all(Option::is_none));
    }
}
