//! The `stepyard` command.
mod view;

fn main() {}
