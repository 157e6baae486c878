//! Answers of Amazon ECR.

use serde_json::json;

use super::{EcrImage, Host, Replica, Repository, Scan};
use crate::Error;
use crate::bindings::ecr::ImageList;

/// Of repositories, by their name without the registry.
impl Host {
    /// `ecr.describe-repository`; nothing where it does not exist.
    pub fn on_describe_repository(
        self,
        name: impl ToString,
        answer: Result<Option<Repository>, Error>,
    ) -> Self {
        let arguments = [("name", name.to_string())];
        self.on("ecr.describe-repository", arguments, answer)
    }

    /// `ecr.create-repository`, with whichever settings.
    pub fn on_create_repository(
        self,
        name: impl ToString,
        answer: Result<Repository, Error>,
    ) -> Self {
        let arguments = [("name", name.to_string())];
        self.on("ecr.create-repository", arguments, answer)
    }

    /// `ecr.put-lifecycle-policy`, with whichever policy.
    pub fn on_put_lifecycle_policy(self, name: impl ToString, answer: Result<(), Error>) -> Self {
        let arguments = [("name", name.to_string())];
        self.on("ecr.put-lifecycle-policy", arguments, answer)
    }

    /// `ecr.set-repository-policy`, with whichever policy.
    pub fn on_set_repository_policy(self, name: impl ToString, answer: Result<(), Error>) -> Self {
        let arguments = [("name", name.to_string())];
        self.on("ecr.set-repository-policy", arguments, answer)
    }

    /// `ecr.put-tag-mutability` with ECR's word for it.
    pub fn on_put_tag_mutability(
        self,
        name: impl ToString,
        mutability: impl ToString,
        answer: Result<(), Error>,
    ) -> Self {
        let arguments = [
            ("name", name.to_string()),
            ("mutability", mutability.to_string()),
        ];
        self.on("ecr.put-tag-mutability", arguments, answer)
    }

    /// `ecr.list-images`: these, in pages of 100.
    pub fn on_list_images(self, name: impl ToString, answer: Result<Vec<EcrImage>, Error>) -> Self {
        let arguments = [("name", name.to_string())];
        self.on("ecr.list-images", arguments, answer.map(ImageList::of))
    }

    /// `ecr.describe-image` of a tag or digest; nothing where the repository does not have it.
    pub fn on_describe_image(
        self,
        name: impl ToString,
        image: impl ToString,
        answer: Result<Option<EcrImage>, Error>,
    ) -> Self {
        self.on("ecr.describe-image", image_of(name, image), answer)
    }

    /// `ecr.delete-images`, of whichever images: those that are still there, each with the reason.
    pub fn on_delete_images(
        self,
        name: impl ToString,
        answer: Result<Vec<(&str, &str)>, Error>,
    ) -> Self {
        let answer = answer.map(|left| {
            let left = left.into_iter();
            left.map(|(image, reason)| json!({"image": image, "reason": reason}))
                .collect::<Vec<_>>()
        });
        self.on("ecr.delete-images", [("name", name.to_string())], answer)
    }

    /// `ecr.scan-findings` of a tag or digest; nothing where it was never scanned.
    pub fn on_scan_findings(
        self,
        name: impl ToString,
        image: impl ToString,
        answer: Result<Option<Scan>, Error>,
    ) -> Self {
        self.on("ecr.scan-findings", image_of(name, image), answer)
    }

    /// `ecr.start-scan` of a tag or digest: the scan's status.
    pub fn on_start_scan(
        self,
        name: impl ToString,
        image: impl ToString,
        answer: Result<&str, Error>,
    ) -> Self {
        self.on("ecr.start-scan", image_of(name, image), answer)
    }

    /// `ecr.replication-status` of a tag or digest.
    pub fn on_replication_status(
        self,
        name: impl ToString,
        image: impl ToString,
        answer: Result<Vec<Replica>, Error>,
    ) -> Self {
        self.on("ecr.replication-status", image_of(name, image), answer)
    }
}

fn image_of(name: impl ToString, image: impl ToString) -> [(&'static str, String); 2] {
    [("name", name.to_string()), ("image", image.to_string())]
}
