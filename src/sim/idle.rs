//! Kernels that take their time and compute nothing: for times alone.

use super::cascade::CASCADE_BYTES;
use super::cell::Cell;
use super::core::{Call, Interrupt, Kernels};
use crate::{
    array::Program,
    device::Device,
    kernel::time::{KernelVersion, Transfer, kernel_time},
};

/// The cascade transfers of each kernel, by its index; what they carry is nothing.
pub struct IdleKernels(Vec<Vec<Transfer>>);

impl IdleKernels {
    /// The kernels of `program`, whose transfers come as those of a version do.
    ///
    /// # Errors
    ///
    /// If its device is not known.
    pub fn new(program: &Program, version: KernelVersion) -> Result<IdleKernels, String> {
        let device = Device::by_name(&program.device)
            .ok_or_else(|| format!("device '{}' is not known", program.device))?;
        let transfers = program.kernels.iter().map(|kernel| {
            let time = kernel_time(kernel, false, &device, version);
            time.before.into_iter().map(|(_, transfer)| transfer).collect()
        });
        Ok(IdleKernels(transfers.collect()))
    }
}

impl<C: Cell> Kernels<C> for IdleKernels {
    fn call(&self, call: &Call<'_, C>) -> Result<Vec<i64>, Interrupt> {
        for transfer in self.0.get(call.id.0).into_iter().flatten() {
            match transfer {
                Transfer::Get => _ = call.cascade.get()?,
                Transfer::Put => call.cascade.put([C::ZERO; CASCADE_BYTES])?,
            }
        }
        Ok(vec![0; call.kernel.results.len()])
    }
}
