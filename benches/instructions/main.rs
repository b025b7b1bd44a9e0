//! The same cases for valgrind to count their instructions: `make bench-instructions`. Without arguments it lists them; with
//! a name and a number it does that one so often. The difference of two numbers leaves the preparation out.
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

use benches::{cases, tokens};

fn main() {
    // Cargo adds an argument of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match &arguments[..] {
        [name, times] => {
            let (_, prepare) = cases::CASES.iter().find(|(case, _)| case == name).expect("that case");
            let mut work = prepare(&tokens::Signer::rs256());
            (0..times.parse().expect("a number")).for_each(|_: u32| work());
        }
        _ => cases::CASES.iter().for_each(|(name, _)| println!("{name}")),
    }
}
