//! The chapter on the command line shows what the program prints. `make reference` updates it.

use super::{is_generated, read, root};

const CHAPTER: &str = "book/src/reference/cli.md";
const START: &str = "```console\n$ okta-authz ";

/// Returns what the program prints for these arguments, in the root of the repository.
fn output(arguments: &str) -> String {
    let mut command = test_support::okta_authz();
    let output = command.args(arguments.split_whitespace()).current_dir(root()).output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// Returns the chapter with the present output in each `console` block that begins with `okta-authz`.
fn chapter() -> String {
    let written = read(CHAPTER);
    let mut parts = written.split(START);
    let mut text = parts.next().unwrap().to_owned();
    let mut blocks = 0;
    for part in parts {
        let (block, rest) = part.split_once("\n```").unwrap();
        let arguments = block.lines().next().unwrap();
        text.push_str(&format!("{START}{arguments}\n{}\n```{rest}", output(arguments).trim_end()));
        blocks += 1;
    }
    assert!(blocks >= 3, "{blocks}");
    text
}

#[test]
fn command_line_chapter_output_is_generated() {
    is_generated(CHAPTER, &chapter());
}
