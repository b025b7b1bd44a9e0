//! The process: the compiled module, and what all workers share.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use wasmtime::{Config, Engine, ExternType, Linker, Module, OptLevel, Result, Store, Val};

use crate::calls;
use crate::guest::Guest;
use crate::state::{Common, State};
use crate::vm::Vm;
use crate::wasi;

/// A process with any number of workers, none at first. Clones share everything.
#[derive(Clone)]
pub struct Process {
    module: Module,
    common: Rc<RefCell<Common>>,
}

impl Process {
    /// Compiles a module. Takes seconds: once for all tests.
    pub fn compile(wasm: &Path) -> Result<Module> {
        let mut config = Config::new();
        // Tests call little, and would wait for the optimisation.
        config.cranelift_opt_level(OptLevel::None);
        Module::from_file(&Engine::new(&config)?, wasm)
    }

    /// A process in which it is this time, in seconds since 1970.
    pub fn new(module: Module, now: u64) -> Self {
        let process = Self { module, common: Rc::default() };
        process.common.borrow_mut().now = now * 1_000_000_000;
        process
    }

    /// Starts a worker: its root context is there, and not configured. Calls named here answer with a status.
    pub fn worker(&self, refused: &[(&str, calls::Status)]) -> Result<Vm> {
        let mut linker = Linker::new(self.module.engine());
        for import in self.module.imports() {
            let ExternType::Func(ty) = import.ty() else { continue };
            let (is_env, name) = (import.module() == "env", import.name().to_owned());
            linker.func_new(import.module(), import.name(), ty, move |caller, parameters, results| {
                let arguments: Vec<u32> = parameters.iter().map(argument).collect();
                let mut guest = Guest::new(caller)?;
                let answer = if is_env {
                    calls::call(&mut guest, &name, &arguments)?
                } else {
                    wasi::call(&mut guest, &name, &arguments)?
                };
                if let Some(result) = results.first_mut() {
                    *result = Val::I32(answer.cast_signed());
                }
                Ok(())
            })?;
        }
        let mut state = State::new(Rc::clone(&self.common));
        state.refused = refused.iter().map(|(name, status)| ((*name).to_owned(), *status)).collect();
        let mut store = Store::new(self.module.engine(), state);
        let instance = linker.instantiate(&mut store, &self.module)?;
        Vm::start(store, instance)
    }

    /// Lets time pass.
    pub fn wait(&self, millis: u64) {
        self.common.borrow_mut().now += millis * 1_000_000;
    }

    /// A counter of the filter.
    pub fn count(&self, name: &str) -> i64 {
        let name = format!("okta_authz.{name}");
        self.common.borrow().metrics.get(&name).copied().unwrap_or(0)
    }

    /// Every name in the shared data.
    pub fn shared_names(&self) -> usize {
        self.common.borrow().shared_data.len()
    }
}

/// The calls that have one of 64 bits (a counter's increment) never have one above 2^31 here.
fn argument(value: &Val) -> u32 {
    match value {
        Val::I32(number) => number.cast_unsigned(),
        // The low half, which has the sign of a small number.
        Val::I64(number) => *number as u32,
        _ => u32::MAX,
    }
}
