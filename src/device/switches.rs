//! Stream switches, as mlir-aie's router knows them.
//!
//! Source: `AIE2TargetModel` of mlir-aie, commit 979629649
//! (`isLegalTileConnection`, `getNum{Dest,Source}{Switchbox,ShimMux}Connections`)
//! and `Pathfinder::initialize`, which joins the multiplexer of a shim tile to its
//! switch; AM020, chapter 2, has the same numbers of ports.

use super::{Device, PortSide, TileKind};
use crate::array::{Bundle, Tile};

impl Device {
    /// Ports of a tile between which mlir-aie's router looks for ways: those of
    /// [`Device::stream_ports`], and the multiplexer's in every tile of the shim
    /// row, where the array has them in some.
    pub fn router_ports(&self, tile: Tile, bundle: Bundle, side: PortSide) -> u32 {
        let shim = tile.row == 0 && tile.column < self.columns;
        match (bundle, side) {
            (Bundle::Plio, PortSide::In) if shim => 8,
            (Bundle::Plio, PortSide::Out) if shim => 6,
            (Bundle::Noc, _) if shim => 4,
            (Bundle::Dma, _) if shim => 2,
            _ => self.stream_ports(tile, bundle, side),
        }
    }

    /// Whether the switch of a tile, or the multiplexer of a shim tile, can pass a stream
    /// from one port to another. The ports have to exist.
    pub fn switches(&self, tile: Tile, from: (Bundle, u32), to: (Bundle, u32)) -> bool {
        use Bundle::*;
        let ((source, entry), (sink, exit)) = (from, to);
        let is_way = |bundle| matches!(bundle, South | West | North | East);
        // Streams turn back on their own channel only.
        let turns = source != sink || entry == exit;
        match self.tile_kind(tile) {
            None => false,
            Some(TileKind::Mem) => match (source, sink) {
                (Dma, Dma) => entry == exit,
                (Dma, TileControl | South | North) | (TileControl, South | North) => true,
                (TileControl | Trace, Dma) => exit == 5,
                (South | North, Dma | TileControl) | (Trace, South) => true,
                (South | North, South | North) => entry == exit,
                _ => false,
            },
            Some(TileKind::ShimNoc | TileKind::ShimPl) => match (source, sink) {
                (Dma | Noc | Plio, _) | (_, Dma | Noc | Plio) => true,
                (TileControl, _) => sink != TileControl,
                (Fifo | South, TileControl | Fifo) => true,
                (Fifo | South, _) => is_way(sink),
                (West | North | East, TileControl | Fifo) => true,
                (West | North | East, _) => is_way(sink) && turns,
                (Trace, Fifo | South) => true,
                (Trace, West | East) => exit == 0,
                _ => false,
            },
            Some(TileKind::Core) => match (source, sink) {
                (Core, _) => sink != Core,
                (TileControl, _) => !matches!(sink, TileControl | Dma),
                (Trace, Dma) => exit == 0,
                (Trace, _) => matches!(sink, Fifo | South),
                (Dma | Fifo, Core | Dma | TileControl | Fifo) => turns,
                (_, Core | Dma | TileControl | Fifo) if is_way(source) => true,
                (Dma | Fifo | South | West | North | East, _) => is_way(sink) && turns,
                _ => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_tiles_pass_up_and_down_on_one_channel() {
        let device = Device::by_name("xcve2802").unwrap();
        let memory = Tile { column: 3, row: 1 };
        assert!(device.switches(memory, (Bundle::South, 2), (Bundle::North, 2)));
        assert!(!device.switches(memory, (Bundle::South, 2), (Bundle::North, 3)));
        assert!(device.switches(memory, (Bundle::Dma, 0), (Bundle::North, 5)));
        assert!(!device.switches(memory, (Bundle::South, 2), (Bundle::East, 2)));
    }

    #[test]
    fn the_rest_turns_anywhere_but_back() {
        let device = Device::by_name("npu1").unwrap();
        for row in [0, 2] {
            let tile = Tile { column: 1, row };
            assert!(device.switches(tile, (Bundle::West, 2), (Bundle::North, 5)));
            assert!(!device.switches(tile, (Bundle::West, 2), (Bundle::West, 1)));
        }
        let shim = Tile { column: 1, row: 0 };
        assert!(device.switches(shim, (Bundle::Dma, 1), (Bundle::North, 5)));
        assert!(device.switches(shim, (Bundle::East, 1), (Bundle::Plio, 5)));
        assert!(!device.switches(Tile { column: 9, row: 2 }, (Bundle::Dma, 0), (Bundle::North, 0)));
    }

    #[test]
    fn every_shim_tile_has_a_multiplexer() {
        let device = Device::by_name("xcve2802").unwrap();
        let ports =
            |column, bundle, side| device.router_ports(Tile { column, row: 0 }, bundle, side);
        assert_eq!(ports(0, Bundle::Plio, PortSide::In), 8);
        assert_eq!(ports(0, Bundle::Dma, PortSide::Out), 2);
        assert_eq!(ports(0, Bundle::West, PortSide::In), 0, "the edge of the array");
        assert_eq!(ports(38, Bundle::Plio, PortSide::In), 0, "outside");
    }
}
