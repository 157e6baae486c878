//! A BuildKit client.
