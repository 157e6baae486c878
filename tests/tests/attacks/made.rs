//! Components that no compiler makes, put together of instructions: they break the rules of the
//! canonical ABI, by which a component hands values to the host.

use stepyard::ComponentSource;
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection,
    Function, FunctionSection, HeapType, ImportSection, MemorySection, MemoryType, Module, RefType,
    StartSection, TableSection, TableType, TypeSection, ValType,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The memory has one page of 64 KiB. In it: the text `{}`, bytes that are no UTF-8, what `describe`
/// returns, one output, where the outcome lies, and where the host is told to put the settings.
const TEXT: i32 = 1024;
const NO_TEXT: i32 = 1040;
const DESCRIPTION: i32 = 2048;
const OUTPUT: i32 = 3072;
const OUTCOME: i32 = 4096;
const SETTINGS: i32 = 8192;
const OUTSIDE: i32 = 1 << 20;

/// The functions, in the order of their indices behind the import.
const DESCRIBE: u32 = 1;
const RUN: u32 = 2;
const ALLOCATE: u32 = 3;
const AFTER_RUN: u32 = 4;
const START: u32 = 5;

/// A step that succeeds, but for what is changed in it.
struct Body {
    /// By how many elements `run` lets its table grow.
    grows_table_by: i32,
    /// Where the host is told to put texts.
    allocates_at: i32,
    /// Whether it calls the host while that asks for memory.
    calls_out_while_allocating: bool,
    /// Where `run` says that its outcome is.
    outcome_at: i32,
    /// Where the outcome says that its outputs are, and how many.
    outputs: (i32, i32),
    /// Where the one output says that its name is, and how long.
    output_name: (i32, i32),
    /// Whether it never ends to start.
    starts_for_ever: bool,
    /// Whether it stops once the host has read the outcome.
    traps_after_run: bool,
}

impl Default for Body {
    fn default() -> Self {
        Self {
            grows_table_by: 0,
            allocates_at: SETTINGS,
            calls_out_while_allocating: false,
            outcome_at: OUTCOME,
            outputs: (0, 0),
            output_name: (TEXT, 2),
            starts_for_ever: false,
            traps_after_run: false,
        }
    }
}

/// The component of this name.
///
/// # Panics
/// Where there is none.
pub(crate) fn component(name: &str) -> ComponentSource {
    let body = match name {
        "succeeds" => Body::default(),
        "grows-its-table" => Body {
            grows_table_by: 200_000,
            ..Body::default()
        },
        "grows-its-table-less" => Body {
            grows_table_by: 90_000,
            ..Body::default()
        },
        "allocates-outside" => Body {
            allocates_at: OUTSIDE,
            ..Body::default()
        },
        "calls-out-while-allocating" => Body {
            calls_out_while_allocating: true,
            ..Body::default()
        },
        "returns-from-outside" => Body {
            outcome_at: OUTSIDE,
            ..Body::default()
        },
        "returns-between-words" => Body {
            outcome_at: OUTCOME + 1,
            ..Body::default()
        },
        "returns-a-list-from-outside" => Body {
            outputs: (OUTSIDE, 1),
            ..Body::default()
        },
        "returns-an-endless-list" => Body {
            outputs: (OUTPUT, i32::MAX),
            ..Body::default()
        },
        "returns-a-text-from-outside" => Body {
            outputs: (OUTPUT, 1),
            output_name: (TEXT, OUTSIDE),
            ..Body::default()
        },
        "returns-no-text" => Body {
            outputs: (OUTPUT, 1),
            output_name: (NO_TEXT, 2),
            ..Body::default()
        },
        "starts-for-ever" => Body {
            starts_for_ever: true,
            ..Body::default()
        },
        "traps-after-its-run" => Body {
            traps_after_run: true,
            ..Body::default()
        },
        other => panic!("no component {other} is made"),
    };
    ComponentSource::bytes(name, encoded(&body))
}

fn encoded(body: &Body) -> Vec<u8> {
    let mut bytes = module(body).finish();
    let mut resolve = Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit");
    let (package, _) = resolve.push_dir(wit).unwrap();
    let world = resolve.select_world(&[package], Some("step")).unwrap();
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8).unwrap();
    let mut encoder = ComponentEncoder::default().module(&bytes).unwrap();
    encoder.encode().unwrap()
}

fn module(body: &Body) -> Module {
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I32]);
    types.ty().function([ValType::I32; 2], [ValType::I32]);
    types.ty().function([ValType::I32; 4], [ValType::I32]);
    types.ty().function([ValType::I32; 2], []);
    types.ty().function([ValType::I32], []);
    types.ty().function([], []);
    module.section(&types);
    let mut imports = ImportSection::new();
    let log = "stepyard:step/log@0.1.0";
    imports.import(log, "begin-phase", EntityType::Function(3));
    module.section(&imports);
    let mut functions = FunctionSection::new();
    for index in [0, 1, 2, 4, 5] {
        functions.function(index);
    }
    module.section(&functions);
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: 1,
        maximum: None,
        shared: false,
    });
    module.section(&tables);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    module.section(&memories);
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    for (name, index) in [
        ("describe", DESCRIBE),
        ("run", RUN),
        ("cabi_realloc", ALLOCATE),
        ("cabi_post_run", AFTER_RUN),
    ] {
        exports.export(name, ExportKind::Func, index);
    }
    module.section(&exports);
    module.section(&StartSection {
        function_index: START,
    });
    module.section(&code(body));
    module.section(&data(body));
    module
}

fn code(body: &Body) -> CodeSection {
    let mut describe = Function::new([]);
    describe.instructions().i32_const(DESCRIPTION).end();
    let mut run = Function::new([]);
    run.instructions()
        .ref_null(HeapType::FUNC)
        .i32_const(body.grows_table_by)
        .table_grow(0)
        .i32_const(-1)
        .i32_eq()
        .if_(BlockType::Empty)
        .unreachable()
        .end()
        .i32_const(body.outcome_at)
        .end();
    let mut allocate = Function::new([]);
    if body.calls_out_while_allocating {
        allocate.instructions().i32_const(TEXT).i32_const(2).call(0);
    }
    allocate.instructions().i32_const(body.allocates_at).end();
    let mut after_run = Function::new([]);
    if body.traps_after_run {
        after_run.instructions().unreachable();
    }
    after_run.instructions().end();
    let mut start = Function::new([]);
    if body.starts_for_ever {
        start.instructions().loop_(BlockType::Empty).br(0).end();
    }
    start.instructions().end();
    let mut code = CodeSection::new();
    for function in [&describe, &run, &allocate, &after_run, &start] {
        code.function(function);
    }
    code
}

fn data(body: &Body) -> DataSection {
    let words =
        |words: &[i32]| -> Vec<u8> { words.iter().flat_map(|word| word.to_le_bytes()).collect() };
    let (outputs, count) = body.outputs;
    let (name, length) = body.output_name;
    let mut data = DataSection::new();
    for (address, bytes) in [
        (TEXT, b"{}".to_vec()),
        (NO_TEXT, vec![0xff, 0xfe]),
        // Name, version, summary and schema are all the text `{}`.
        (DESCRIPTION, words(&[TEXT, 2].repeat(4))),
        (OUTPUT, words(&[name, length, TEXT, 2])),
        // That it succeeded, its outputs, and no images.
        (OUTCOME, words(&[0, outputs, count, 0, 0])),
    ] {
        data.active(0, &ConstExpr::i32_const(address), bytes);
    }
    data
}
