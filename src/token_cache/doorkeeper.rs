//! Who has knocked before: the admission to a memory that is full.
//!
//! A token that is used once would push another out, and both for nothing: what is written for it and freed for it is cold
//! memory, which costs more than all that is done with it (DESIGN.md, "Speed"). So it is turned away and a number is
//! noted; when it comes again while the number is there, it has proved that it does.

/// The tokens that were turned away last, by their hashes.
pub(super) struct Doorkeeper {
    /// Each hash has one place, which it shares with others: who came last has it. 0 is nobody.
    places: Box<[u32]>,
}

impl Doorkeeper {
    /// One that remembers about so many.
    pub(super) fn new(places: usize) -> Self {
        Self { places: vec![0; places.max(1)].into() }
    }

    /// Whether this hash has been here before. From now on it has.
    ///
    /// Another's may be taken for it, once in four billion times; then somebody is let in on the first visit.
    pub(super) fn check_and_insert(&mut self, hash: u64) -> bool {
        let [tag, place] = [hash >> 32, hash].map(|half| half as u32);
        let len = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let place = place.checked_rem(len).and_then(|place| self.places.get_mut(place as usize));
        place.is_some_and(|place| std::mem::replace(place, tag) == tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two hashes for each number: `tag` in the upper half, `place` in the lower one.
    const fn hash(tag: u32, place: u32) -> u64 {
        (tag as u64) << 32 | place as u64
    }

    #[test]
    fn the_second_visit_counts() {
        let mut door = Doorkeeper::new(8);
        assert!(!door.check_and_insert(hash(5, 1)));
        assert!(door.check_and_insert(hash(5, 1)) && door.check_and_insert(hash(5, 1)));
        assert!(!door.check_and_insert(hash(5, 2)), "another place");
        assert!(!door.check_and_insert(hash(6, 1)), "another hash at the same place");
        assert!(!door.check_and_insert(hash(5, 1)), "which has taken it");
    }

    #[test]
    fn it_remembers_about_as_many_as_it_was_made_for() {
        let mut door = Doorkeeper::new(1000);
        let hashes: Vec<u64> = (1..=500_u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        assert!(hashes.iter().all(|hash| !door.check_and_insert(*hash)));
        let known = hashes.iter().filter(|hash| door.check_and_insert(**hash)).count();
        assert!(known > 250, "{known} of 500");
    }

    #[test]
    fn a_door_without_places_is_still_a_door() {
        let mut door = Doorkeeper::new(0);
        assert!(!door.check_and_insert(hash(5, 7)) && door.check_and_insert(hash(5, 7)));
    }
}
