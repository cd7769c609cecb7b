//! Whether a device can hold a network at all: planning one that it cannot takes long to find out.

use super::network::{Kind, Network};
use crate::device::{Device, TileKind};

/// Why the weights of a network exceed the memory of a device, and the layer with most of them.
///
/// This is a lower bound: buffers, padding and stacks come on top, and what they need depends on the plan.
pub fn excess(network: &Network, device: &Device) -> Option<(usize, String)> {
    let bytes = |index: usize| -> u128 {
        let layer = &network.layers[index];
        let weights = match layer.kind {
            Kind::Dense => layer.k as u128 * layer.n as u128,
            Kind::Elementwise { .. } | Kind::Whole { .. } => 0,
        };
        let bits = weights * u128::from(layer.weight.bits);
        let bias = if layer.bias { 4 * layer.n as u128 } else { 0 };
        bits.div_ceil(8) + bias + 4 * layer.scales as u128 * layer.n as u128
    };
    let total: u128 = (0..network.layers.len()).map(bytes).sum();
    let tile = device.resources(TileKind::Core).memory_bytes;
    let most = u128::from(device.cores()) * u128::from(tile);
    let largest = (0..network.layers.len()).max_by_key(|index| bytes(*index))?;
    (total > most).then(|| {
        let text = format!(
            "has too many weights for {}: all layers need {total} bytes, this one {}, and {} tiles of {tile} bytes hold {most}: use a larger device or a smaller network",
            device.name,
            bytes(largest),
            device.cores(),
        );
        (largest, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::network::Layer;

    #[test]
    fn counts_weights_and_biases() {
        let device = Device::by_name("npu1_1col").expect("there is one");
        let layer = |name, k, n| Layer::dense(name, 8, k, n, 8, 8, 8);
        let network = |layers| Network { layers, ..Network::default() };
        // 4 tiles of 65536 bytes.
        let fits = network(vec![layer("a", 256, 1000), layer("b", 4, 256)]);
        assert_eq!(excess(&fits, &device), None);
        let exceeds = network(vec![layer("a", 256, 1000), layer("b", 8, 512)]);
        let (largest, text) = excess(&exceeds, &device).expect("it is too large");
        assert_eq!(largest, 0);
        assert!(text.contains("all layers need 266144 bytes, this one 260000"), "{text}");
        assert!(text.contains("4 tiles of 65536 bytes hold 262144"), "{text}");
        assert_eq!(excess(&network(Vec::new()), &device), None);
    }
}
