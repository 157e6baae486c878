//! A page that lists the functions and types of the contract, with what the files say of them.

use std::fmt::Write as _;
use std::path::Path;

use wit_parser::{
    Docs, Function, FunctionKind, Handle, Interface, Resolve, Type, TypeDef, TypeDefKind, TypeId,
    WorldItem,
};

/// The interfaces in the order in which a reader meets them.
const INTERFACES: [&str; 6] = ["log", "auth", "build", "registry", "ecr", "types"];

/// The page of the package whose files are in `folder`.
pub(crate) fn of_contract(folder: &Path) -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder).unwrap();
    let mut page = Page {
        resolve: &resolve,
        text: String::new(),
    };
    let package = &resolve.packages[package];
    page.line(&format!("# `{}`, function by function", package.name));
    page.line(
        "Made from the files of [`wit/`](../wit); [the contract](contract.md) is a map of it.",
    );
    page.documentation(&package.docs);
    page.world(package.worlds["step"]);
    assert_eq!(package.interfaces.len(), INTERFACES.len());
    for name in INTERFACES {
        page.interface(name, &resolve.interfaces[package.interfaces[name]]);
    }
    page.text
}

struct Page<'a> {
    resolve: &'a Resolve,
    text: String,
}

impl Page<'_> {
    /// A paragraph.
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{text}\n");
    }

    fn documentation(&mut self, docs: &Docs) {
        for paragraph in docs.contents.iter().flat_map(|text| text.split("\n\n")) {
            self.line(&on_one_line(paragraph));
        }
    }

    fn world(&mut self, world: wit_parser::WorldId) {
        let world = &self.resolve.worlds[world];
        self.line(&format!("## The world `{}`", world.name));
        self.documentation(&world.docs);
        for item in world.exports.values() {
            if let WorldItem::Function(function) = item {
                self.function(function);
            }
        }
        for item in world.imports.values() {
            if let WorldItem::Type { id, .. } = item {
                self.definition(*id);
            }
        }
    }

    fn interface(&mut self, name: &str, interface: &Interface) {
        self.line(&format!("## `{name}`"));
        self.documentation(&interface.docs);
        for function in interface.functions.values() {
            if function.kind == FunctionKind::Freestanding {
                self.function(function);
            }
        }
        for id in interface.types.values() {
            self.definition(*id);
            let methods = interface.functions.values().filter(|function| {
                function.kind == FunctionKind::Method(*id)
                    || function.kind == FunctionKind::Constructor(*id)
            });
            let rows = methods.map(|method| (self.signature(method), &method.docs));
            self.table(rows.collect());
        }
    }

    fn function(&mut self, function: &Function) {
        self.line(&format!("### {}", function.name));
        let signature = self.signature(function);
        self.line(&format!("```wit\n{signature}\n```"));
        self.documentation(&function.docs);
    }

    /// A type that is defined here, and not one of another interface that is used here.
    fn definition(&mut self, id: TypeId) {
        let definition: &TypeDef = &self.resolve.types[id];
        if matches!(definition.kind, TypeDefKind::Type(_)) {
            return;
        }
        let name = definition.name.as_deref().unwrap();
        self.line(&format!("### {} {name}", definition.kind.as_str()));
        self.documentation(&definition.docs);
        let rows = match &definition.kind {
            TypeDefKind::Record(record) => {
                let fields = record.fields.iter();
                let field = |name: &str, ty| format!("{name}: {}", self.name_of(ty));
                fields
                    .map(|entry| (field(&entry.name, &entry.ty), &entry.docs))
                    .collect()
            }
            TypeDefKind::Variant(variant) => {
                let case = |name: &str, ty: Option<&Type>| match ty {
                    Some(ty) => format!("{name}({})", self.name_of(ty)),
                    None => name.to_owned(),
                };
                let cases = variant.cases.iter();
                cases
                    .map(|entry| (case(&entry.name, entry.ty.as_ref()), &entry.docs))
                    .collect()
            }
            TypeDefKind::Enum(cases) => {
                let cases = cases.cases.iter();
                cases
                    .map(|entry| (entry.name.clone(), &entry.docs))
                    .collect()
            }
            TypeDefKind::Resource => Vec::new(),
            kind => panic!("{name}: no way to show a {}", kind.as_str()),
        };
        self.table(rows);
    }

    fn table(&mut self, rows: Vec<(String, &Docs)>) {
        if rows.is_empty() {
            return;
        }
        let _ = writeln!(self.text, "| | |\n| --- | --- |");
        for (code, docs) in rows {
            let docs = on_one_line(docs.contents.as_deref().unwrap_or_default());
            let _ = writeln!(self.text, "| `{code}` | {} |", docs.replace('|', "\\|"));
        }
        self.text.push('\n');
    }

    /// A function as the files write it, on one line.
    fn signature(&self, function: &Function) -> String {
        let parameters = function.params.iter();
        let own = usize::from(matches!(function.kind, FunctionKind::Method(_)));
        let parameters: Vec<String> = parameters
            .skip(own)
            .map(|parameter| format!("{}: {}", parameter.name, self.name_of(&parameter.ty)))
            .collect();
        let parameters = parameters.join(", ");
        if let FunctionKind::Constructor(_) = function.kind {
            return format!("constructor({parameters})");
        }
        let result = match &function.result {
            Some(result) => format!(" -> {}", self.name_of(result)),
            None => String::new(),
        };
        format!("{}: func({parameters}){result}", function.item_name())
    }

    fn name_of(&self, ty: &Type) -> String {
        let id = match ty {
            Type::Id(id) => *id,
            Type::Bool => return "bool".to_owned(),
            Type::U8 => return "u8".to_owned(),
            Type::U32 => return "u32".to_owned(),
            Type::U64 => return "u64".to_owned(),
            Type::String => return "string".to_owned(),
            other => panic!("no name for {other:?}"),
        };
        let definition = &self.resolve.types[id];
        let part = |part: &Option<Type>| match part {
            Some(ty) => self.name_of(ty),
            None => "_".to_owned(),
        };
        match (&definition.name, &definition.kind) {
            (Some(name), _) => name.clone(),
            (None, TypeDefKind::Option(ty)) => format!("option<{}>", self.name_of(ty)),
            (None, TypeDefKind::List(ty)) => format!("list<{}>", self.name_of(ty)),
            (None, TypeDefKind::Handle(Handle::Own(id))) => self.name_of(&Type::Id(*id)),
            (None, TypeDefKind::Handle(Handle::Borrow(id))) => {
                format!("borrow<{}>", self.name_of(&Type::Id(*id)))
            }
            (None, TypeDefKind::Result(result)) => match (&result.ok, &result.err) {
                (Some(ok), None) => format!("result<{}>", self.name_of(ok)),
                (ok, err) => format!("result<{}, {}>", part(ok), part(err)),
            },
            (None, TypeDefKind::Tuple(tuple)) => {
                let types: Vec<String> = tuple.types.iter().map(|ty| self.name_of(ty)).collect();
                format!("tuple<{}>", types.join(", "))
            }
            (None, kind) => panic!("no name for a {}", kind.as_str()),
        }
    }
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
