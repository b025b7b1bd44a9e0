//! The headers that were read last: all tokens that an issuer signs with one key have the same, to the letter.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use super::{JoseHeader, decode};
use crate::rejection::Rejection;

/// One for each key that is in use, where there are few issuers. With more, some are read again.
const SLOTS: usize = 4;
/// Okta's have 80 octets. Longer ones are read each time, and not kept.
const MAX_BYTES: usize = 256;

/// A segment, and what it says.
type Slot = (Box<[u8]>, Rc<JoseHeader>);

/// Headers, with the segment in which each was written. A stranger can have them forgotten, and no more than that.
#[derive(Default)]
pub struct JoseHeaderCache {
    slots: RefCell<[Option<Slot>; SLOTS]>,
    next: Cell<usize>,
}

impl JoseHeaderCache {
    /// The header that this segment says.
    pub(super) fn read(&self, segment: &[u8]) -> Result<Rc<JoseHeader>, Rejection> {
        let mut slots = self.slots.borrow_mut();
        if let Some((_, header)) = slots.iter().flatten().find(|(have, _)| **have == *segment) {
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
        f.write_str("HeadersRead(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn a_header_is_read_once_and_stays_what_it_is() {
        let read = JoseHeaderCache::default();
        let segment = |kid: &str| URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#));
        let kid = |segment: &str| read.read(segment.as_bytes()).unwrap().key_id.clone().unwrap();
        for round in 0..3 {
            for name in ["a", "b", "c", "d", "e", "f", &"long".repeat(50)] {
                let segment = segment(name);
                let (first, second) = (read.read(segment.as_bytes()), read.read(segment.as_bytes()));
                let kept = segment.len() <= MAX_BYTES;
                assert_eq!(Rc::ptr_eq(&first.unwrap(), &second.unwrap()), kept, "{round} {name}");
                assert_eq!(kid(&segment), name, "{round}");
            }
        }
    }

    #[test]
    fn what_is_no_header_is_none_the_second_time_either() {
        let read = JoseHeaderCache::default();
        for _ in 0..2 {
            assert_eq!(read.read(b"e30").unwrap_err(), Rejection::HeaderMalformed);
            assert_eq!(read.read(b"").unwrap_err(), Rejection::TokenMalformed);
            assert_eq!(read.read(b"e30=").unwrap_err(), Rejection::TokenMalformed);
        }
        assert!(read.slots.borrow().iter().all(Option::is_none));
    }
}
