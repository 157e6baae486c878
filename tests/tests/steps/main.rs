//! The built-in steps against capabilities in memory: what they call, in which order, and what
//! they make of the answers. The policy is the one for runs without one of the operator's.

mod base_images;
mod build_push_ecr;
mod capabilities;
mod ecr;
mod further_settings;
mod promote_image;
mod repositories;
