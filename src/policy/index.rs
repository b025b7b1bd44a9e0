//! An index of the rules by path and host, for policies with thousands of rules.
//!
//! A trie of path segments contains the rules, ordered by host at each node. A request descends the
//! trie along its path and collects the rules at the nodes. These candidates are all rules that can
//! match the request, in the order of the policy; the policy then evaluates each of them in full.
//! So the first match is the same as that of a linear search.
//!
//! Rules without a path are at the root, where only their hosts narrow the search. So are rules with
//! a regular expression, unless there are many (`patterns`). A variable segment makes a request
//! follow two edges. The number of visited nodes is at most the number of nodes, because each node
//! has one path from the root.

mod candidates;
mod patterns;

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::normalized_request::NormalizedRequest;
use super::path::{PathMatch, Segment, split_segment};
use super::request_match::{HostMatch, RequestMatch};
use candidates::Candidates;
use patterns::{IndexedPattern, PatternIndex};

/// The node before the first slash. Its rules apply to every path.
const ROOT: usize = 0;
/// The host ID of rules without a condition on the host.
const ANY_HOST: usize = 0;

/// A host ID, and the index of a rule for this host. In sorted order, the rules for a host are
/// consecutive.
type Entry = (usize, usize);

/// The rules by path and host.
#[derive(Clone, Debug)]
pub(super) struct Index {
    hosts: HostIds,
    nodes: Vec<TrieNode>,
    /// The child nodes, by parent and edge, without those at [`Edge::Wildcard`].
    children: HashMap<(usize, Edge<'static>), usize, RandomState>,
    /// The rules with a regular expression that has known literals, if there are many.
    patterns: PatternIndex,
}

/// An edge of the trie: the next segment of a path.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Edge<'a> {
    /// This segment.
    Literal(Cow<'a, str>),
    /// Any segment that is not empty.
    Wildcard,
    /// A segment that begins with this text.
    Prefix(Cow<'a, str>),
}

/// A node of the trie.
#[derive(Clone, Debug, Default)]
struct TrieNode {
    /// Rules for the path that ends at this node.
    exact: Vec<Entry>,
    /// Rules for this path and all paths below it.
    subtree: Vec<Entry>,
    /// The child at [`Edge::Wildcard`].
    wildcard: Option<usize>,
    /// The distinct lengths of the [`Edge::Prefix`] from this node, in bytes.
    prefix_lengths: Vec<usize>,
}

/// The IDs of the hosts in rules. A domain has a leading dot: `.example.com`.
#[derive(Clone, Debug, Default)]
struct HostIds {
    ids: HashMap<String, usize, RandomState>,
    /// The maximum number of dots in a domain.
    max_dots: usize,
}

impl Index {
    /// Builds the index of rules, in the order of the policy.
    pub(super) fn new<'a>(rules: impl IntoIterator<Item = &'a RequestMatch>) -> Self {
        let mut index = Self {
            hosts: HostIds::default(),
            nodes: vec![TrieNode::default()],
            children: HashMap::default(),
            patterns: PatternIndex::default(),
        };
        let mut patterns = Vec::new();
        for (rule, matches) in rules.into_iter().enumerate() {
            let hosts: Vec<usize> = match &matches.hosts {
                None => vec![ANY_HOST],
                Some(hosts) => hosts.iter().map(|host| index.hosts.id_or_insert(host)).collect(),
            };
            if let Some(PathMatch::SafeRegex(pattern)) = &matches.path
                && let Some(literals) = pattern.required_literals()
            {
                patterns.push(IndexedPattern { rule, hosts, literals });
            } else {
                index.add_entries(matches.path.as_ref(), rule, &hosts);
            }
        }
        let (patterns, others) = PatternIndex::new(patterns);
        for IndexedPattern { rule, hosts, .. } in others {
            index.add_entries(None, rule, &hosts);
        }
        index.patterns = patterns;
        index
    }

    fn add_entries(&mut self, path: Option<&PathMatch>, rule: usize, hosts: &[usize]) {
        let Some(entries) = self.entries_for(path) else { return };
        for host in hosts {
            add_entry(entries, (*host, rule));
        }
    }

    /// Returns the list for a rule with this path. Requests that the rule matches always visit the
    /// list; some other requests visit it, too.
    fn entries_for(&mut self, path: Option<&PathMatch>) -> Option<&mut Vec<Entry>> {
        let (node, is_exact) = match path {
            None | Some(PathMatch::SafeRegex(_)) => (ROOT, false),
            Some(PathMatch::Exact(path)) => (self.node_of(path), true),
            Some(PathMatch::PathSeparatedPrefix(path)) => (self.node_of(path), false),
            Some(PathMatch::Prefix(prefix)) => {
                let (parent, rest) = match prefix.rsplit_once('/') {
                    Some((path, rest)) => (self.node_of(path), rest),
                    None => (ROOT, prefix.as_str()),
                };
                let edge = (!rest.is_empty()).then(|| Edge::Prefix(rest.to_owned().into()));
                (edge.into_iter().fold(parent, |node, edge| self.child_or_insert(node, edge)), false)
            }
            Some(PathMatch::PathTemplate(template)) => {
                let edges = template.iter().map_while(|segment| match segment {
                    Segment::Literal(segment) => Some(Edge::Literal(segment.clone().into())),
                    Segment::One(_) => Some(Edge::Wildcard),
                    Segment::Rest => None,
                });
                let first_slash = self.node_of("");
                let node = edges.fold(first_slash, |node, edge| self.child_or_insert(node, edge));
                (node, !template.contains(&Segment::Rest))
            }
        };
        let node = self.nodes.get_mut(node)?;
        Some(if is_exact { &mut node.exact } else { &mut node.subtree })
    }

    /// Returns the node of a path, and inserts the nodes that are missing.
    fn node_of(&mut self, path: &str) -> usize {
        let literal = |segment: &str| Edge::Literal(segment.to_owned().into());
        path.split('/').fold(ROOT, |node, segment| self.child_or_insert(node, literal(segment)))
    }

    /// Returns the child of a node at an edge, and inserts it if it is missing.
    fn child_or_insert(&mut self, parent: usize, edge: Edge<'static>) -> usize {
        let new = self.nodes.len();
        let Some(node) = self.nodes.get_mut(parent) else { return parent };
        let child = match edge {
            Edge::Wildcard => *node.wildcard.get_or_insert(new),
            edge => {
                if let Edge::Prefix(prefix) = &edge
                    && !node.prefix_lengths.contains(&prefix.len())
                {
                    node.prefix_lengths.push(prefix.len());
                }
                *self.children.entry((parent, edge)).or_insert(new)
            }
        };
        if child == new {
            self.nodes.push(TrieNode::default());
        }
        child
    }

    /// Returns the rules that can match a request, in their order.
    pub(super) fn candidates(&self, request: &NormalizedRequest<'_>) -> Candidates<'_> {
        let hosts = self.hosts.ids_for(&request.host);
        let mut candidates = Candidates::default();
        self.patterns.add_candidates(request.path.as_str(), &hosts, &mut candidates);
        // The next node to visit, with the remaining path; `None` is the end of the path. Only a
        // path that follows more than one edge has further nodes.
        let mut next = Some((ROOT, Some(request.path.as_str())));
        let mut open = Vec::new();
        while let Some((index, rest)) = next.take().or_else(|| open.pop()) {
            let Some(node) = self.nodes.get(index) else { continue };
            candidates.add(&node.subtree, &hosts);
            let Some(rest) = rest else {
                candidates.add(&node.exact, &hosts);
                continue;
            };
            let (segment, rest) = split_segment(rest);
            for prefix in node.prefix_lengths.iter().filter_map(|length| segment.get(..*length)) {
                open.extend(
                    self.child(index, Edge::Prefix(Cow::Borrowed(prefix))).map(|child| (child, None)),
                );
            }
            if !segment.is_empty() {
                open.extend(node.wildcard.map(|child| (child, rest)));
            }
            next = self.child(index, Edge::Literal(Cow::Borrowed(segment))).map(|child| (child, rest));
        }
        candidates
    }

    fn child<'a>(&'a self, parent: usize, edge: Edge<'a>) -> Option<usize> {
        // The shorter lifetime of the keys makes a lookup with a borrowed edge possible, without a
        // copy.
        let children: &'a HashMap<(usize, Edge<'a>), usize, RandomState> = &self.children;
        children.get(&(parent, edge)).copied()
    }
}

impl HostIds {
    /// Returns the ID of a host or domain, and inserts a new one if there is none.
    fn id_or_insert(&mut self, host: &HostMatch) -> usize {
        let name = match host {
            HostMatch::Exact(host) => host,
            HostMatch::Suffix(domain) => {
                self.max_dots = self.max_dots.max(domain.matches('.').count());
                domain
            }
        };
        let next = self.ids.len().saturating_add(1);
        *self.ids.entry(name.clone()).or_insert(next)
    }

    /// Returns the IDs of the rules for this host: any host, the host, and its domains.
    fn ids_for(&self, host: &str) -> Cow<'static, [usize]> {
        if self.ids.is_empty() {
            return Cow::Borrowed(&[ANY_HOST]);
        }
        let domains = host.rmatch_indices('.').take(self.max_dots).filter_map(|(at, _)| host.get(at..));
        let names = std::iter::once(host).chain(domains);
        std::iter::once(ANY_HOST).chain(names.filter_map(|name| self.ids.get(name).copied())).collect()
    }
}

/// Adds an entry to a sorted list. Its position is close to the end, because later rules and hosts
/// have greater numbers.
fn add_entry(entries: &mut Vec<Entry>, entry: Entry) {
    let position = entries.partition_point(|other| *other <= entry);
    entries.insert(position, entry);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{AllowedInPaths, RequiredInputs};
    use crate::request::RequestHead;

    #[test]
    fn candidates_are_the_rules_of_the_path_and_host() {
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
            let inputs = RequiredInputs::default();
            let candidates: Vec<usize> =
                index.candidates(&NormalizedRequest::new(&head, &inputs).unwrap()).collect();
            assert_eq!(candidates, expected, "{host} {path}");
        }
    }
}
