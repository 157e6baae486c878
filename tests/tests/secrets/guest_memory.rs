//! Linear memories whose bytes can be looked at after the guest is gone.

use std::sync::{Arc, Mutex};

use wasmtime::{Config, InstanceAllocationStrategy, LinearMemory, MemoryCreator, MemoryType};

/// What guests had in their memories, noted whenever one grows or ends. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct GuestMemories(Arc<Mutex<Vec<Vec<u8>>>>);

impl GuestMemories {
    /// Lets an engine take its memories from here.
    pub(crate) fn configure(&self, config: &mut Config) {
        config
            .allocation_strategy(InstanceAllocationStrategy::OnDemand)
            .with_host_memory(Arc::new(self.clone()))
            // Every access is checked against the size, so a memory needs no guard pages and may
            // move when it grows.
            .memory_reservation(0)
            .memory_guard_size(0)
            .memory_may_move(true)
            .memory_init_cow(false);
    }

    /// Whether any memory held `text` at any of these times.
    pub(crate) fn hold(&self, text: &str) -> bool {
        let text = text.as_bytes();
        let noted = self.0.lock().unwrap();
        noted
            .iter()
            .any(|memory| memory.windows(text.len()).any(|window| window == text))
    }
}

/// SAFETY: a memory's bytes are a boxed slice that only [`Recorded`] holds, of the size that it
/// reports. It has neither reservation nor guard pages, as [`GuestMemories::configure`] promises.
#[allow(unsafe_code)]
unsafe impl MemoryCreator for GuestMemories {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        _: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        if reserved.unwrap_or(0) > 0 || guard > 0 {
            return Err(format!("{reserved:?} bytes reserved, {guard} guarding"));
        }
        Ok(Box::new(Recorded {
            bytes: Mutex::new(vec![0; minimum]),
            noted: self.clone(),
        }))
    }
}

struct Recorded {
    bytes: Mutex<Vec<u8>>,
    noted: GuestMemories,
}

impl Recorded {
    fn note(&self) {
        let bytes = self.bytes.lock().unwrap().clone();
        self.noted.0.lock().unwrap().push(bytes);
    }
}

/// SAFETY: the bytes stay where they are until `grow_to` moves them, after which the engine asks
/// for the pointer again. They are read only in `grow_to` and on drop, when no guest runs.
#[allow(unsafe_code)]
unsafe impl LinearMemory for Recorded {
    fn byte_size(&self) -> usize {
        self.bytes.lock().unwrap().len()
    }

    fn byte_capacity(&self) -> usize {
        self.byte_size()
    }

    fn grow_to(&mut self, size: usize) -> wasmtime::Result<()> {
        self.note();
        self.bytes.lock().unwrap().resize(size, 0);
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.bytes.lock().unwrap().as_mut_ptr()
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        self.note();
    }
}
