//! The candidate rules of a request, in the order of the policy.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Entry;

/// An iterator over the indices of candidate rules, in ascending order. It merges sorted lists: the
/// heap has, of each list, the next index, the host ID, and the remaining entries.
#[derive(Debug, Default)]
pub(in crate::policy) struct Candidates<'a>(BinaryHeap<Reverse<(usize, usize, &'a [Entry])>>);

impl<'a> Candidates<'a> {
    /// Adds the entries of a list for these hosts.
    pub(super) fn add(&mut self, entries: &'a [Entry], hosts: &[usize]) {
        for host in hosts {
            let (_, rest) = entries.split_at(entries.partition_point(|entry| entry.0 < *host));
            self.push(*host, rest);
        }
    }

    /// Adds the leading entries of a list that are for this host.
    fn push(&mut self, host: usize, entries: &'a [Entry]) {
        if let [(of_host, rule), rest @ ..] = entries
            && *of_host == host
        {
            self.0.push(Reverse((*rule, host, rest)));
        }
    }
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let Reverse((rule, host, rest)) = self.0.pop()?;
        self.push(host, rest);
        Some(rule)
    }
}
