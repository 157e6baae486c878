//! Connectors of type `DockerRegistry`: the registries of base images.

use stepyard_grammar::RegistryHost;

use super::secret_field::{refuse_plaintext, secret_name};
use crate::document::{Field, ProblemKind};
use crate::secret::SecretName;

/// How to sign in to a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerRegistryConnector {
    /// The registry's host, of the URL. All of Docker Hub's names are `docker.io`.
    pub registry: RegistryHost,
    /// Whether the URL says `http://`.
    pub plain_http: bool,
    /// Who runs the registry.
    pub provider: DockerRegistryProvider,
    /// How to sign in.
    pub authentication: DockerRegistryAuthentication,
}

/// Who runs a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DockerRegistryProvider {
    /// Docker Hub.
    DockerHub,
    /// Harbor.
    Harbor,
    /// Quay.
    Quay,
    /// Anything else.
    Other,
}

/// How to sign in to a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DockerRegistryAuthentication {
    /// Not at all.
    Anonymous,
    /// By a user's name and password or access token.
    UsernamePassword {
        /// The user.
        username: Username,
        /// The password or access token.
        password: SecretName,
    },
}

/// A user's name: written out, or the name of the secret that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Username {
    /// `username`
    Literal(String),
    /// `usernameRef`
    Secret(SecretName),
}

/// Reads the `spec` of a connector.
pub(super) fn read(spec: &Field<'_>) -> Option<DockerRegistryConnector> {
    let mut fields = spec.fields()?;
    fields.accept(&["delegateSelectors", "executeOnDelegate", "proxy"]);
    let url = fields
        .required(
            "dockerRegistryUrl",
            "write a URL such as `https://index.docker.io/v2/`",
        )
        .and_then(|field| read_url(&field));
    let provider = fields.optional("providerType").map(|field| {
        field.one_of(&[
            ("DockerHub", DockerRegistryProvider::DockerHub),
            ("Harbor", DockerRegistryProvider::Harbor),
            ("Quay", DockerRegistryProvider::Quay),
            ("Other", DockerRegistryProvider::Other),
        ])
    });
    let authentication = fields
        .required(
            "auth",
            "write `auth: {type: Anonymous}` or `UsernamePassword`",
        )
        .and_then(|field| read_authentication(&field));
    fields.finish();
    let (registry, plain_http) = url?;
    Some(DockerRegistryConnector {
        registry,
        plain_http,
        provider: provider.unwrap_or(Some(DockerRegistryProvider::Other))?,
        authentication: authentication?,
    })
}

fn read_url(field: &Field<'_>) -> Option<(RegistryHost, bool)> {
    let text = field.filled_text()?;
    let (plain_http, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        (None, None) => (false, text),
    };
    let host = rest.split('/').next().unwrap_or(rest);
    if host.contains('@') {
        field.hide();
        field.problem(
            ProblemKind::PlaintextSecret,
            "the URL holds a user name or a password",
            "write the URL without them, and sign in with `auth: {type: UsernamePassword}`",
        );
        return None;
    }
    // The address of its web pages is what people have at hand.
    let parsed = match host.to_ascii_lowercase().as_str() {
        "hub.docker.com" | "registry.hub.docker.com" => Ok(RegistryHost::docker_hub()),
        _ => RegistryHost::parse(host),
    };
    match parsed {
        Ok(registry) => Some((registry, plain_http)),
        Err(error) => {
            field.problem(
                ProblemKind::InvalidValue,
                error.to_string(),
                "write a URL such as `https://index.docker.io/v2/`",
            );
            None
        }
    }
}

fn read_authentication(field: &Field<'_>) -> Option<DockerRegistryAuthentication> {
    let mut fields = field.fields()?;
    let anonymous = fields
        .required(
            "type",
            "write `type: Anonymous` or `type: UsernamePassword`",
        )
        .and_then(|field| field.one_of(&[("Anonymous", true), ("UsernamePassword", false)]));
    let authentication = match anonymous {
        Some(false) => fields
            .required(
                "spec",
                "write `spec: {username: NAME, passwordRef: SECRET}`",
            )
            .and_then(|spec| read_username_password(&spec)),
        Some(true) => {
            if let Some(spec) = fields.optional("spec").and_then(|spec| spec.fields()) {
                spec.finish();
            }
            Some(DockerRegistryAuthentication::Anonymous)
        }
        None => {
            fields.accept(&["spec"]);
            None
        }
    };
    fields.finish();
    authentication
}

fn read_username_password(spec: &Field<'_>) -> Option<DockerRegistryAuthentication> {
    let mut fields = spec.fields()?;
    let username = match (fields.optional("username"), fields.optional("usernameRef")) {
        (Some(_), Some(reference)) => {
            reference.problem(
                ProblemKind::InvalidValue,
                "`username` and `usernameRef` exclude each other",
                "keep one of the two",
            );
            None
        }
        (Some(name), None) => name
            .filled_text()
            .map(|name| Username::Literal(name.to_owned())),
        (None, Some(reference)) => secret_name(&reference).map(Username::Secret),
        (None, None) => {
            fields.missing(
                "`username` or `usernameRef` is missing",
                "write the user's name as `username`, or the name of its secret as `usernameRef`",
            );
            None
        }
    };
    refuse_plaintext(&mut fields, "password", "passwordRef");
    let password = fields
        .required(
            "passwordRef",
            "write the name of the secret that holds the password",
        )
        .and_then(|field| secret_name(&field));
    fields.finish();
    Some(DockerRegistryAuthentication::UsernamePassword {
        username: username?,
        password: password?,
    })
}
