//! The observer that the host uses: it records what the metrics need.

use crate::observer::{DecisionEvent, DecisionObserver};
use crate::rejection::Rejection;

/// An observer that records the provider which the token names and the denials of policies in
/// shadow mode.
#[derive(Debug, Default)]
pub struct ProviderObserver {
    /// The index of the provider in the configuration.
    pub index: Option<usize>,
    /// The rejections with which policies in shadow mode would have denied the request, in the
    /// order of evaluation.
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
