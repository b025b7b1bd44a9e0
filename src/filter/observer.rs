//! The observer that the host uses: it records what the metrics need.

use crate::observer::{DecisionEvent, DecisionObserver};
use crate::rejection::Rejection;

/// An observer that notes the provider that a token names and the denials of shadow mode, and nothing else.
#[derive(Debug, Default)]
pub struct ProviderObserver {
    /// The provider, by its place in the configuration.
    pub index: Option<usize>,
    /// The rejections with which rules in shadow mode would have denied the request, in the order of the rules.
    pub shadows: Vec<Rejection>,
}

impl DecisionObserver for ProviderObserver {
    const ENABLED: bool = false;

    fn record(&mut self, event: DecisionEvent<'_>) {
        match event {
            DecisionEvent::ProviderSelected { index, .. } => self.index = Some(index),
            DecisionEvent::ShadowEvaluated(_, Some(rejection)) => self.shadows.push(rejection),
            _ => {}
        }
    }
}
