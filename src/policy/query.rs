//! Query parameters, as far as rules look at them.
//!
//! Backends disagree on which of two parameters of the same name counts, on the names that they take for it, and on what a
//! broken percent-encoding or bytes outside UTF-8 mean. So a request in which a parameter that a rule looks at has more
//! than one reading is rejected, as it is for paths.

use super::headers;
use crate::rejection::Rejection;
use crate::request::query;

/// The values of the parameters that rules look at.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct QueryParameters<'n> {
    values: Vec<(&'n str, Vec<u8>)>,
}

impl<'n> QueryParameters<'n> {
    /// Reads the parameters of these names from a query.
    ///
    /// # Errors
    /// [`Rejection::QueryAmbiguous`].
    pub fn new(names: &'n [String], query: &[u8]) -> Result<Self, Rejection> {
        let mut found = Self::default();
        if names.is_empty() {
            return Ok(found);
        }
        let mut ambiguous = false;
        query::readings(names, query, &mut |reading| {
            // Some backends separate parameters at `;` as well.
            let value = match reading {
                query::Reading::Exact(name, value) if !value.contains(&b';') && found.get(name).is_none() => {
                    query::decode(value).map(|value| (name, value))
                }
                _ => None,
            };
            match value.filter(|(_, value)| headers::has_one_reading(value)) {
                Some((name, value)) if !ambiguous => found.values.push((name, value.into_owned())),
                _ => ambiguous = true,
            }
        });
        if ambiguous { Err(Rejection::QueryAmbiguous) } else { Ok(found) }
    }

    /// Returns the length of the longest value, in bytes and decoded.
    pub fn longest(&self) -> usize {
        self.values.iter().map(|(_, value)| value.len()).max().unwrap_or_default()
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.values.iter().find(|(have, _)| *have == name).map(|(_, value)| value.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reading_or_none() {
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
            let read = QueryParameters::new(&names, query.as_bytes());
            let listed = read.map(|read| {
                let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
                read.values
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
            assert_eq!(listed, expected, "{query}");
        }
        assert_eq!(QueryParameters::new(&[], b"a=%"), Ok(QueryParameters::default()));
    }
}
