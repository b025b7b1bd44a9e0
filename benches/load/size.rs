//! The size of the filter's module and of its sections.

use serde::Serialize;
use wasmparser::{Parser, Payload};

/// Sizes in bytes.
#[derive(Serialize)]
pub struct Size {
    pub total: usize,
    /// The size of the other build.
    pub against: Option<u64>,
    /// The sections, in descending order of size.
    pub sections: Vec<(&'static str, usize)>,
}

/// Reads the module that was measured.
pub fn measure(against: Option<u64>) -> Size {
    let module = std::fs::read(test_support::wasm("okta_authz_filter")).expect("the filter");
    let payloads = Parser::new(0).parse_all(&module).map(|payload| payload.expect("a valid module"));
    let mut sections: Vec<_> = payloads.filter_map(|payload| section(&payload)).collect();
    sections.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    Size { total: module.len(), against, sections }
}

/// Returns the name and the size of a section, without its header. Returns `None` for the parts of
/// a section and for the header of the module.
fn section(payload: &Payload<'_>) -> Option<(&'static str, usize)> {
    let name = match payload {
        Payload::CustomSection(_) => "custom",
        Payload::TypeSection(_) => "type",
        Payload::ImportSection(_) => "import",
        Payload::FunctionSection(_) => "function",
        Payload::TableSection(_) => "table",
        Payload::MemorySection(_) => "memory",
        Payload::GlobalSection(_) => "global",
        Payload::ExportSection(_) => "export",
        Payload::StartSection { .. } => "start",
        Payload::ElementSection(_) => "element",
        Payload::CodeSectionStart { .. } => "code",
        Payload::DataSection(_) => "data",
        Payload::DataCountSection { .. } => "data count",
        _ => return None,
    };
    let (_, range) = payload.as_section()?;
    Some((name, usize::try_from(range.end - range.start).expect("a size")))
}
