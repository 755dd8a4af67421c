//! The election's tests, by situation. Each reads as a story that nodes and a network act out by hand; see [`kit`].
//! [`crate::simulation`] lets chance write the stories.

mod kit;

mod admission;
mod candidacy;
mod crowd;
mod draining;
mod events;
mod expiry;
mod flood;
mod heartbeat;
mod identity;
mod lease;
mod liveness;
mod overrun;
mod precedence;
mod presence;
mod record;
mod register;
mod renew;
mod stepdown;
mod stop;
mod take;
mod takeover;
mod tenure;
mod timing;
mod traces;
mod traces_by_reading;
mod transfer;
mod vacancy;
