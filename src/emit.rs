//! Registered translations: they read IR and never change it.

pub mod cpp;
pub mod vitis;
