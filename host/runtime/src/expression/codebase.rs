//! What `<+codebase.*>` stands for.

/// The commit that is built. Whoever runs a step fills it, from git or from the CI system's
/// trigger; what is unknown stays `None`, and an expression that asks for it is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Codebase {
    /// `branch`: the branch that is built.
    pub branch: Option<String>,
    /// `tag`: the tag that is built.
    pub tag: Option<String>,
    /// `commitSha`: the commit's full id; `shortCommitSha` is its first seven characters.
    pub commit_sha: Option<String>,
    /// `commitRef`: the full ref, such as `refs/heads/main`.
    pub commit_ref: Option<String>,
    /// `commitMessage`: the commit's message.
    pub commit_message: Option<String>,
    /// `baseCommitSha`: where a pull request started.
    pub base_commit_sha: Option<String>,
    /// `prNumber`: the pull request's number.
    pub pull_request_number: Option<String>,
    /// `prTitle`: the pull request's title.
    pub pull_request_title: Option<String>,
    /// `sourceBranch`: the pull request's branch.
    pub source_branch: Option<String>,
    /// `targetBranch`: the branch that the pull request goes to.
    pub target_branch: Option<String>,
    /// `repoUrl`: the repository's address, without credentials.
    pub repository_url: Option<String>,
    /// `gitUser`: the author's name.
    pub git_user: Option<String>,
    /// `gitUserEmail`: the author's address.
    pub git_user_email: Option<String>,
}

/// The names that may follow `codebase.`.
pub const CODEBASE_FIELDS: [&str; 14] = [
    "branch",
    "tag",
    "commitSha",
    "shortCommitSha",
    "commitRef",
    "commitMessage",
    "baseCommitSha",
    "prNumber",
    "prTitle",
    "sourceBranch",
    "targetBranch",
    "repoUrl",
    "gitUser",
    "gitUserEmail",
];

impl Codebase {
    /// The value of one of [`CODEBASE_FIELDS`], where it is known.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&str> {
        let value = match field {
            "branch" => &self.branch,
            "tag" => &self.tag,
            "commitSha" => &self.commit_sha,
            "shortCommitSha" => {
                return self
                    .commit_sha
                    .as_deref()
                    .map(|id| id.get(..7).unwrap_or(id));
            }
            "commitRef" => &self.commit_ref,
            "commitMessage" => &self.commit_message,
            "baseCommitSha" => &self.base_commit_sha,
            "prNumber" => &self.pull_request_number,
            "prTitle" => &self.pull_request_title,
            "sourceBranch" => &self.source_branch,
            "targetBranch" => &self.target_branch,
            "repoUrl" => &self.repository_url,
            "gitUser" => &self.git_user,
            "gitUserEmail" => &self.git_user_email,
            _ => return None,
        };
        value.as_deref()
    }
}
