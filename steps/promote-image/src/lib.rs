//! steps/promote-image
