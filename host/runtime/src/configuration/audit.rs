//! `[audit]`: where it is recorded what steps ask for.

use std::path::PathBuf;

use super::file::path;
use crate::audit::AuditSync;
use crate::document::Field;

/// `[audit]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditConfiguration {
    /// `file`: the log, to which each run adds.
    pub file: Option<PathBuf>,
    /// `sync`: when records are made to survive the end of the machine's power.
    pub sync: AuditSync,
}

pub(super) fn read_audit(field: &Field<'_>) -> Option<AuditConfiguration> {
    let mut fields = field.fields()?;
    let file = fields.required("file", "name the file, such as `audit.jsonl`");
    let file = file.and_then(|field| path(&field));
    let sync = fields
        .optional("sync")
        .and_then(|field| field.one_of(&[("run", AuditSync::Run), ("record", AuditSync::Record)]));
    fields.finish();
    Some(AuditConfiguration {
        file,
        sync: sync.unwrap_or_default(),
    })
}
