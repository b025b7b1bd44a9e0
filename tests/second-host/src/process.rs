//! The process: the compiled module, and the state that all workers share.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use wasmtime::{
    Config, Engine, ExternType, Linker, Module, OptLevel, Result, Store, StoreLimitsBuilder, Val,
};

use crate::calls;
use crate::guest::Guest;
use crate::state::{Common, State};
use crate::vm::Vm;
use crate::wasi;

/// A process with any number of workers. Clones share the state.
#[derive(Clone)]
pub struct Process {
    module: Module,
    /// The limit of the memory of a worker, in bytes.
    memory_limit: usize,
    common: Rc<RefCell<Common>>,
}

impl Process {
    /// Compiles a module. It takes seconds, so the tests share the result.
    pub fn compile(wasm: &Path) -> Result<Module> {
        let mut config = Config::new();
        // The tests run few instructions, so optimizing takes longer than it saves.
        config.cranelift_opt_level(OptLevel::None);
        // Each instruction costs one unit of fuel, so fuel counts instructions.
        config.consume_fuel(true);
        Module::from_file(&Engine::new(&config)?, wasm)
    }

    /// Makes a process without workers, at a time in Unix seconds.
    pub fn new(module: Module, now: u64) -> Self {
        let process = Self { module, memory_limit: u32::MAX as usize, common: Rc::default() };
        process.common.borrow_mut().now = now * 1_000_000_000;
        process
    }

    /// Limits the memory of each worker that starts after this call, in bytes. The module cannot grow
    /// its memory beyond the limit.
    pub const fn limit_memory(&mut self, bytes: usize) {
        self.memory_limit = bytes;
    }

    /// Starts a worker with a root context that is not configured. The named calls return the given
    /// status.
    pub fn worker(&self, forced_statuses: &[(&str, calls::Status)]) -> Result<Vm> {
        let mut linker = Linker::new(self.module.engine());
        for import in self.module.imports() {
            let ExternType::Func(ty) = import.ty() else { continue };
            let (is_env, name) = (import.module() == "env", import.name().to_owned());
            linker.func_new(import.module(), import.name(), ty, move |caller, parameters, results| {
                let arguments: Vec<u32> = parameters.iter().map(argument).collect();
                let mut guest = Guest::new(caller)?;
                let result = if is_env {
                    calls::call(&mut guest, &name, &arguments)?
                } else {
                    wasi::call(&mut guest, &name, &arguments)?
                };
                if let Some(slot) = results.first_mut() {
                    *slot = Val::I32(result.cast_signed());
                }
                Ok(())
            })?;
        }
        let mut state = State::new(Rc::clone(&self.common));
        state.forced_statuses =
            forced_statuses.iter().map(|(name, status)| ((*name).to_owned(), *status)).collect();
        let mut store = Store::new(self.module.engine(), state);
        store.set_fuel(u64::MAX)?;
        store.data_mut().limits = StoreLimitsBuilder::new().memory_size(self.memory_limit).build();
        store.limiter(|state| &mut state.limits);
        let instance = linker.instantiate(&mut store, &self.module)?;
        Vm::start(store, instance)
    }

    /// Advances the clock.
    pub fn wait(&self, millis: u64) {
        self.common.borrow_mut().now += millis * 1_000_000;
    }

    /// Returns the value of a counter of the filter.
    pub fn count(&self, name: &str) -> i64 {
        let name = format!("okta_authz.{name}");
        self.common.borrow().metrics.get(&name).copied().unwrap_or(0)
    }

    /// Returns the number of values in the shared data.
    pub fn shared_names(&self) -> usize {
        self.common.borrow().shared_data.len()
    }
}

/// Returns an argument of a call. The only one with 64 bits is the offset of a counter, which is
/// below 2^31 in tests.
fn argument(value: &Val) -> u32 {
    match value {
        Val::I32(number) => number.cast_unsigned(),
        // The low half has the sign of a small number.
        Val::I64(number) => *number as u32,
        _ => u32::MAX,
    }
}
