//! Layers on their way from or to a registry.

use stepyard::event::LayerState;
use time::OffsetDateTime;

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
    /// When it began to move.
    pub(super) began: Option<OffsetDateTime>,
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
    ) -> Option<&Layer> {
        let position = self.layers.iter().position(|layer| layer.name == name);
        let index = position.unwrap_or(self.layers.len());
        if position.is_none() {
            self.layers.push(Layer {
                name: name.to_owned(),
                state: LayerState::Waiting,
                current: 0,
                total: None,
                began: None,
                direction: None,
            });
        }
        let layer = self.layers.get_mut(index)?;
        let had_ended = layer.has_ended();
        layer.state = state;
        layer.current = layer.current.max(current);
        layer.total = total.or(layer.total);
        if layer.is_moving() {
            layer.began.get_or_insert(time);
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
                .update(TIME, "a", state, current, total)
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
        transfer.update(TIME, "a", LayerState::Uploading, 1, None);
        transfer.update(TIME, "b", LayerState::Exists, 0, None);
        transfer.update(TIME, "c", LayerState::Downloading, 1, None);
        let moving: Vec<_> = transfer.moving().map(|layer| layer.name.as_str()).collect();
        assert_eq!(moving, ["a", "c"]);
        assert_eq!(transfer.in_state(LayerState::Exists).count(), 1);
    }
}
