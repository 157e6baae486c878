//! Variables of pipelines and stages.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::document::{Field, Fields, Positions, ProblemKind, Problems, to_json};
use crate::expression::{Scope, resolve};
use crate::secret::SecretName;

/// A variable.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: VariableValue,
}

/// The value of a variable.
#[derive(Debug, Clone)]
pub enum VariableValue {
    /// `type: String` or `Number`: the value, which may hold expressions, and its place.
    Value(Value, Positions),
    /// `type: Secret`
    Secret(SecretName),
}

/// The values of variables by name, their expressions resolved, secrets as placeholders.
///
/// # Errors
/// Every expression that is malformed, unknown or has no value.
pub fn resolve_variables(
    variables: &[Variable],
    scope: &dyn Scope,
) -> Result<BTreeMap<String, Value>, Problems> {
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for variable in variables {
        let value = match &variable.value {
            VariableValue::Value(value, positions) => resolve(value, positions, scope),
            VariableValue::Secret(name) => Ok(Value::String(scope.secret_placeholder(name))),
        };
        match value {
            Ok(value) => drop(values.insert(variable.name.clone(), value)),
            Err(error) => problems.extend(error.into_vec()),
        }
    }
    Problems::unless_empty(problems, values)
}

/// Reads the key `variables`.
pub(super) fn read_list(fields: &mut Fields<'_>) -> Vec<Variable> {
    let Some(items) = fields.optional("variables").and_then(|field| field.items()) else {
        return Vec::new();
    };
    let mut seen = BTreeSet::new();
    items
        .iter()
        .filter_map(|item| read(item, &mut seen))
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum VariableType {
    String,
    Number,
    Secret,
}

fn read(item: &Field<'_>, seen: &mut BTreeSet<String>) -> Option<Variable> {
    let mut fields = item.fields()?;
    fields.accept(&["description", "execution", "required"]);
    let name_field = fields.required("name", "write `name: my_variable`");
    let name = name_field
        .as_ref()
        .and_then(|field| field.filled_text())
        .map(str::to_owned);
    if let (Some(name), Some(field)) = (&name, name_field)
        && !seen.insert(name.clone())
    {
        let message = format!("another variable has the name `{name}`");
        field.problem(ProblemKind::DuplicateKey, message, "keep one of the two");
    }
    let variable_type = match fields.optional("type") {
        Some(field) => field.one_of(&[
            ("String", VariableType::String),
            ("Number", VariableType::Number),
            ("Secret", VariableType::Secret),
        ]),
        None => Some(VariableType::String),
    };
    let default = fields.optional("default");
    let value = match (fields.present("value"), default) {
        (Some(value), Some(default)) if value.node.is_null() => Some(default),
        (None, default) => default,
        (value, _) => value,
    };
    if value.is_none() {
        fields.missing("`value` is missing", "write `value:`, or a `default:`");
    }
    fields.finish();
    let value = read_value(&value?, variable_type?)?;
    Some(Variable { name: name?, value })
}

fn read_value(field: &Field<'_>, variable_type: VariableType) -> Option<VariableValue> {
    if variable_type == VariableType::Secret {
        return field
            .parse(
                SecretName::parse,
                "write the name of a secret: `id`, `org.id` or `account.id`",
            )
            .map(VariableValue::Secret);
    }
    let (value, positions) = to_json(field.report.file(), field.node, &field.path);
    let value = match value {
        Value::Null => Value::String(String::new()),
        Value::Array(_) | Value::Object(_) => {
            field.text()?;
            return None;
        }
        number if variable_type == VariableType::Number => {
            let text = field.text()?;
            if text.parse::<f64>().is_err() && !text.contains("<+") {
                let message = format!("expected a number, found `{text}`");
                let help = "write a number, or `type: String`";
                field.problem(ProblemKind::InvalidValue, message, help);
                return None;
            }
            number
        }
        _ => Value::String(field.text()?.to_owned()),
    };
    Some(VariableValue::Value(value, positions))
}
