//! host/local-ecr
