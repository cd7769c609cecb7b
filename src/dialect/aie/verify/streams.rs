//! Streams and cascades against the ports of the device.

use super::{device::Checker, integer};
use crate::{
    array::{Bundle, Port},
    device::{PortSide, TileKind},
    mlir::{
        diagnostic::{Result, fail},
        rewrite,
    },
};
use melior::ir::OperationRef;

impl<'c, 'a> Checker {
    fn port(
        &self,
        op: OperationRef<'c, 'a>,
        operand: usize,
        names: (&str, &str),
        side: PortSide,
    ) -> Result<'c, Option<Port>> {
        let Some((device, tile)) = self.device.as_ref().zip(self.tile(op, operand)) else {
            return Ok(None);
        };
        let bundle =
            integer(op, names.0).and_then(|i| Bundle::ALL.get(usize::try_from(i).ok()?)).copied();
        let channel = integer(op, names.1).and_then(|i| u32::try_from(i).ok());
        let (Some(bundle), Some(channel)) = (bundle, channel) else { return Ok(None) };
        let ports = match bundle {
            // Which columns a package connects is not a rule of the dialect.
            Bundle::Plio if tile.row == 0 => device.plio_ports(device.plio_columns().start, side),
            _ => device.stream_ports(tile, bundle, side),
        };
        if channel >= ports {
            let side = match side {
                PortSide::In => "into",
                PortSide::Out => "out of",
            };
            return Err(fail(
                &op,
                format_args!(
                    "uses port {channel} of {} {side} the switch of {tile}, which has {ports} of them",
                    bundle.name()
                ),
            ));
        }
        Ok(Some(Port { tile, bundle, channel }))
    }

    pub(super) fn flow(&mut self, op: OperationRef<'c, 'a>) -> Result<'c> {
        self.port(op, 0, ("source_bundle", "source_channel"), PortSide::In)?;
        let destination = self.port(op, 1, ("dest_bundle", "dest_channel"), PortSide::Out)?;
        if let Some(port) = destination
            && !self.ports.insert(port)
        {
            return Err(fail(
                &op,
                format_args!(
                    "is the second stream into {} {} of {}",
                    port.bundle.name(),
                    port.channel,
                    port.tile
                ),
            ));
        }
        Ok(())
    }

    pub(super) fn packet_flow(&mut self, op: OperationRef<'c, 'a>) -> Result<'c> {
        for end in rewrite::body(op).map(rewrite::ops).unwrap_or_default() {
            let side =
                if rewrite::is(&end, "aie.packet_source") { PortSide::In } else { PortSide::Out };
            self.port(end, 0, ("bundle", "channel"), side)?;
        }
        Ok(())
    }

    pub(super) fn cascade(&mut self, op: OperationRef<'c, 'a>) -> Result<'c> {
        for end in 0..2 {
            self.needs(op, end, &[TileKind::Core], "a core tile")?;
        }
        let Some((device, source)) = self.device.as_ref().zip(self.tile(op, 0)) else {
            return Ok(());
        };
        let Some(destination) = self.tile(op, 1) else { return Ok(()) };
        if !device.cascades(source, destination) {
            return Err(fail(
                &op,
                format_args!(
                    "leads from {source} to {destination}, but only to a core's east or south neighbor can it lead"
                ),
            ));
        }
        if !self.cascades.insert((true, source)) {
            return Err(fail(&op, format_args!("is the second cascade out of {source}")));
        }
        if !self.cascades.insert((false, destination)) {
            return Err(fail(&op, format_args!("is the second cascade into {destination}")));
        }
        Ok(())
    }
}
