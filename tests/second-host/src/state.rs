//! The state of the process, of a worker, and of a request.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use wasmtime::StoreLimits;

use crate::calls::Status;

/// Headers with names in lower case. Values are bytes, because those of a client need not be UTF-8.
pub type Headers = Vec<(String, Vec<u8>)>;

/// The state that all workers of a process share.
#[derive(Debug, Default)]
pub struct Common {
    /// The time in Unix nanoseconds.
    pub now: u64,
    /// Values by key, each with its compare-and-swap number.
    pub shared_data: HashMap<Vec<u8>, (Vec<u8>, u32)>,
    pub last_cas: u32,
    /// Metrics by name. The number of a metric is its index in `metric_names`.
    pub metrics: HashMap<String, i64>,
    pub metric_names: Vec<String>,
    pub last_random: u64,
}

/// The state of a worker.
pub struct State {
    pub common: Rc<RefCell<Common>>,
    /// The limits of the worker's memory.
    pub limits: StoreLimits,
    /// Calls that return this status and do nothing else, by name.
    pub forced_statuses: BTreeMap<String, Status>,
    /// The number of calls, by name.
    pub calls: BTreeMap<String, u64>,
    pub configuration: Vec<u8>,
    pub logs: Vec<String>,
    pub tick: Option<u32>,
    /// The context to which calls apply.
    pub effective: u32,
    pub streams: HashMap<u32, Stream>,
    pub callouts: Vec<Callout>,
    pub last_callout: u32,
    /// The response of a callout, during its callback.
    pub callout_response: Option<(Headers, Vec<u8>)>,
}

/// The state of a request.
#[derive(Debug, Default)]
pub struct Stream {
    pub headers: Headers,
    pub trailers: Headers,
    /// Attributes by path. The names in a path are separated by zero bytes.
    pub properties: HashMap<String, Vec<u8>>,
    /// Filter state that the module set.
    pub filter_state: HashMap<String, Vec<u8>>,
    pub reply: Option<Reply>,
    /// Whether the module resumed the request.
    pub resumed: bool,
}

/// A local response of the module.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    pub status: u32,
    pub details: String,
    pub headers: Headers,
    pub body: String,
}

/// An HTTP request of the module to a cluster.
#[derive(Clone, Debug)]
pub struct Callout {
    pub token: u32,
    /// The context that gets the response.
    pub context: u32,
    pub cluster: String,
    pub headers: Headers,
    pub timeout_millis: u32,
}

impl State {
    pub fn new(common: Rc<RefCell<Common>>) -> Self {
        Self {
            common,
            limits: StoreLimits::default(),
            forced_statuses: BTreeMap::new(),
            calls: BTreeMap::new(),
            configuration: Vec::new(),
            logs: Vec::new(),
            tick: None,
            effective: 0,
            streams: HashMap::new(),
            callouts: Vec::new(),
            last_callout: 0,
            callout_response: None,
        }
    }

    /// Returns the request to which calls apply.
    pub fn stream(&mut self) -> Option<&mut Stream> {
        self.streams.get_mut(&self.effective)
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    /// Returns the denial code in the body of the filter's response.
    pub fn code(&self) -> String {
        let (_, rest) = self.body.split_once(r#""code":""#).unwrap_or_default();
        rest.split('"').next().unwrap_or_default().to_owned()
    }
}

impl Callout {
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }
}

/// Returns the first value of a header.
fn value<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let (_, value) = headers.iter().find(|(other, _)| other == name)?;
    str::from_utf8(value).ok()
}
