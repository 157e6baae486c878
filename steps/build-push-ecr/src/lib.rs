//! steps/build-push-ecr
