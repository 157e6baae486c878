//! Files of connectors, and the lookup by reference.

use std::path::Path;

use super::{
    AwsConnector, ConnectorReference, DockerRegistryConnector, ReferenceScope, aws, docker_registry,
};
use crate::document::{Field, Node, ProblemKind, Problems, Report, SourceFile, read_yaml};

/// A connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// The name for people.
    pub name: String,
    /// The identifier, by which steps refer to it.
    pub identifier: String,
    /// The scope, where the document says it (`orgIdentifier`, `projectIdentifier`). Without one
    /// the connector answers to every prefix.
    pub scope: Option<ReferenceScope>,
    /// What it connects to.
    pub kind: ConnectorKind,
}

impl Connector {
    /// The identifier with its scope, as steps write it.
    #[must_use]
    pub fn name(&self) -> String {
        match self.scope {
            None | Some(ReferenceScope::Project) => self.identifier.clone(),
            Some(scope) => format!("{}.{}", scope.name(), self.identifier),
        }
    }
}

/// What a connector connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectorKind {
    /// `type: Aws`
    Aws(AwsConnector),
    /// `type: DockerRegistry`
    DockerRegistry(DockerRegistryConnector),
}

/// All connectors that a run knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connectors {
    connectors: Vec<Connector>,
}

impl Connectors {
    /// Reads connector documents (separated by `---`) from files.
    ///
    /// # Errors
    /// All problems of all files.
    pub fn read<P: AsRef<Path>>(paths: &[P]) -> Result<Self, Problems> {
        let mut files = Vec::new();
        let mut problems = Vec::new();
        for path in paths {
            match SourceFile::read(path.as_ref()) {
                Ok(file) => files.push(file),
                Err(error) => problems.extend(error.into_vec()),
            }
        }
        match Self::parse(&files) {
            Ok(connectors) => Problems::unless_empty(problems, connectors),
            Err(error) => {
                problems.extend(error.into_vec());
                Err(problems.into())
            }
        }
    }

    /// Reads connector documents (separated by `---`).
    ///
    /// # Errors
    /// All problems of all files.
    pub fn parse(files: &[SourceFile]) -> Result<Self, Problems> {
        let mut connectors = Self::default();
        let mut problems = Vec::new();
        for file in files {
            let result = read_yaml(file).and_then(|documents| {
                let report = Report::new(file);
                for document in &documents {
                    connectors.add(document, &report);
                }
                report.finish(Some(()))
            });
            if let Err(error) = result {
                problems.extend(error.into_vec());
            }
        }
        Problems::unless_empty(problems, connectors)
    }

    /// The connector that a step refers to: the one of that scope, else one without a scope.
    #[must_use]
    pub fn get(&self, reference: &ConnectorReference) -> Option<&Connector> {
        let of_scope = |scope| {
            self.connectors.iter().find(|connector| {
                connector.scope == scope && connector.identifier == reference.identifier()
            })
        };
        of_scope(Some(reference.scope())).or_else(|| of_scope(None))
    }

    /// Every connector, in the order of the files.
    pub fn iter(&self) -> impl Iterator<Item = &Connector> {
        self.connectors.iter()
    }

    fn add(&mut self, document: &Node, report: &Report) {
        let Some(mut fields) = Field::root(document, report).fields() else {
            return;
        };
        let help = "write `connector:` with `name`, `identifier`, `type` and `spec` below it";
        if let Some(field) = fields.required("connector", help)
            && let Some((connector, identifier)) = read_connector(&field)
        {
            let same = |other: &Connector| {
                (other.scope, &other.identifier) == (connector.scope, &connector.identifier)
            };
            if self.connectors.iter().any(same) {
                identifier.problem(
                    ProblemKind::DuplicateKey,
                    format!(
                        "another connector has the identifier `{}`",
                        connector.identifier
                    ),
                    "give each connector an identifier of its own",
                );
            }
            self.connectors.push(connector);
        }
        fields.finish();
    }
}

#[derive(Clone, Copy)]
enum ConnectorType {
    Aws,
    DockerRegistry,
}

/// The connector, and the field of its identifier.
fn read_connector<'a>(field: &Field<'a>) -> Option<(Connector, Field<'a>)> {
    let mut fields = field.fields()?;
    fields.accept(&[
        "accountIdentifier",
        "description",
        "ignoreTestConnection",
        "tags",
    ]);
    let identifier_field = fields.required("identifier", "write `identifier: aws_main`");
    let identifier = identifier_field.as_ref().and_then(|field| {
        let help = "write letters, digits and `_`, as in `aws_main`";
        let reference = field.parse(ConnectorReference::parse, help)?;
        if reference.scope() != ReferenceScope::Project {
            field.problem(
                ProblemKind::InvalidValue,
                "an identifier has no scope; steps write `org.` or `account.` before it",
                "remove the prefix",
            );
        }
        Some(reference.identifier().to_owned())
    });
    let name = fields
        .optional("name")
        .and_then(|field| field.filled_text());
    let project = fields.optional("projectIdentifier").is_some();
    let organization = fields.optional("orgIdentifier").is_some();
    let scope = match (project, organization) {
        (true, _) => Some(ReferenceScope::Project),
        (false, true) => Some(ReferenceScope::Organization),
        (false, false) => None,
    };
    let connector_type = fields
        .required("type", "write `type: Aws` or `type: DockerRegistry`")
        .and_then(|field| {
            field.one_of(&[
                ("Aws", ConnectorType::Aws),
                ("DockerRegistry", ConnectorType::DockerRegistry),
            ])
        });
    let spec = fields.required("spec", "write `spec:` with the connector's settings");
    let kind = match (connector_type, spec) {
        (Some(ConnectorType::Aws), Some(spec)) => aws::read(&spec).map(ConnectorKind::Aws),
        (Some(ConnectorType::DockerRegistry), Some(spec)) => {
            docker_registry::read(&spec).map(ConnectorKind::DockerRegistry)
        }
        _ => None,
    };
    fields.finish();
    let identifier = identifier?;
    let connector = Connector {
        name: name.unwrap_or(&identifier).to_owned(),
        identifier,
        scope,
        kind: kind?,
    };
    Some((connector, identifier_field?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::{AccessKey, AwsCredential, DockerRegistryAuthentication, Username};
    use crate::document::render_plain;

    fn parse(text: &str) -> Result<Connectors, String> {
        Connectors::parse(&[SourceFile::new("c.yaml", text).unwrap()])
            .map_err(|error| render_plain(&error))
    }

    #[test]
    fn reads_every_shape() {
        let connectors = parse(
            "connector:
  name: aws main
  identifier: aws_main
  type: Aws
  spec:
    credential:
      type: ManualConfig
      spec: {accessKey: AKIAIOSFODNN7EXAMPLE, secretKeyRef: account.s, sessionTokenRef: org.t}
      crossAccountAccess: {crossAccountRoleArn: 'arn:aws-cn:iam::123456789012:role/a/b', externalId: 007}
      region: us-east-1
---
connector: {identifier: i, orgIdentifier: o, type: Aws, spec: {credential: {type: InheritFromDelegate}}}
---
connector: {identifier: i, type: Aws, spec: {credential: {type: Irsa, spec: {}}, region: eu-west-1}}
---
connector: {identifier: o, type: Aws, spec: {credential: {type: OidcAuthentication, spec: {iamRoleArn: 'arn:aws:iam::123456789012:role/r', oidcSessionTagKeys: [a]}}}}
---
connector:
  identifier: hub
  type: DockerRegistry
  spec: {dockerRegistryUrl: 'https://index.docker.io/v2/', providerType: DockerHub, auth: {type: UsernamePassword, spec: {usernameRef: u, passwordRef: p}}}
---
connector: {identifier: quay, type: DockerRegistry, spec: {dockerRegistryUrl: 'http://127.0.0.1:5000', auth: {type: Anonymous}}}
",
        )
        .unwrap();
        let get = |reference| connectors.get(&ConnectorReference::parse(reference).unwrap());
        let ConnectorKind::Aws(aws) = &get("account.aws_main").unwrap().kind else {
            panic!()
        };
        let AwsCredential::Manual(manual) = &aws.credential else {
            panic!()
        };
        assert_eq!(
            manual.access_key,
            AccessKey::Literal("AKIAIOSFODNN7EXAMPLE".to_owned())
        );
        assert_eq!(manual.secret_key.to_string(), "account.s");
        assert_eq!(manual.session_token.as_ref().unwrap().to_string(), "org.t");
        assert_eq!(
            aws.cross_account_access
                .as_ref()
                .unwrap()
                .external_id
                .as_deref(),
            Some("007")
        );
        let credential = |reference| match &get(reference).unwrap().kind {
            ConnectorKind::Aws(aws) => aws.credential.clone(),
            ConnectorKind::DockerRegistry(_) => panic!(),
        };
        assert_eq!(credential("org.i"), AwsCredential::InheritFromDelegate);
        assert_eq!(credential("account.i"), AwsCredential::Irsa);
        assert!(matches!(credential("o"), AwsCredential::Oidc { .. }));
        let ConnectorKind::DockerRegistry(hub) = &get("hub").unwrap().kind else {
            panic!()
        };
        assert!(hub.registry.is_docker_hub());
        assert!(matches!(
            &hub.authentication,
            DockerRegistryAuthentication::UsernamePassword {
                username: Username::Secret(_),
                ..
            }
        ));
        let ConnectorKind::DockerRegistry(quay) = &get("quay").unwrap().kind else {
            panic!()
        };
        assert!(quay.plain_http);
        assert!(get("nothing").is_none());
    }

    #[test]
    fn all_addresses_of_docker_hub_are_one() {
        for url in [
            "https://index.docker.io/v1/",
            "https://index.docker.io/v2/",
            "https://registry-1.docker.io",
            "https://docker.io",
            "docker.io",
            "https://hub.docker.com/",
            "https://registry.hub.docker.com/v2/",
        ] {
            let text = format!(
                "connector: {{identifier: hub, type: DockerRegistry, spec: {{dockerRegistryUrl: \"{url}\", auth: {{type: Anonymous}}}}}}"
            );
            let connectors = parse(&text).unwrap();
            let connector = connectors.iter().next().unwrap();
            let ConnectorKind::DockerRegistry(hub) = &connector.kind else {
                panic!()
            };
            assert!(hub.registry.is_docker_hub(), "{url}");
        }
    }

    #[test]
    fn never_shows_a_pasted_secret() {
        let text = "connector:
  identifier: a
  type: Aws
  spec:
    credential:
      type: ManualConfig
      spec:
        accessKeyRef: AKIAIOSFODNN7EXAMPLE
        secretKeyRef: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
        sessionToken: |
          pasted-token
        unknown: x
";
        let error = Connectors::parse(&[SourceFile::new("c.yaml", text).unwrap()]).unwrap_err();
        assert_eq!(error.iter().count(), 4);
        let mut shown = String::new();
        miette::NarratableReportHandler::new()
            .render_report(&mut shown, &error)
            .unwrap();
        shown.push_str(&render_plain(&error));
        shown.push_str(&format!("{error:?}"));
        for secret in ["AKIAIOSFODNN7EXAMPLE", "wJalr", "pasted-token"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
