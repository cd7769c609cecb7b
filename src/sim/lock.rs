//! Locks: counting semaphores.
//!
//! **Invariant:** every lock's value is within 0 and what its tile's locks hold.

use super::fabric::{ActorId, Agenda, place};
use crate::array::{Lock, LockAction, LockId, UseLock};
use crate::device::Device;

pub(super) struct Locks {
    states: Vec<State>,
}

struct State {
    name: String,
    value: i32,
    largest: i32,
    waiting: Vec<ActorId>,
    releaser: Option<ActorId>,
}

impl Locks {
    /// The locks of a program on `device`.
    pub(super) fn new(locks: &[Lock], device: &Device) -> Result<Locks, String> {
        let mut states = Vec::with_capacity(locks.len());
        for lock in locks {
            let name = format!("'{}' of tile {}", lock.name, place(lock.tile));
            let kind = device
                .tile_kind(lock.tile)
                .ok_or_else(|| format!("lock {name} is outside of device '{}'", device.name))?;
            let largest = device.resources(kind).max_lock_value.cast_signed();
            if !(0..=largest).contains(&lock.initial) {
                return Err(format!(
                    "lock {name} begins at {}, but holds 0 to {largest}",
                    lock.initial
                ));
            }
            states.push(State {
                name,
                value: lock.initial,
                largest,
                waiting: Vec::new(),
                releaser: None,
            });
        }
        Ok(Locks { states })
    }

    pub(super) fn value(&self, lock: LockId) -> i32 {
        self.states[lock.0].value
    }

    /// Who released the lock last.
    pub(super) fn releaser(&self, lock: LockId) -> Option<ActorId> {
        self.states[lock.0].releaser
    }

    /// Carry out a release by `actor`.
    pub(super) fn release(
        &mut self,
        action: UseLock,
        actor: ActorId,
        agenda: &mut Agenda,
    ) -> Result<(), String> {
        self.states[action.lock.0].releaser = Some(actor);
        self.apply(action, None, agenda).map(|_| ())
    }

    /// Give a lock a value, whatever it had.
    pub(super) fn set(
        &mut self,
        lock: LockId,
        value: i32,
        agenda: &mut Agenda,
    ) -> Result<(), String> {
        let state = &mut self.states[lock.0];
        if !(0..=state.largest).contains(&value) {
            return Err(format!(
                "lock {} is set to {value}, but holds 0 to {}",
                state.name, state.largest
            ));
        }
        state.value = value;
        state.waiting.drain(..).for_each(|actor| agenda.wake(actor));
        Ok(())
    }

    /// Carry out `action`. False means that `actor` must wait and is now registered.
    pub(super) fn apply(
        &mut self,
        action: UseLock,
        actor: Option<ActorId>,
        agenda: &mut Agenda,
    ) -> Result<bool, String> {
        let state = &mut self.states[action.lock.0];
        if !(0..=state.largest).contains(&action.value) {
            return Err(format!(
                "lock {} is used with value {}, but holds 0 to {}",
                state.name, action.value, state.largest
            ));
        }
        let ready = match action.action {
            LockAction::AcquireGreaterEqual => state.value >= action.value,
            LockAction::AcquireEqual => state.value == action.value,
            LockAction::Release => true,
        };
        if !ready {
            state.waiting.extend(actor);
            return Ok(false);
        }
        let value = match action.action {
            LockAction::AcquireGreaterEqual => state.value - action.value,
            // UG1583, Locks: `acquire_equal` does not modify the value.
            LockAction::AcquireEqual => state.value,
            LockAction::Release => state.value + action.value,
        };
        if value > state.largest {
            return Err(format!(
                "lock {} overflows: {} plus {} is above {}",
                state.name, state.value, action.value, state.largest
            ));
        }
        if value != state.value {
            state.value = value;
            // A lower value can only end a wait for exactly that value; waking
            // too many is harmless, they register again.
            for actor in state.waiting.drain(..) {
                agenda.wake(actor);
            }
        }
        Ok(true)
    }
}
