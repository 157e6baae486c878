//! What a step is told of ECR's errors.

use std::error::Error;

use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};

use super::super::NamedRepository;
use crate::auth::aws::{AwsCall, missing_action, said};
use crate::capability::{CapabilityError, ErrorKind};

/// A call of ECR's API on a repository, for the words of its errors.
pub(super) struct EcrCall {
    pub(super) call: AwsCall,
    pub(super) repository: NamedRepository,
}

impl EcrCall {
    /// What a step is told of `error`.
    pub(super) fn told<E>(&self, error: &SdkError<E, HttpResponse>) -> CapabilityError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let service = error.as_service_error();
        service
            .and_then(|service| self.refused(service.code()?, service.message()))
            .unwrap_or_else(|| self.call.told(error))
    }

    /// What ECR's own codes mean; nothing for those that all APIs of AWS have.
    fn refused(&self, code: &str, message: Option<&str>) -> Option<CapabilityError> {
        let message = said(message);
        let Self { call, repository } = self;
        let action = call.action;
        let error = |kind, sentence: &str| {
            CapabilityError::new(kind, format!("{sentence} ({code}: {message})"))
        };
        Some(match code {
            "AccessDenied" | "AccessDeniedException" => {
                let action = missing_action(&message).unwrap_or(action);
                error(
                    ErrorKind::Forbidden,
                    &format!(
                        "the identity of the connector {} lacks {action} on the repository \
                         {repository}",
                        call.connector
                    ),
                )
                .with_hint(format!(
                    "allow {action} on {} in a policy of the identity; a repository of another \
                     account also needs a policy of its own that names the identity",
                    repository.arn()
                ))
            }
            "RepositoryNotFoundException" => error(
                ErrorKind::NotFound,
                &format!(
                    "the repository {} does not exist in {}",
                    repository.name, repository.registry
                ),
            ),
            "ImageNotFoundException" => error(
                ErrorKind::NotFound,
                &format!("{repository} does not have the image"),
            ),
            "InvalidParameterException"
            | "InvalidTagParameterException"
            | "TooManyTagsException"
            | "ValidationException" => error(
                ErrorKind::InvalidSettings,
                &format!("{action} on {repository}: ECR does not accept the values"),
            ),
            "LimitExceededException" => error(
                ErrorKind::Conflict,
                &format!("{action} on {repository}: a quota of ECR is exhausted"),
            )
            .with_hint(if action == "ecr:StartImageScan" {
                "an image can be scanned once in 24 hours"
            } else {
                "ask AWS for a higher quota, or delete what is not used any more"
            }),
            "ImageArchivedException" | "UnsupportedImageTypeException" => error(
                ErrorKind::Unsupported,
                &format!("{action} on {repository}: ECR does not do that with this image"),
            ),
            "KmsException" => error(
                ErrorKind::Forbidden,
                &format!("{action} on {repository}: AWS KMS refuses the key"),
            )
            .with_hint(
                "check that the key exists in the repository's region, is enabled, and that its \
                 policy lets the identity use it: kms:DescribeKey and kms:CreateGrant",
            ),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::aws::CallProof;

    fn call(action: &'static str) -> EcrCall {
        let registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
        let connector = "aws_main".to_owned();
        EcrCall {
            repository: NamedRepository::parse(connector.clone(), registry, "team/app").unwrap(),
            call: AwsCall {
                connector,
                action,
                endpoint: "https://api.ecr.us-east-1.amazonaws.com".to_owned(),
                proof: CallProof::AccessKey,
                role: None,
            },
        }
    }

    #[test]
    fn a_missing_permission_is_named_with_its_repository() {
        let message = "User: u is not authorized to perform: ecr:TagResource on resource: r";
        let create = call("ecr:CreateRepository");
        let error = create
            .refused("AccessDeniedException", Some(message))
            .unwrap();
        assert_eq!(error.kind, ErrorKind::Forbidden);
        assert!(error.message.starts_with(
            "the identity of the connector aws_main lacks ecr:TagResource on the repository \
             123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app (AccessDeniedException: "
        ));
        assert!(error.hint.unwrap().starts_with(
            "allow ecr:TagResource on arn:aws:ecr:us-east-1:123456789012:repository/team/app "
        ));
        let error = create.refused("AccessDeniedException", None).unwrap();
        assert!(error.message.contains("lacks ecr:CreateRepository on"));
    }

    #[test]
    fn codes_become_kinds() {
        for (code, kind) in [
            ("RepositoryNotFoundException", ErrorKind::NotFound),
            ("ImageNotFoundException", ErrorKind::NotFound),
            ("InvalidParameterException", ErrorKind::InvalidSettings),
            ("LimitExceededException", ErrorKind::Conflict),
            ("UnsupportedImageTypeException", ErrorKind::Unsupported),
            ("KmsException", ErrorKind::Forbidden),
        ] {
            let error = call("ecr:StartImageScan").refused(code, Some("m")).unwrap();
            assert_eq!(error.kind, kind, "{code}");
            assert!(error.message.contains("team/app"), "{error}");
        }
        assert!(
            call("ecr:PutImage")
                .refused("ThrottlingException", None)
                .is_none()
        );
    }
}
