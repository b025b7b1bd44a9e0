//! A worker: the callbacks of the module, and the outcomes of requests.

use std::collections::BTreeMap;

use wasmtime::{AsContextMut as _, Error, Instance, Result, Store, WasmParams, WasmResults};

use crate::state::{Callout, Headers, Reply, State, Stream};

/// The error of a module that ended unexpectedly. Its VM is unusable.
pub type Trap = Error;

/// The number of the root context.
pub const ROOT: u32 = 1;
/// `Action::Continue`
const CONTINUE: u32 = 0;

/// A worker with one root context.
pub struct Vm {
    store: Store<State>,
    instance: Instance,
    last_context: u32,
}

/// The outcome of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The request is forwarded with these headers.
    Forwarded(Headers),
    /// The module sent a local response.
    Responded(Reply),
    /// The module holds the request.
    Held,
}

impl Vm {
    pub(crate) fn start(store: Store<State>, instance: Instance) -> Result<Self> {
        let mut vm = Self { store, instance, last_context: ROOT };
        vm.call::<(), ()>(0, "_initialize", ())?;
        vm.call::<_, ()>(ROOT, "proxy_on_context_create", (ROOT, 0))?;
        if vm.call::<_, u32>(ROOT, "proxy_on_vm_start", (ROOT, 0))? == 0 {
            return Err(Error::msg("proxy_on_vm_start returned false"));
        }
        Ok(vm)
    }

    /// Configures the module. Returns whether it accepts the configuration.
    pub fn configure(&mut self, configuration: impl AsRef<[u8]>) -> Result<bool, Trap> {
        let configuration = configuration.as_ref().to_vec();
        let len = u32::try_from(configuration.len())?;
        self.store.data_mut().configuration = configuration;
        Ok(self.call::<_, u32>(ROOT, "proxy_on_configure", (ROOT, len))? != 0)
    }

    /// Calls the module's timer.
    pub fn tick(&mut self) -> Result<(), Trap> {
        self.call(ROOT, "proxy_on_tick", ROOT)
    }

    /// Sends a request without a body. Returns the number of its context, for later calls.
    pub fn request(&mut self, headers: Headers) -> Result<(u32, Outcome), Trap> {
        self.last_context += 1;
        let context = self.last_context;
        let count = u32::try_from(headers.len())?;
        self.store.data_mut().streams.insert(context, Stream { headers, ..Stream::default() });
        self.call::<_, ()>(context, "proxy_on_context_create", (context, ROOT))?;
        let action = self.call::<_, u32>(context, "proxy_on_request_headers", (context, count, 1))?;
        Ok((context, self.apply(context, action)))
    }

    /// Sends a part of the body of a request.
    pub fn body(&mut self, context: u32, len: u32) -> Result<Outcome, Trap> {
        let action = self.call::<_, u32>(context, "proxy_on_request_body", (context, len, 1))?;
        Ok(self.apply(context, action))
    }

    fn apply(&mut self, context: u32, action: u32) -> Outcome {
        if action == CONTINUE {
            self.stream(context).resumed = true;
        }
        self.outcome(context)
    }

    /// Returns the outcome of a request. After a local response the request is not forwarded, even
    /// if the module resumes it.
    pub fn outcome(&mut self, context: u32) -> Outcome {
        let stream = self.stream(context);
        match &stream.reply {
            Some(reply) => Outcome::Responded(reply.clone()),
            None if stream.resumed => Outcome::Forwarded(stream.headers.clone()),
            None => Outcome::Held,
        }
    }

    /// Ends a request, with or without a response.
    pub fn end(&mut self, context: u32) -> Result<(), Trap> {
        self.call::<_, ()>(context, "proxy_on_delete", context)?;
        self.store.data_mut().streams.remove(&context);
        Ok(())
    }

    /// Takes the callouts that have no response yet.
    pub fn callouts(&mut self) -> Vec<Callout> {
        std::mem::take(&mut self.store.data_mut().callouts)
    }

    /// Passes the response of a callout to the module. `None` is a failed callout.
    pub fn respond(&mut self, callout: &Callout, response: Option<(Headers, Vec<u8>)>) -> Result<(), Trap> {
        let (headers, body) = response.as_ref().map_or((0, 0), |(headers, body)| (headers.len(), body.len()));
        self.store.data_mut().callout_response = response;
        let arguments = (callout.context, callout.token, u32::try_from(headers)?, u32::try_from(body)?, 0);
        let result = self.call(callout.context, "proxy_on_http_call_response", arguments);
        self.store.data_mut().callout_response = None;
        result
    }

    /// Makes calls of this name return a status from now on. `None` removes it.
    pub fn force_status(&mut self, name: &str, status: Option<crate::calls::Status>) {
        let forced = &mut self.store.data_mut().forced_statuses;
        match status {
            Some(status) => drop(forced.insert(name.to_owned(), status)),
            None => drop(forced.remove(name)),
        }
    }

    /// Returns the log messages of the module.
    pub fn logs(&self) -> String {
        self.store.data().logs.join("\n")
    }

    /// Returns the period of the module's timer, in milliseconds.
    pub fn tick_period(&self) -> Option<u32> {
        self.store.data().tick
    }

    /// Returns the number of wasm instructions that the module has executed. A bulk instruction, such
    /// as `memory.copy`, counts as one. The number does not depend on the machine.
    pub fn instructions(&self) -> u64 {
        u64::MAX - self.store.get_fuel().expect("the engine counts fuel")
    }

    /// Returns the size of the memory of the worker, in bytes.
    pub fn memory_bytes(&mut self) -> usize {
        let memory = self.instance.get_memory(&mut self.store, "memory").expect("the module exports it");
        memory.data_size(&self.store)
    }

    /// Returns how often the module made a call.
    pub fn calls(&self, name: &str) -> u64 {
        self.store.data().calls.get(name).copied().unwrap_or(0)
    }

    /// Returns how often the module made each call.
    pub fn all_calls(&self) -> &BTreeMap<String, u64> {
        &self.store.data().calls
    }

    /// Returns filter state that the module set for a request.
    pub fn filter_state(&mut self, context: u32, name: &str) -> Option<String> {
        let value = self.stream(context).filter_state.get(name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    fn stream(&mut self, context: u32) -> &mut Stream {
        self.store.data_mut().streams.get_mut(&context).expect("a request that has not ended")
    }

    fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        context: u32,
        name: &str,
        arguments: P,
    ) -> Result<R, Trap> {
        self.store.data_mut().effective = context;
        let function = self.instance.get_typed_func::<P, R>(&mut self.store, name)?;
        function.call(self.store.as_context_mut(), arguments)
    }
}
