//! What a host knows: of all workers together, of one worker, and of one request.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::calls::Status;

/// Names in lower case, values as bytes: what comes from a client need not be text.
pub type Headers = Vec<(String, Vec<u8>)>;

/// What all workers of a process share.
#[derive(Debug, Default)]
pub struct Common {
    /// Nanoseconds since 1970.
    pub now: u64,
    /// Values by name, each with its compare-and-set number.
    pub shared_data: HashMap<Vec<u8>, (Vec<u8>, u32)>,
    pub last_cas: u32,
    /// Metrics by name; a metric's number is its place in `metric_names`.
    pub metrics: HashMap<String, i64>,
    pub metric_names: Vec<String>,
    pub last_random: u64,
}

/// One worker.
pub struct State {
    pub common: Rc<RefCell<Common>>,
    /// What calls answer instead of doing what they are for, by their names.
    pub refused: BTreeMap<String, Status>,
    /// How often each call was made.
    pub calls: BTreeMap<String, u64>,
    pub configuration: Vec<u8>,
    pub logs: Vec<String>,
    pub tick: Option<u32>,
    /// The context that calls are about.
    pub effective: u32,
    pub streams: HashMap<u32, Stream>,
    pub callouts: Vec<Callout>,
    pub last_callout: u32,
    /// The answer of a callout, while its callback runs.
    pub arrived: Option<(Headers, Vec<u8>)>,
}

/// One request.
#[derive(Debug, Default)]
pub struct Stream {
    pub headers: Headers,
    pub trailers: Headers,
    /// Attributes, by their paths; names within a path are separated by zero bytes.
    pub properties: HashMap<String, Vec<u8>>,
    /// Filter state that the module has set.
    pub filter_state: HashMap<String, Vec<u8>>,
    pub reply: Option<Reply>,
    /// The module has let it go on.
    pub resumed: bool,
}

/// An answer in place of the backend's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    pub status: u32,
    pub details: String,
    pub headers: Headers,
    pub body: String,
}

/// A request of the module through a cluster.
#[derive(Clone, Debug)]
pub struct Callout {
    pub token: u32,
    /// The context that the answer is for.
    pub context: u32,
    pub cluster: String,
    pub headers: Headers,
    pub timeout_millis: u32,
}

impl State {
    pub fn new(common: Rc<RefCell<Common>>) -> Self {
        Self {
            common,
            refused: BTreeMap::new(),
            calls: BTreeMap::new(),
            configuration: Vec::new(),
            logs: Vec::new(),
            tick: None,
            effective: 0,
            streams: HashMap::new(),
            callouts: Vec::new(),
            last_callout: 0,
            arrived: None,
        }
    }

    /// The request that calls are about.
    pub fn stream(&mut self) -> Option<&mut Stream> {
        self.streams.get_mut(&self.effective)
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    /// The stable code in the body of the filter's answers.
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

/// The first value of a header.
fn value<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let (_, value) = headers.iter().find(|(have, _)| have == name)?;
    str::from_utf8(value).ok()
}
