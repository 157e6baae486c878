//! A component of a body of its own, which grows its table: no compiler's output does so.

use serde_json::json;
use stepyard::{ComponentSource, Host, RunRequest};
use stepyard_tests::transcript::Transcript;
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function, FunctionSection,
    HeapType, MemorySection, MemoryType, Module, RefType, TableSection, TableType, TypeSection,
    ValType,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Where the texts of `describe` are in memory, and where it is said that they are.
const TEXT: u32 = 1024;
const DESCRIPTION: u32 = 2048;
/// Zeros: the outcome without outputs and images.
const OUTCOME: u32 = 4096;

/// A step that succeeds where its table has grown by `elements`.
fn growing(elements: i32) -> Vec<u8> {
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I32]);
    types.ty().function([ValType::I32; 2], [ValType::I32]);
    types.ty().function([ValType::I32; 4], [ValType::I32]);
    module.section(&types);
    let mut functions = FunctionSection::new();
    functions.function(0).function(1).function(2);
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
    for (index, name) in ["describe", "run", "cabi_realloc"].into_iter().enumerate() {
        exports.export(name, ExportKind::Func, u32::try_from(index).unwrap());
    }
    module.section(&exports);
    let mut code = CodeSection::new();
    let address = |address: u32| i32::try_from(address).unwrap();
    let mut describe = Function::new([]);
    describe
        .instructions()
        .i32_const(address(DESCRIPTION))
        .end();
    code.function(&describe);
    let mut run = Function::new([]);
    run.instructions()
        .ref_null(HeapType::FUNC)
        .i32_const(elements)
        .table_grow(0)
        .i32_const(-1)
        .i32_eq()
        .if_(wasm_encoder::BlockType::Empty)
        .unreachable()
        .end()
        .i32_const(address(OUTCOME))
        .end();
    code.function(&run);
    // The settings are put where nothing else is.
    let mut allocate = Function::new([]);
    allocate.instructions().i32_const(8192).end();
    code.function(&allocate);
    module.section(&code);
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(address(TEXT)), *b"{}");
    // Name, version, summary and schema are all the text `{}`.
    let text: Vec<u8> = [TEXT, 2]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    data.active(
        0,
        &ConstExpr::i32_const(address(DESCRIPTION)),
        text.repeat(4),
    );
    module.section(&data);

    let mut resolve = Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit");
    let (package, _) = resolve.push_dir(wit).unwrap();
    let world = resolve.select_world(&[package], Some("step")).unwrap();
    let mut bytes = module.finish();
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8).unwrap();
    let mut encoder = ComponentEncoder::default().module(&bytes).unwrap();
    encoder.encode().unwrap()
}

#[tokio::test]
async fn a_table_does_not_grow_without_end() {
    let host = Host::builder().build().unwrap();
    let run = async |elements| {
        let source = ComponentSource::bytes("table-growth", growing(elements));
        let component = host.load(source).await.unwrap();
        let transcript = Transcript::default();
        let request = RunRequest::new(json!({})).events(transcript.clone());
        transcript.with_result(&host.run(&component, request).await)
    };
    let refused = run(200_000).await;
    assert!(refused.contains("the step aborted"), "{refused}");
    let grown = run(90_000).await;
    assert!(grown.contains("Succeeded"), "{grown}");
}
