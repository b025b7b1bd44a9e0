//! Demonstrating proof of possession (RFC 9449).

pub mod replay;
