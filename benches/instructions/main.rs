//! Runs the cases of the core for valgrind, which counts instructions: `make bench-instructions`.
//! Without arguments it lists the cases. With a name and a number it runs that case that many
//! times. The difference between two numbers excludes the preparation. With `growth` it lists the
//! parts of a request with their sizes, and with a part, a number and a size it runs that part.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a benchmark"
)]

use benches::{cases, growth, tokens};

fn main() {
    // Cargo adds the argument `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match &arguments[..] {
        [name, times] => {
            let (_, prepare) =
                cases::CASES.iter().find(|(case, _)| case == name).expect("the name of a case");
            let mut work = prepare(&tokens::Signer::rs256());
            (0..times.parse().expect("a number")).for_each(|_: u32| work());
        }
        [name] if name == "growth" => {
            growth::PARTS.iter().for_each(|(name, size, _)| println!("{size} {name}"));
        }
        [name, times, size] => {
            let (.., prepare) =
                growth::PARTS.iter().find(|(part, ..)| part == name).expect("the name of a part");
            let mut work = prepare(&tokens::Signer::rs256(), size.parse().expect("a number"));
            (0..times.parse().expect("a number")).for_each(|_: u32| work());
        }
        _ => cases::CASES.iter().for_each(|(name, _)| println!("{name}")),
    }
}
