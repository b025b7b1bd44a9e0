//! Tests of the token cache.

use super::*;

/// A token: a number, then a signature that depends on it.
fn token(number: u32) -> Vec<u8> {
    format!("{number:0>700}.{:0>342}", number.wrapping_mul(2_654_435_761)).into_bytes()
}

fn filled(max_bytes: usize, numbers: std::ops::Range<u32>) -> TokenCache<u32> {
    let cache = TokenCache::new(max_bytes);
    for number in numbers {
        cache.insert(&token(number), Rc::new(number), 2000);
    }
    cache
}

#[test]
fn get_other_token_is_none() {
    let cache = filled(1 << 20, 0..20);
    for number in 0..20 {
        assert_eq!(cache.get(&token(number)).as_deref(), Some(&number));
        let cached = token(number);
        for position in 0..cached.len() {
            let mut other = cached.clone();
            other[position] ^= 1;
            assert_eq!(cache.get(&other), None, "byte {position}");
        }
        assert_eq!(cache.get(&cached[1..]), None);
        assert_eq!(cache.get(&[b"0", &cached[..]].concat()), None);
        assert_eq!(cache.get(&cached[..cached.len() - 1]), None);
    }
    assert_eq!(cache.get(b""), None);
}

#[test]
fn get_removed_token_is_none() {
    let cache = filled(1 << 20, 0..20);
    cache.remove(&token(3));
    let missing: Vec<u32> = (0..20).filter(|number| cache.get(&token(*number)).is_none()).collect();
    assert_eq!(missing, [3]);
    assert_eq!(cache.counts(), CacheCounts { hits: 19, misses: 1, evictions: 0 });
}

#[test]
fn bytes_after_insertions_are_within_limit() {
    let max_bytes = 300_000;
    let cache = TokenCache::new(max_bytes);
    for number in (0..5000).flat_map(|number| [number; 2]) {
        cache.insert(&token(number), Rc::new(number), (number as usize % 50) * 400);
        assert!(cache.bytes() <= max_bytes as u64, "{} after {number}", cache.bytes());
    }
    assert!(cache.bytes() > max_bytes as u64 / 2, "{}", cache.bytes());
    assert!(cache.counts().evictions > 4000, "{:?}", cache.counts());
    let (len, heavy) = (cache.len(), token(5000));
    for _ in 0..2 {
        cache.insert(&heavy, Rc::new(5000), max_bytes);
    }
    assert!(
        cache.get(&heavy).is_none() && cache.len() == len,
        "a token larger than the cache evicts nothing"
    );
}

#[test]
fn cache_of_zero_bytes_is_empty() {
    assert_eq!(filled(0, 0..5).len(), 0);
}

#[test]
fn insert_into_full_cache_is_admitted_at_second_insertion() {
    let cache = filled(30 * 3000, 0..100);
    let full = cache.len();
    assert!((20..40).contains(&full), "{full}");
    let (new, counts) = (token(1000), cache.counts());
    cache.insert(&new, Rc::new(1000), 2000);
    assert_eq!((cache.get(&new), cache.len()), (None, full));
    assert_eq!(cache.counts().evictions, counts.evictions, "the first insertion evicts nothing");
    cache.insert(&new, Rc::new(1000), 2000);
    assert_eq!(cache.get(&new).as_deref(), Some(&1000));
}

#[test]
fn flood_of_new_tokens_evicts_no_token_in_use() {
    let cache = filled(300 * 3000, 0..100);
    let in_use =
        |cache: &TokenCache<u32>| (0..100).filter(|number| cache.get(&token(*number)).is_some()).count();
    assert_eq!(in_use(&cache), 100);
    // The cache does not admit tokens that are inserted once. It admits those that are inserted
    // twice, but they replace only each other.
    for (insertions, numbers) in [(1, 1_000..51_000), (2, 51_000..101_000)] {
        for number in numbers.flat_map(|number| std::iter::repeat_n(number, insertions)) {
            let flood = token(number);
            if cache.get(&flood).is_none() {
                cache.insert(&flood, Rc::new(number), 2000);
            }
        }
        assert_eq!(in_use(&cache), 100, "after 50,000 new tokens, each inserted {insertions} times");
    }
    assert!(cache.counts().evictions > 40_000, "{:?}", cache.counts());
}
