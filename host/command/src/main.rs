//! The `stepyard` command.
fn main() {}
