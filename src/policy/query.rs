//! Query parameters that rules match.
//!
//! Upstreams differ in which of two parameters with one name they use, in the names that they treat
//! as equal, and in the meaning of malformed percent-encoding and of bytes outside UTF-8. So the
//! filter rejects a request in which a parameter that a rule matches is ambiguous.

use super::headers;
use crate::rejection::Rejection;
use crate::request::query;

/// The values of the query parameters that rules match.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct QueryParameters<'n> {
    values: Vec<(&'n str, Vec<u8>)>,
}

impl<'n> QueryParameters<'n> {
    /// Reads the parameters with these names from a query.
    ///
    /// # Errors
    /// [`Rejection::QueryAmbiguous`] if one of them is ambiguous.
    pub fn new(names: &'n [String], query: &[u8]) -> Result<Self, Rejection> {
        let mut parameters = Self::default();
        if names.is_empty() {
            return Ok(parameters);
        }
        let mut is_ambiguous = false;
        query::match_parameters(names, query, &mut |matched| {
            // Some upstreams also separate parameters at `;`.
            let value = match matched {
                query::ParameterMatch::Exact(name, value)
                    if !value.contains(&b';') && parameters.get(name).is_none() =>
                {
                    query::decode(value).map(|value| (name, value))
                }
                _ => None,
            };
            match value.filter(|(_, value)| headers::is_unambiguous(value)) {
                Some((name, value)) if !is_ambiguous => parameters.values.push((name, value.into_owned())),
                _ => is_ambiguous = true,
            }
        });
        if is_ambiguous { Err(Rejection::QueryAmbiguous) } else { Ok(parameters) }
    }

    /// Returns the length of the longest decoded value, in bytes.
    pub fn longest(&self) -> usize {
        self.values.iter().map(|(_, value)| value.len()).max().unwrap_or_default()
    }

    /// Returns the decoded value of a parameter.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.values.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_parameters_ambiguous_is_an_error() {
        let names = ["a".to_owned(), "b c".to_owned()];
        for (query, expected) in [
            ("", Ok(vec![])),
            ("x=1&y", Ok(vec![])),
            ("a", Ok(vec![("a", "")])),
            ("a=1&b+c=%32", Ok(vec![("a", "1"), ("b c", "2")])),
            ("%61=x%20y=z", Ok(vec![("a", "x y=z")])),
            ("x=%&a=1", Ok(vec![("a", "1")])),
            ("a=1&a=1", Err(Rejection::QueryAmbiguous)),
            ("a=1&%61=2", Err(Rejection::QueryAmbiguous)),
            ("a=1&A=2", Err(Rejection::QueryAmbiguous)),
            ("A=1", Err(Rejection::QueryAmbiguous)),
            ("a=1;x=2", Err(Rejection::QueryAmbiguous)),
            ("x=1;a=2", Err(Rejection::QueryAmbiguous)),
            ("x=1;y=2", Ok(vec![])),
            ("a=%", Err(Rejection::QueryAmbiguous)),
            ("a=%zz", Err(Rejection::QueryAmbiguous)),
            ("%=1", Err(Rejection::QueryAmbiguous)),
            ("a=x%ff", Err(Rejection::QueryAmbiguous)),
            ("a=x\u{e9}", Ok(vec![("a", "x\u{e9}")])),
            ("a=x%c3%a9", Ok(vec![("a", "x\u{e9}")])),
            ("a=x%c3", Err(Rejection::QueryAmbiguous)),
            ("a=x%00", Err(Rejection::QueryAmbiguous)),
            ("a=x%0a", Err(Rejection::QueryAmbiguous)),
            ("a=x+y%09z", Ok(vec![("a", "x y\tz")])),
            ("a=x+", Err(Rejection::QueryAmbiguous)),
            ("a=%20x", Err(Rejection::QueryAmbiguous)),
            ("a=x%c2%a0", Err(Rejection::QueryAmbiguous)),
            ("a=x%3b", Ok(vec![("a", "x;")])),
            ("a[]=1", Err(Rejection::QueryAmbiguous)),
            ("a%5B%5D=1", Err(Rejection::QueryAmbiguous)),
            ("a[0]=1", Err(Rejection::QueryAmbiguous)),
            ("[a]=1", Err(Rejection::QueryAmbiguous)),
            ("+a=1", Err(Rejection::QueryAmbiguous)),
            ("a%20=1", Err(Rejection::QueryAmbiguous)),
            ("a%00=1", Err(Rejection::QueryAmbiguous)),
            ("a%00x", Err(Rejection::QueryAmbiguous)),
            ("a%ff=1", Err(Rejection::QueryAmbiguous)),
            ("%c2%a0a=1", Err(Rejection::QueryAmbiguous)),
            ("a:int=1", Err(Rejection::QueryAmbiguous)),
            ("b.c=1", Err(Rejection::QueryAmbiguous)),
            ("b_c=1", Err(Rejection::QueryAmbiguous)),
            ("b%2520c=1", Err(Rejection::QueryAmbiguous)),
            ("?a=1", Err(Rejection::QueryAmbiguous)),
            ("x[a]=1&aa=1&a2=1&bc=1&b_c_d=1&ab=%ff", Ok(vec![])),
        ] {
            let parameters = QueryParameters::new(&names, query.as_bytes());
            let pairs = parameters.map(|parameters| {
                let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
                parameters
                    .values
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), text(value)))
                    .collect::<Vec<_>>()
            });
            let expected = expected.map(|pairs| {
                pairs
                    .into_iter()
                    .map(|(name, value): (&str, &str)| (name.to_owned(), value.to_owned()))
                    .collect()
            });
            assert_eq!(pairs, expected, "{query}");
        }
        assert_eq!(QueryParameters::new(&[], b"a=%"), Ok(QueryParameters::default()));
    }
}
