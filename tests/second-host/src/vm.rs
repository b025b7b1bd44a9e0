//! One worker: what a host calls in a module, and what becomes of requests.

use wasmtime::{AsContextMut as _, Error, Instance, Result, Store, WasmParams, WasmResults};

use crate::state::{Callout, Headers, Reply, State, Stream};

/// The module has come to an end that it did not plan: the VM is of no use any more, and hosts answer by themselves.
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

/// What has become of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It goes on to the backend, with these headers.
    SharedStreamState(Headers),
    /// It has been answered.
    Answered(Reply),
    /// It is held back.
    Waits,
}

impl Vm {
    pub(crate) fn start(store: Store<State>, instance: Instance) -> Result<Self> {
        let mut vm = Self { store, instance, last_context: ROOT };
        vm.call::<(), ()>(0, "_initialize", ())?;
        vm.call::<_, ()>(ROOT, "proxy_on_context_create", (ROOT, 0))?;
        if vm.call::<_, u32>(ROOT, "proxy_on_vm_start", (ROOT, 0))? == 0 {
            return Err(Error::msg("proxy_on_vm_start says no"));
        }
        Ok(vm)
    }

    /// Whether the module takes the configuration.
    pub fn configure(&mut self, configuration: impl AsRef<[u8]>) -> Result<bool, Trap> {
        let configuration = configuration.as_ref().to_vec();
        let len = u32::try_from(configuration.len())?;
        self.store.data_mut().configuration = configuration;
        Ok(self.call::<_, u32>(ROOT, "proxy_on_configure", (ROOT, len))? != 0)
    }

    pub fn tick(&mut self) -> Result<(), Trap> {
        self.call(ROOT, "proxy_on_tick", ROOT)
    }

    /// A request without a body arrives. Its number is for what comes later.
    pub fn request(&mut self, headers: Headers) -> Result<(u32, Outcome), Trap> {
        self.last_context += 1;
        let context = self.last_context;
        let count = u32::try_from(headers.len())?;
        self.store.data_mut().streams.insert(context, Stream { headers, ..Stream::default() });
        self.call::<_, ()>(context, "proxy_on_context_create", (context, ROOT))?;
        let action = self.call::<_, u32>(context, "proxy_on_request_headers", (context, count, 1))?;
        Ok((context, self.after(context, action)))
    }

    /// A piece of the body of a request arrives.
    pub fn body(&mut self, context: u32, len: u32) -> Result<Outcome, Trap> {
        let action = self.call::<_, u32>(context, "proxy_on_request_body", (context, len, 1))?;
        Ok(self.after(context, action))
    }

    fn after(&mut self, context: u32, action: u32) -> Outcome {
        if action == CONTINUE {
            self.stream(context).resumed = true;
        }
        self.outcome(context)
    }

    /// What has become of a request so far. One that was answered has not passed, whatever else the module says of it.
    pub fn outcome(&mut self, context: u32) -> Outcome {
        let stream = self.stream(context);
        match &stream.reply {
            Some(reply) => Outcome::Answered(reply.clone()),
            None if stream.resumed => Outcome::SharedStreamState(stream.headers.clone()),
            None => Outcome::Waits,
        }
    }

    /// A request ends, answered or given up.
    pub fn end(&mut self, context: u32) -> Result<(), Trap> {
        self.call::<_, ()>(context, "proxy_on_delete", context)?;
        self.store.data_mut().streams.remove(&context);
        Ok(())
    }

    /// What the module has asked for and nobody has answered yet.
    pub fn callouts(&mut self) -> Vec<Callout> {
        std::mem::take(&mut self.store.data_mut().callouts)
    }

    /// The answer of a callout arrives; `None` is no answer at all.
    pub fn answer(&mut self, callout: &Callout, answer: Option<(Headers, Vec<u8>)>) -> Result<(), Trap> {
        let (headers, body) = answer.as_ref().map_or((0, 0), |(headers, body)| (headers.len(), body.len()));
        self.store.data_mut().arrived = answer;
        let arguments = (callout.context, callout.token, u32::try_from(headers)?, u32::try_from(body)?, 0);
        let called = self.call(callout.context, "proxy_on_http_call_response", arguments);
        self.store.data_mut().arrived = None;
        called
    }

    /// From now on, calls of this name answer with this status; `None`: what they should.
    pub fn refuse(&mut self, name: &str, status: Option<crate::calls::Status>) {
        let refused = &mut self.store.data_mut().refused;
        match status {
            Some(status) => drop(refused.insert(name.to_owned(), status)),
            None => drop(refused.remove(name)),
        }
    }

    pub fn logs(&self) -> String {
        self.store.data().logs.join("\n")
    }

    /// In how many milliseconds the next tick should come.
    pub fn tick_period(&self) -> Option<u32> {
        self.store.data().tick
    }

    /// How often the module has made this call.
    pub fn calls(&self, name: &str) -> u64 {
        self.store.data().calls.get(name).copied().unwrap_or(0)
    }

    /// Filter state that the module has set for a request.
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
