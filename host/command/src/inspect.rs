//! `stepyard inspect`: what a component is.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::{Value, json};
use stepyard::component::{Description, Origin};
use stepyard::configuration::ComponentsConfiguration;
use stepyard::sharing::parse_reference;
use stepyard::{Component, ComponentSource, Host};

use crate::arguments::InspectArguments;
use crate::exit::{Code, Failure};
use crate::session;
use crate::view::{json_without_commands, one_line, without_commands};

pub(crate) async fn run(arguments: InspectArguments) -> Result<Code, Failure> {
    let mut configuration = session::configuration(arguments.config.as_deref())?;
    // Who pins a component looks at it before.
    configuration.components.allow_unpinned = true;
    let host = session::bare_host(&configuration, None)?.build()?;
    let source = known_source(&arguments.component, &configuration.components)?;
    let component = session::load(&host, source).await?;
    let description = host
        .describe(&component)
        .await
        .map_err(|error| Failure::new(Code::Failed, error))?;
    let text = if arguments.json {
        let json = as_json(&component, description).to_string();
        json_without_commands(&json) + "\n"
    } else {
        without_commands(&as_text(&component, description)).into_owned()
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Code::Done),
        written => Ok(written.map(|()| Code::Done)?),
    }
}

/// As [`source`], which must be there.
pub(crate) fn known_source(
    name: &str,
    components: &ComponentsConfiguration,
) -> Result<ComponentSource, Failure> {
    if is_named(name, components) || std::path::Path::new(name).exists() {
        return source(name, components);
    }
    Err(Failure::input(
        format!("{name} is neither a file nor a built-in or pinned step"),
        format!(
            "these have names: {}; one in a registry begins with oci://",
            names(components).join(", ")
        ),
    ))
}

/// The built-in or pinned step where there is one of that name, and otherwise a component in a
/// registry or a file.
pub(crate) fn source(
    name: &str,
    components: &ComponentsConfiguration,
) -> Result<ComponentSource, Failure> {
    if is_built_in(name) {
        return Ok(ComponentSource::built_in(name));
    }
    match components.source(name) {
        Some(source) => Ok(source),
        None => located(name),
    }
}

/// A component in a registry (`oci://…`), or a file.
pub(crate) fn located(text: &str) -> Result<ComponentSource, Failure> {
    match parse_reference(text) {
        None => Ok(ComponentSource::file(text)),
        Some(Ok(reference)) => Ok(ComponentSource::registry(reference)),
        Some(Err(error)) => Err(Failure::input(
            error.to_string(),
            "write oci://HOST/REPOSITORY:TAG@sha256:…, as `stepyard publish` prints it",
        )),
    }
}

fn is_built_in(name: &str) -> bool {
    Host::built_in_steps().any(|step| step == name)
}

/// Whether it names a step, rather than a file.
pub(crate) fn is_named(name: &str, components: &ComponentsConfiguration) -> bool {
    is_built_in(name) || components.pinned.contains_key(name) || parse_reference(name).is_some()
}

/// The names of the built-in and pinned steps.
pub(crate) fn names(components: &ComponentsConfiguration) -> Vec<&str> {
    let mut names: Vec<&str> = Host::built_in_steps().collect();
    names.extend(components.pinned.keys().map(String::as_str));
    names
}

fn as_json(component: &Component, description: &Description) -> Value {
    let imports: Vec<Value> = component
        .imports()
        .iter()
        .map(|import| json!({"interface": import.interface, "functions": import.functions}))
        .collect();
    json!({
        "name": description.name,
        "version": description.version,
        "summary": description.summary,
        "digest": component.digest().as_str(),
        "size": component.size(),
        "built-in": component.origin() == Origin::BuiltIn,
        "imports": imports,
        "settings-schema": description.settings_schema,
    })
}

fn as_text(component: &Component, description: &Description) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{} {}\n{}\n\ndigest   {}\nsize     {} bytes\norigin   {}\n\nImports",
        one_line(&description.name),
        one_line(&description.version),
        one_line(&description.summary),
        component.digest(),
        component.size(),
        match component.origin() {
            Origin::BuiltIn => "part of stepyard",
            Origin::Pinned => "pinned by the operator",
            Origin::Elsewhere if parse_reference(component.name()).is_some() => component.name(),
            Origin::Elsewhere => "a file",
        },
    );
    for import in component
        .imports()
        .iter()
        .filter(|import| !import.is_wasi())
    {
        let _ = writeln!(text, "  {}", import.interface);
        for function in &import.functions {
            let _ = writeln!(text, "    {function}");
        }
    }
    let wasi = component.imports().iter().filter(|import| import.is_wasi());
    let _ = writeln!(
        text,
        "  and {} interfaces of WASI, which reach only the sandbox\n\nSettings",
        wasi.count()
    );
    write_settings(&mut text, &description.settings_schema);
    text
}

fn write_settings(text: &mut String, schema: &Value) {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let mark = match required.contains(&name.as_str()) {
            true => " (required)".to_owned(),
            false => shown_default(property),
        };
        let _ = writeln!(text, "  {}{mark}", one_line(name));
        let description = property.get("description").and_then(Value::as_str);
        for line in description.unwrap_or_default().lines() {
            let _ = writeln!(text, "      {}", one_line(line));
        }
        for (keyword, words) in LIMITS {
            if let Some(limit) = property.get(keyword) {
                let _ = writeln!(text, "      {words} {}", one_line(&in_words(limit)));
            }
        }
    }
}

/// What a schema says of a value, and how that is told.
const LIMITS: [(&str, &str); 8] = [
    ("minimum", "at least"),
    ("maximum", "at most"),
    ("exclusiveMaximum", "less than"),
    ("minLength", "characters, at least"),
    ("maxLength", "characters, at most"),
    ("minItems", "entries, at least"),
    ("maxItems", "entries, at most"),
    ("pattern", "as"),
];

/// The default, where it says something.
fn shown_default(property: &Value) -> String {
    let says_nothing = |default: &Value| match default {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    let default = property.get("default");
    match default.filter(|default| !says_nothing(default)) {
        Some(default) => format!(" (default {})", one_line(&in_words(default))),
        None => String::new(),
    }
}

/// A text without its quotes, and else JSON.
fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}
