//! The observer of the host. It records the inputs of the metrics.

use crate::observer::{DecisionEvent, DecisionObserver};
use crate::rejection::Rejection;

/// An observer that records the provider that the token names, and the denials of policies in
/// shadow mode.
#[derive(Debug, Default)]
pub struct MetricsObserver {
    /// The index of the provider in the configuration.
    pub provider_index: Option<usize>,
    /// The rejections with which policies in shadow mode would have denied the request, in the
    /// order of evaluation.
    pub shadow_denials: Vec<Rejection>,
}

impl DecisionObserver for MetricsObserver {
    const ENABLED: bool = false;

    fn record(&mut self, event: DecisionEvent<'_>) {
        match event {
            DecisionEvent::ProviderSelected { index, .. } => self.provider_index = Some(index),
            DecisionEvent::ShadowEvaluated(_, Some(rejection)) => self.shadow_denials.push(rejection),
            _ => {}
        }
    }
}
