//! The candidate rules of a request, in the order of the policy.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Entry;

/// The remaining entries of a list for one host: the index of the next rule, the host ID, and the
/// entries after it.
type Head<'a> = (usize, usize, &'a [Entry]);

/// An iterator over the indices of candidate rules, in ascending order. It merges sorted lists.
/// Most requests have one list, which needs no heap and so no allocation.
#[derive(Debug, Default)]
pub(in crate::policy) struct Candidates<'a> {
    /// The list with the least next rule.
    first: Option<Head<'a>>,
    others: BinaryHeap<Reverse<Head<'a>>>,
}

impl<'a> Candidates<'a> {
    /// Adds the entries of a list for these hosts.
    pub(super) fn add(&mut self, entries: &'a [Entry], hosts: &[usize]) {
        if entries.is_empty() {
            return;
        }
        for host in hosts {
            let (_, rest) = entries.split_at(entries.partition_point(|entry| entry.0 < *host));
            if let Some(head) = head(*host, rest) {
                self.push(head);
            }
        }
    }

    fn push(&mut self, head: Head<'a>) {
        match &mut self.first {
            None => self.first = Some(head),
            Some(first) => {
                let other = if head < *first { std::mem::replace(first, head) } else { head };
                self.others.push(Reverse(other));
            }
        }
    }
}

/// Returns the leading entries of a list if they are for this host.
fn head(host: usize, entries: &[Entry]) -> Option<Head<'_>> {
    match entries {
        [(of_host, rule), rest @ ..] if *of_host == host => Some((*rule, host, rest)),
        _ => None,
    }
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let (rule, host, rest) = self.first.take()?;
        let least = self.others.peek().map(|Reverse(other)| other);
        match head(host, rest) {
            Some(next) if least.is_none_or(|other| next < *other) => self.first = Some(next),
            next => {
                self.first = self.others.pop().map(|Reverse(other)| other);
                self.others.extend(next.map(Reverse));
            }
        }
        Some(rule)
    }
}
