//! What a component can reach: its imports, readable without running it.

use std::collections::BTreeSet;

use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;

/// One interface that a component imports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// Such as `stepyard:step/build@0.1.0`.
    pub interface: String,
    /// The functions that the component uses of it. Types do not count.
    pub functions: Vec<String>,
}

impl Import {
    /// Whether it is one of the WASI interfaces, which reach nothing but the sandbox's own clock,
    /// random numbers, output, workspace and scratch folder.
    pub fn is_wasi(&self) -> bool {
        self.interface.starts_with("wasi:")
    }
}

/// The names of what a component exports, sorted.
pub(super) fn exports(engine: &Engine, component: &wasmtime::component::Component) -> Vec<String> {
    let component_type = component.component_type();
    let exports = component_type.exports(engine);
    let names: BTreeSet<String> = exports.map(|(name, _)| name.to_owned()).collect();
    names.into_iter().collect()
}

/// The imports of a component, sorted.
pub(super) fn of(engine: &Engine, component: &wasmtime::component::Component) -> Vec<Import> {
    let component_type = component.component_type();
    let mut imports: Vec<Import> = component_type
        .imports(engine)
        .map(|(name, item)| Import {
            interface: name.to_owned(),
            functions: match item.ty {
                ComponentItem::ComponentInstance(instance) => {
                    let functions: BTreeSet<String> = instance
                        .exports(engine)
                        .filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_)))
                        .map(|(name, _)| name.to_owned())
                        .collect();
                    functions.into_iter().collect()
                }
                _ => Vec::new(),
            },
        })
        .collect();
    imports.sort();
    imports
}
