//! Failures, each with what to do about it.
