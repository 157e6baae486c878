//! The capability *log*: what a step tells the person who watches it.
