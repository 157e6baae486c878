//! Layers on their way from or to a registry.

use std::time::Duration;

use stepyard::event::LayerState;
use time::OffsetDateTime;

use super::measure;

/// The most layers that are shown; an image has some hundred at most.
const MOST_LAYERS: usize = 1_000;
/// How long a rate stands for what happens now.
const FRESH: Duration = Duration::from_secs(3);

/// How fast something moves, and when that was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    measured: OffsetDateTime,
    rate: Option<u64>,
}

impl Rate {
    pub(super) fn new(measured: OffsetDateTime, rate: Option<u64>) -> Self {
        Self { measured, rate }
    }

    /// The rate, unless nothing was heard for a while.
    pub(super) fn at(self, now: OffsetDateTime) -> Option<u64> {
        let is_fresh = measure::between(self.measured, now) < FRESH;
        self.rate.filter(|_| is_fresh)
    }
}

/// One layer.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// Its short name.
    pub(super) name: String,
    /// What happens to it.
    pub(super) state: LayerState,
    /// The most bytes that were seen to be moved.
    pub(super) current: u64,
    /// Bytes in all, where known.
    pub(super) total: Option<u64>,
    /// How fast it moves.
    pub(super) rate: Rate,
    /// The last state in which it moved.
    pub(super) direction: Option<LayerState>,
}

impl Layer {
    pub(super) fn is_moving(&self) -> bool {
        matches!(self.state, LayerState::Uploading | LayerState::Downloading)
    }

    /// Whether nothing more happens to it.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.state, LayerState::Done | LayerState::Exists)
    }

    /// The bytes of a layer that has arrived. Engines that report an arrival without numbers have
    /// reported them before.
    pub(super) fn size(&self) -> u64 {
        self.total.unwrap_or_default().max(self.current)
    }
}

/// The layers of one phase, in the order in which they were first heard of.
#[derive(Clone, Debug, Default)]
pub(super) struct Transfer {
    layers: Vec<Layer>,
}

impl Transfer {
    /// Takes note of progress. Gives the layer where this is how it ended.
    pub(super) fn update(
        &mut self,
        time: OffsetDateTime,
        name: &str,
        state: LayerState,
        current: u64,
        total: Option<u64>,
        rate: Option<u64>,
    ) -> Option<&Layer> {
        let rate = Rate::new(time, rate);
        let position = self.layers.iter().position(|layer| layer.name == name);
        let index = position.unwrap_or(self.layers.len());
        if position.is_none() && index < MOST_LAYERS {
            self.layers.push(Layer {
                name: name.to_owned(),
                state: LayerState::Waiting,
                current: 0,
                total: None,
                rate,
                direction: None,
            });
        }
        let layer = self.layers.get_mut(index)?;
        let had_ended = layer.has_ended();
        layer.state = state;
        layer.rate = rate;
        layer.current = layer.current.max(current);
        layer.total = total.or(layer.total);
        if layer.is_moving() {
            layer.direction = Some(state);
        }
        (layer.has_ended() && !had_ended).then_some(&*layer)
    }

    /// The layers that move.
    pub(super) fn moving(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter().filter(|layer| layer.is_moving())
    }

    /// The layers in `state`.
    pub(super) fn in_state(&self, state: LayerState) -> impl Iterator<Item = &Layer> {
        self.layers.iter().filter(move |layer| layer.state == state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    #[test]
    fn a_layer_ends_once_and_keeps_its_size() {
        let mut transfer = Transfer::default();
        let mut update = |state, current, total| {
            transfer
                .update(TIME, "a", state, current, total, None)
                .map(Layer::size)
        };
        assert_eq!(update(LayerState::Waiting, 0, None), None);
        assert_eq!(update(LayerState::Uploading, 10, Some(40)), None);
        assert_eq!(update(LayerState::Done, 0, None), Some(40));
        assert_eq!(update(LayerState::Done, 0, None), None);
    }

    #[test]
    fn layers_are_told_apart() {
        let mut transfer = Transfer::default();
        transfer.update(TIME, "a", LayerState::Uploading, 1, None, None);
        transfer.update(TIME, "b", LayerState::Exists, 0, None, None);
        transfer.update(TIME, "c", LayerState::Downloading, 1, None, None);
        let moving: Vec<_> = transfer.moving().map(|layer| layer.name.as_str()).collect();
        assert_eq!(moving, ["a", "c"]);
        assert_eq!(transfer.in_state(LayerState::Exists).count(), 1);
    }

    #[test]
    fn a_rate_stands_for_a_while_and_a_flood_is_bounded() {
        let mut transfer = Transfer::default();
        for name in 0..MOST_LAYERS + 5 {
            let (name, state) = (name.to_string(), LayerState::Uploading);
            transfer.update(TIME, &name, state, 1, None, Some(7));
        }
        assert_eq!(transfer.moving().count(), MOST_LAYERS);
        let layer = transfer.moving().next().unwrap();
        assert_eq!(layer.rate.at(TIME + Duration::from_secs(1)), Some(7));
        assert_eq!(layer.rate.at(TIME + FRESH), None);
    }
}
