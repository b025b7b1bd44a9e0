//! Where to look for the rule of a request, so that ten thousand rules cost no more than ten.
//!
//! Rules lie in a tree of path segments, each at the place that its path leads to, and there by host. A request follows
//! its path down the tree and gathers the rules on the way. What it finds is no decision: these are all the rules that
//! could match, and some that don't, in the order of the policy, and each is still matched in full. So the first that
//! matches is the one that a look at every rule would have found, and no rule is looked at that it would have passed by.
//!
//! Rules with a regular expression or without a path lie at the root, where every request looks; only their hosts tell
//! them apart. A variable segment makes the request follow two branches, but a tree has each place once: whatever the
//! path, a request comes to no place twice, and there are no more places than rules have segments.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use foldhash::fast::RandomState;

use super::path::{PathMatch, Segment};
use super::request_match::{HostMatch, RequestMatch};
use super::target::NormalizedRequest;

/// Before the first slash. Rules that are there are for every path.
const ROOT: usize = 0;
/// The number of no host in particular.
const ANY_HOST: usize = 0;

/// A number for a host, and the index of a rule for it; ordered, so that the rules for a host are side by side.
type Entry = (usize, usize);

/// Rules by path and host.
#[derive(Clone, Debug)]
pub(super) struct Index {
    hosts: Hosts,
    places: Vec<TrieNode>,
    /// From a place to the next one below it, but for [`Edge::One`].
    steps: HashMap<(usize, Edge<'static>), usize, RandomState>,
}

/// What may come next in a path.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Edge<'a> {
    /// This segment.
    Literal(Cow<'a, str>),
    /// Any segment that is not empty.
    One,
    /// A segment that begins like this.
    Begins(Cow<'a, str>),
}

/// A place in the tree.
#[derive(Clone, Debug, Default)]
struct TrieNode {
    /// Rules for the path that ends here.
    exact: Vec<Entry>,
    /// Rules for all paths that come by.
    subtree: Vec<Entry>,
    /// Where [`Edge::One`] leads from here.
    wildcard: Option<usize>,
    /// The different lengths of [`Edge::Begins`] from here.
    prefix_lengths: Vec<usize>,
}

/// Numbers for the hosts that rules name. Domains have theirs with the dot: `.example.com`.
#[derive(Clone, Debug, Default)]
struct Hosts {
    numbers: HashMap<String, usize, RandomState>,
    /// The number of dots in the domain that has the most.
    max_dots: usize,
}

/// Indices of rules, in ascending order: many sorted lists, merged as far as somebody asks. Of each list the next index,
/// the host, and what is behind.
#[derive(Debug, Default)]
pub(super) struct Candidates<'a>(BinaryHeap<Reverse<(usize, usize, &'a [Entry])>>);

impl Index {
    pub(super) fn new<'a>(rules: impl IntoIterator<Item = &'a RequestMatch>) -> Self {
        let mut index =
            Self { hosts: Hosts::default(), places: vec![TrieNode::default()], steps: HashMap::default() };
        for (rule, matches) in rules.into_iter().enumerate() {
            let hosts: Vec<usize> = match &matches.hosts {
                None => vec![ANY_HOST],
                Some(hosts) => hosts.iter().map(|host| index.hosts.number(host)).collect(),
            };
            if let Some(list) = index.list(matches.path.as_ref()) {
                for host in hosts {
                    // Hardly ever far from the end: later rules have higher numbers, and so have hosts named later.
                    let at = list.partition_point(|entry| *entry <= (host, rule));
                    list.insert(at, (host, rule));
                }
            }
        }
        index
    }

    /// Where a rule with this path belongs. It may be found for more paths than it matches, never for fewer.
    fn list(&mut self, path: Option<&PathMatch>) -> Option<&mut Vec<Entry>> {
        let (at, ends) = match path {
            None | Some(PathMatch::SafeRegex(_)) => (ROOT, false),
            Some(PathMatch::Exact(path)) => (self.place_of(path), true),
            Some(PathMatch::PathSeparatedPrefix(path)) => (self.place_of(path), false),
            Some(PathMatch::Prefix(prefix)) => {
                let (at, begin) = match prefix.rsplit_once('/') {
                    Some((path, begin)) => (self.place_of(path), begin),
                    None => (ROOT, prefix.as_str()),
                };
                let begins = (!begin.is_empty()).then(|| Edge::Begins(begin.to_owned().into()));
                (begins.into_iter().fold(at, |at, step| self.place(at, step)), false)
            }
            Some(PathMatch::PathTemplate(template)) => {
                let steps = template.iter().map_while(|segment| match segment {
                    Segment::Literal(segment) => Some(Edge::Literal(segment.clone().into())),
                    Segment::One(_) => Some(Edge::One),
                    Segment::Rest => None,
                });
                let slash = self.place_of("");
                (steps.fold(slash, |at, step| self.place(at, step)), !template.contains(&Segment::Rest))
            }
        };
        let place = self.places.get_mut(at)?;
        Some(if ends { &mut place.exact } else { &mut place.subtree })
    }

    /// The place of a path, segment by segment.
    fn place_of(&mut self, path: &str) -> usize {
        path.split('/').fold(ROOT, |at, segment| self.place(at, Edge::Literal(segment.to_owned().into())))
    }

    /// The place one step further, made if there is none.
    fn place(&mut self, from: usize, step: Edge<'static>) -> usize {
        let new = self.places.len();
        let Some(place) = self.places.get_mut(from) else { return from };
        let at = match step {
            Edge::One => *place.wildcard.get_or_insert(new),
            step => {
                if let Edge::Begins(begin) = &step
                    && !place.prefix_lengths.contains(&begin.len())
                {
                    place.prefix_lengths.push(begin.len());
                }
                *self.steps.entry((from, step)).or_insert(new)
            }
        };
        if at == new {
            self.places.push(TrieNode::default());
        }
        at
    }

    /// The rules that may be for this target, in their order.
    pub(super) fn candidates(&self, target: &NormalizedRequest<'_>) -> Candidates<'_> {
        let hosts = self.hosts.numbers_of(&target.host);
        let mut candidates = Candidates::default();
        // Places to go to, with the path that is left from there, if any.
        let mut open = vec![(ROOT, Some(target.path.as_str()))];
        while let Some((at, rest)) = open.pop() {
            let Some(place) = self.places.get(at) else { continue };
            candidates.add(&place.subtree, &hosts);
            let Some(rest) = rest else {
                candidates.add(&place.exact, &hosts);
                continue;
            };
            let (segment, rest) = match rest.split_once('/') {
                Some((segment, rest)) => (segment, Some(rest)),
                None => (rest, None),
            };
            for begin in place.prefix_lengths.iter().filter_map(|length| segment.get(..*length)) {
                open.extend(self.next(at, Edge::Begins(Cow::Borrowed(begin))).map(|next| (next, None)));
            }
            if !segment.is_empty() {
                open.extend(place.wildcard.map(|next| (next, rest)));
            }
            open.extend(self.next(at, Edge::Literal(Cow::Borrowed(segment))).map(|next| (next, rest)));
        }
        candidates
    }

    fn next<'a>(&'a self, from: usize, step: Edge<'a>) -> Option<usize> {
        // As keys that live no longer than what they are compared with, which saves a copy.
        let steps: &'a HashMap<(usize, Edge<'a>), usize, RandomState> = &self.steps;
        steps.get(&(from, step)).copied()
    }
}

impl Hosts {
    /// The number of a host or domain, a new one if it has none.
    fn number(&mut self, host: &HostMatch) -> usize {
        let name = match host {
            HostMatch::Exact(host) => host,
            HostMatch::Suffix(domain) => {
                self.max_dots = self.max_dots.max(domain.matches('.').count());
                domain
            }
        };
        let next = self.numbers.len().saturating_add(1);
        *self.numbers.entry(name.clone()).or_insert(next)
    }

    /// The numbers under which rules for this host are found.
    fn numbers_of(&self, host: &str) -> Vec<usize> {
        let domains = host.rmatch_indices('.').take(self.max_dots).filter_map(|(at, _)| host.get(at..));
        let names = std::iter::once(host).chain(domains);
        std::iter::once(ANY_HOST).chain(names.filter_map(|name| self.numbers.get(name).copied())).collect()
    }
}

impl<'a> Candidates<'a> {
    fn add(&mut self, list: &'a [Entry], hosts: &[usize]) {
        for host in hosts {
            let (_, entries) = list.split_at(list.partition_point(|entry| entry.0 < *host));
            self.push(*host, entries);
        }
    }

    /// Adds those in front that are for this host.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{AllowedInPaths, RequiredInputs};
    use crate::request::RequestHead;

    #[test]
    fn few_rules_are_looked_at() {
        let rule = |path: PathMatch| RequestMatch { path: Some(path), ..RequestMatch::default() };
        let hosts = |hosts: Vec<HostMatch>| RequestMatch { hosts: Some(hosts), ..RequestMatch::default() };
        let template = |template| rule(PathMatch::template(template, AllowedInPaths::default()).unwrap());
        let rules = [
            rule(PathMatch::Exact("/a/b".into())),
            rule(PathMatch::Exact("/a/".into())),
            rule(PathMatch::PathSeparatedPrefix("/a/b".into())),
            rule(PathMatch::Prefix("/a/b".into())),
            rule(PathMatch::Prefix("/a/".into())),
            template("/a/{x}"),
            template("/{x}/b"),
            template("/a/**"),
            hosts(vec![HostMatch::Exact("x.example".into()), HostMatch::Exact("z.example".into())]),
            hosts(vec![HostMatch::Suffix(".y.example".into()), HostMatch::Exact("x.example".into())]),
            RequestMatch { path: Some(PathMatch::Exact("/a/b".into())), ..hosts(vec![]) },
            rule(PathMatch::Exact("".into())),
            rule(PathMatch::Prefix("/".into())),
        ];
        let index = Index::new(&rules);
        for (host, path, expected) in [
            ("", "/a/b", vec![0, 2, 3, 4, 5, 6, 7, 12]),
            ("", "/a/bc", vec![3, 4, 5, 7, 12]),
            ("", "/a/b/c", vec![2, 3, 4, 7, 12]),
            ("", "/a/", vec![1, 4, 7, 12]),
            ("", "/a", vec![4, 7, 12]),
            ("", "/c/b", vec![6, 12]),
            ("", "/c/d", vec![12]),
            ("", "", vec![11, 12]),
            ("", "*", vec![]),
            ("x.example", "*", vec![8, 9]),
            ("z.example", "*", vec![8]),
            ("a.b.y.example", "*", vec![9]),
            ("y.example", "*", vec![]),
        ] {
            let head = RequestHead {
                method: b"GET",
                path: path.as_bytes(),
                authority: host.as_bytes(),
                ..RequestHead::default()
            };
            let needs = RequiredInputs::default();
            let found: Vec<usize> =
                index.candidates(&NormalizedRequest::new(&head, &needs).unwrap()).collect();
            assert_eq!(found, expected, "{host} {path}");
        }
    }
}
