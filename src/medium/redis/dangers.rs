//! What is dangerous about a server, told once for each server in the life of a process: whoever starts a thousand candidates there is to hear
//! it once.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use redis::Value;

use super::hub::Shared;
use super::info::{Info, warn_of_eviction};
use super::visit::text;
use crate::medium::{MediumError, MediumErrorKind};

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Danger {
    Eviction,
    Replica,
}

static TOLD: LazyLock<Mutex<HashSet<(String, Danger)>>> = LazyLock::new(Mutex::default);

/// `answer`: to INFO memory. A user may lack the right to ask; then nothing is known.
pub fn look_at_memory(shared: &Shared, address: &str, answer: Option<&Value>) {
    let Some(info) = answer.and_then(text).map(Info::new) else { return };
    if let Some(policy) = info.evicts_by() {
        tell(shared, address, Danger::Eviction, || warn_of_eviction(address, policy));
    }
}

/// An attempt to connect has failed. A sentinel may name a replica for a moment; then another is found soon.
pub fn look_at_error(shared: &Shared, error: &MediumError) {
    if error.kind == MediumErrorKind::NotMaster && shared.target.place.is_fixed() {
        tell(shared, &shared.address, Danger::Replica, || {
            format!("{}: nobody can lead there; name the master", error.message)
        });
    }
}

fn tell(shared: &Shared, address: &str, danger: Danger, text: impl FnOnce() -> String) {
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if told.insert((address.to_owned(), danger)) {
        drop(told);
        shared.advise(text());
    }
}
