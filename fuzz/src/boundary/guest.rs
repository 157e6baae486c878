//! Components made of bytes.

use arbitrary::Unstructured;
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection,
    Function, FunctionSection, GlobalSection, GlobalType, ImportSection, MemorySection, MemoryType,
    Module, TypeSection, ValType,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Resolve, TypeDefKind, WorldId, WorldItem};

/// The most calls of one run.
const MOST_CALLS: usize = 40;
/// Where `describe` says where its texts are, which are all `{}`.
const DESCRIPTION: u32 = 16;
/// Where results are written that the host returns in memory.
const RETURNED: u32 = 256;
/// Where the words are.
const WORDS: u32 = 1_024;
/// Where the host may write, as `cabi_realloc` says.
const ALLOCATED: u32 = 32 << 10;

/// Texts that arguments point to.
const TEXTS: &[&str] = &[
    "aws",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:1",
    "ghcr.io/team/app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "hold",
    "MUTABLE",
    "type=local,dest=a",
    "{}",
    "\u{fffd}\0\n",
];

/// A function of the contract, as a core module imports it.
struct Import {
    module: String,
    name: String,
    parameters: Vec<ValType>,
    results: Vec<ValType>,
}

/// The component that `input` describes.
pub(super) fn component(input: &[u8]) -> Result<Vec<u8>, String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit"))
        .map_err(told)?;
    let world = resolve
        .select_world(&[package], Some("step"))
        .map_err(told)?;
    let imports = imports(&resolve, world)?;
    let mut bytes = module(&imports, &mut Unstructured::new(input));
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8).map_err(told)?;
    let mut encoder = ComponentEncoder::default().module(&bytes).map_err(told)?;
    encoder.encode().map_err(told)
}

/// All functions that the world imports, and the closing of each kind of handle.
fn imports(resolve: &Resolve, world: WorldId) -> Result<Vec<Import>, String> {
    let mut imports = Vec::new();
    let world = resolve.worlds.get(world).ok_or("there is no world")?;
    for (key, item) in &world.imports {
        let WorldItem::Interface { id, .. } = item else {
            continue;
        };
        let module = resolve.name_world_key(key);
        let interface = resolve.interfaces.get(*id).ok_or("there is no interface")?;
        for (name, function) in &interface.functions {
            let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
            imports.push(Import {
                module: module.clone(),
                name: name.clone(),
                parameters: signature.params.iter().map(value_type).collect(),
                results: signature.results.iter().map(value_type).collect(),
            });
        }
        for (name, id) in &interface.types {
            let kind = resolve.types.get(*id).map(|kind| &kind.kind);
            if matches!(kind, Some(TypeDefKind::Resource)) {
                imports.push(Import {
                    module: module.clone(),
                    name: format!("[resource-drop]{name}"),
                    parameters: vec![ValType::I32],
                    results: Vec::new(),
                });
            }
        }
    }
    Ok(imports)
}

fn value_type(kind: &WasmType) -> ValType {
    match kind {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
        WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
        WasmType::F32 => ValType::F32,
        WasmType::F64 => ValType::F64,
    }
}

/// A core module that makes the calls.
fn module(imports: &[Import], input: &mut Unstructured<'_>) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I32]);
    types.ty().function([ValType::I32; 2], [ValType::I32]);
    types.ty().function([ValType::I32; 4], [ValType::I32]);
    let mut import_section = ImportSection::new();
    for (index, import) in (3..).zip(imports) {
        let parameters = import.parameters.iter().copied();
        types
            .ty()
            .function(parameters, import.results.iter().copied());
        import_section.import(&import.module, &import.name, EntityType::Function(index));
    }
    let mut functions = FunctionSection::new();
    functions.function(0).function(1).function(2);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: Some(4),
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut globals = GlobalSection::new();
    let number = GlobalType {
        val_type: ValType::I32,
        mutable: true,
        shared: false,
    };
    globals.global(number, &ConstExpr::i32_const(signed(ALLOCATED)));
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    let own = u32::try_from(imports.len()).unwrap_or_default();
    for (index, name) in (own..).zip(["describe", "run", "cabi_realloc"]) {
        exports.export(name, ExportKind::Func, index);
    }
    let mut code = CodeSection::new();
    let mut describe = Function::new([]);
    describe.instructions().i32_const(signed(DESCRIPTION)).end();
    code.function(&describe);
    code.function(&calls(imports, input));
    code.function(&allocate());

    let mut module = Module::new();
    module
        .section(&types)
        .section(&import_section)
        .section(&functions)
        .section(&memories)
        .section(&globals)
        .section(&exports)
        .section(&code)
        .section(&data());
    module.finish()
}

/// The body of `run`.
fn calls(imports: &[Import], input: &mut Unstructured<'_>) -> Function {
    let mut run = Function::new([]);
    for _ in 0..MOST_CALLS {
        let Ok(chosen) = input.choose_index(imports.len()) else {
            break;
        };
        let Some(import) = imports.get(chosen) else {
            break;
        };
        let returns_in_memory = import.results.is_empty() && import.parameters.len() > 1;
        let last = import.parameters.len().saturating_sub(1);
        for (index, parameter) in import.parameters.iter().enumerate() {
            let value = argument(input);
            let mut instructions = run.instructions();
            match parameter {
                // Mostly a place that is there, so that calls get further.
                ValType::I32 if returns_in_memory && index == last && !value.is_multiple_of(8) => {
                    instructions.i32_const(signed(RETURNED));
                }
                ValType::I32 => {
                    instructions.i32_const(signed(value));
                }
                ValType::I64 => {
                    instructions.i64_const(i64::from(value));
                }
                ValType::F32 => {
                    instructions.f32_const(0.0.into());
                }
                _ => {
                    instructions.f64_const(0.0.into());
                }
            }
        }
        let function = u32::try_from(chosen).unwrap_or_default();
        run.instructions().call(function);
        for _ in &import.results {
            run.instructions().drop();
        }
    }
    let outcome = input.arbitrary::<u8>().unwrap_or_default();
    // Zeros are an outcome without anything in it; elsewhere something else is read as one.
    let outcome = if outcome < 128 {
        512
    } else {
        WORDS + u32::from(outcome)
    };
    run.instructions().i32_const(signed(outcome & !3)).end();
    run
}

/// A handle, the place of a text, its length, or anything.
fn argument(input: &mut Unstructured<'_>) -> u32 {
    let text = |input: &mut Unstructured<'_>| {
        let index = input.choose_index(TEXTS.len()).unwrap_or_default();
        let before: usize = TEXTS.iter().take(index).map(|text| text.len()).sum();
        let length = TEXTS.get(index).map_or(0, |text| text.len());
        (before, length)
    };
    let number = |number: usize| u32::try_from(number).unwrap_or_default();
    match input.arbitrary::<u8>().unwrap_or_default() % 8 {
        0 | 1 => WORDS + number(text(input).0),
        2 | 3 => number(text(input).1),
        4 | 5 => u32::from(input.arbitrary::<u8>().unwrap_or_default() % 6),
        6 => u32::MAX - u32::from(input.arbitrary::<u8>().unwrap_or_default()),
        _ => input.arbitrary().unwrap_or_default(),
    }
}

/// Gives what is behind all that was given before, as long as there is something.
fn allocate() -> Function {
    let mut allocate = Function::new([(1, ValType::I32)]);
    allocate
        .instructions()
        .global_get(0)
        .i32_const(7)
        .i32_add()
        .i32_const(-8)
        .i32_and()
        .local_tee(4)
        .local_get(3)
        .i32_add()
        .global_set(0)
        .global_get(0)
        .i32_const(64 << 10)
        .i32_gt_u()
        .if_(BlockType::Empty)
        .unreachable()
        .end()
        .local_get(4)
        .end();
    allocate
}

fn data() -> DataSection {
    let mut data = DataSection::new();
    let texts: String = TEXTS.concat();
    data.active(0, &ConstExpr::i32_const(signed(WORDS)), texts.bytes());
    // The name, the version, the summary and the schema are all the text `{}`.
    let place = texts.find("{}").and_then(|place| u32::try_from(place).ok());
    let text = [WORDS + place.unwrap_or_default(), 2];
    let text: Vec<u8> = text.iter().flat_map(|word| word.to_le_bytes()).collect();
    data.active(
        0,
        &ConstExpr::i32_const(signed(DESCRIPTION)),
        text.repeat(4),
    );
    data
}

fn told(error: impl std::fmt::Display) -> String {
    format!("{error:#}")
}

/// The same bits.
const fn signed(number: u32) -> i32 {
    number.cast_signed()
}
