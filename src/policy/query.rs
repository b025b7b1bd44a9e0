//! Query parameters, as far as rules look at them.
//!
//! Backends disagree on which of two parameters of the same name counts, and on what a broken percent-encoding means. So a
//! request in which a parameter that a rule looks at has more than one reading is refused, as it is for paths.

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
        for parameters in query::parameters(query) {
            // Some backends separate parameters at `;` as well.
            let alone = !parameters.contains(&b';');
            for parameter in parameters.split(|byte| *byte == b';') {
                if let Some((name, value)) = read(names, parameter)? {
                    if !alone || found.get(name).is_some() {
                        return Err(Rejection::QueryAmbiguous);
                    }
                    found.values.push((name, value));
                }
            }
        }
        Ok(found)
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

/// A parameter, if it is one of these names.
fn read<'n>(names: &'n [String], parameter: &[u8]) -> Result<Option<(&'n str, Vec<u8>)>, Rejection> {
    let (name, value) = query::pair(parameter);
    // A name that cannot be decoded could be one of ours to somebody.
    let name = query::decode(name).ok_or(Rejection::QueryAmbiguous)?;
    let Some(ours) = names.iter().find(|ours| ours.as_bytes().eq_ignore_ascii_case(&name)) else {
        return Ok(None);
    };
    // Some backends do not tell `A` from `a`.
    if ours.as_bytes() != &*name {
        return Err(Rejection::QueryAmbiguous);
    }
    let value = query::decode(value).ok_or(Rejection::QueryAmbiguous)?;
    Ok(Some((ours, value.into_owned())))
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
