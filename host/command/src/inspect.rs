//! `stepyard inspect`: what a component is.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::{Value, json};
use stepyard::component::{Description, Origin};
use stepyard::{Component, ComponentSource, Host};

use crate::arguments::InspectArguments;
use crate::exit::{Code, Failure};
use crate::session;

pub(crate) async fn run(arguments: InspectArguments) -> Result<Code, Failure> {
    let host = session::bare_host(&session::configuration(None)?)?.build()?;
    let name = &arguments.component;
    if !is_built_in(name) && !std::path::Path::new(name).exists() {
        let steps: Vec<&str> = Host::built_in_steps().collect();
        return Err(Failure::input(
            format!("{name} is neither a file nor a built-in step"),
            format!("the built-in steps are {}", steps.join(", ")),
        ));
    }
    let source = source(name);
    let component = session::load(&host, source).await?;
    let description = host
        .describe(&component)
        .await
        .map_err(|error| Failure::new(Code::Failed, error))?;
    let text = if arguments.json {
        format!("{}\n", as_json(&component, description))
    } else {
        as_text(&component, description)
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Code::Done),
        written => Ok(written.map(|()| Code::Done)?),
    }
}

/// A built-in step where there is one of that name, and a file otherwise.
pub(crate) fn source(name: &str) -> ComponentSource {
    if is_built_in(name) {
        ComponentSource::built_in(name)
    } else {
        ComponentSource::file(name)
    }
}

pub(crate) fn is_built_in(name: &str) -> bool {
    Host::built_in_steps().any(|step| step == name)
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
        description.name,
        description.version,
        description.summary,
        component.digest(),
        component.size(),
        match component.origin() {
            Origin::BuiltIn => "part of stepyard",
            Origin::Pinned => "pinned by the operator",
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
        let mark = if required.contains(&name.as_str()) {
            " (required)"
        } else {
            ""
        };
        let _ = writeln!(text, "  {name}{mark}");
        let description = property.get("description").and_then(Value::as_str);
        for line in description.unwrap_or_default().lines() {
            let _ = writeln!(text, "      {line}");
        }
    }
}
