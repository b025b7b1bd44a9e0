//! Command lines of the form `[FLAG]... FILE...`.

use std::path::PathBuf;

use lexopt::{Arg, Parser};

use super::CliError;

/// The flags and the files of a command line.
pub(crate) struct FileArguments<const N: usize> {
    /// One element for each flag of [`FileArguments::parse`], in that order.
    pub(crate) flags: [bool; N],
    /// One file or more.
    pub(crate) files: Vec<PathBuf>,
}

impl<const N: usize> FileArguments<N> {
    /// Parses the arguments of a command. Returns `None` for `--help`.
    ///
    /// `names` are the flags without their `--`.
    ///
    /// # Errors
    ///
    /// An unknown option, or no file.
    pub(crate) fn parse(mut args: Parser, names: [&str; N], usage: &str) -> Result<Option<Self>, CliError> {
        let mut parsed = Self { flags: [false; N], files: Vec::new() };
        while let Some(arg) = args.next()? {
            match arg {
                Arg::Short('h') | Arg::Long("help") => return Ok(None),
                Arg::Value(file) => parsed.files.push(PathBuf::from(file)),
                arg => {
                    let mut flags = names.iter().zip(&mut parsed.flags);
                    match flags.find(|(name, _)| arg == Arg::Long(name)) {
                        Some((_, flag)) => *flag = true,
                        None => return Err(arg.unexpected().into()),
                    }
                }
            }
        }
        if parsed.files.is_empty() {
            return Err(CliError(format!("a file is missing\n\n{usage}")));
        }
        Ok(Some(parsed))
    }
}
