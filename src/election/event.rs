//! What an election tells its process.

use super::record::{Checkpoint, InstanceId, Role, Term};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `Follower`, `Candidate` or `Leader`; a draining leader is told as what it will be.
    RoleChanged(Role),
    /// This instance leads in `term`, which no other reign has or had; `checkpoint` is what an earlier leader left.
    Elected { term: Term, checkpoint: Option<Checkpoint> },
    /// This instance leads no longer, or lost as a candidate. Told once for each loss.
    Defeated { leader: Option<InstanceId>, reason: Loss },
    /// The leader that this instance knows of, itself included, is another one, or `None`.
    LeaderChanged { leader: Option<InstanceId>, term: Term },
    /// The leader of `term` is about to release; [`super::Election::handle_drained`] lets it. Told before the loss.
    Draining { term: Term, reason: Loss },
    /// A reign that was given up is released, or lapsed.
    Released,
    /// The work of the draining leader of `term` did not settle in time: its lease lapses, and nothing is released before it has.
    Overrun { term: Term },
    /// Another instance of the kind runs with another lease.
    UnequalLease { theirs: std::time::Duration },
    /// The register had forgotten this reign: its data was lost, or is that of an older snapshot. The reign goes on; told once for each.
    RegisterLost,
    /// `handle_stop` is done; nothing follows.
    Stopped,
}

/// Why a leadership, or a candidacy, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// The register has another holder.
    Replaced,
    /// No renewal was granted in time.
    Expired,
    Stopped,
    /// Given up so that another may lead.
    Reelected,
    /// Handed over to an instance that was chosen.
    Transferred,
    /// The process did not answer for too long.
    Stalled,
    /// The connection on which the reign depended is lost; with crash detection by connection only.
    Disconnected,
    /// A candidate that another one beat.
    Lost,
}

impl Loss {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::Stopped => "stopped",
            Self::Reelected => "reelected",
            Self::Transferred => "transferred",
            Self::Stalled => "stalled",
            Self::Disconnected => "disconnected",
            Self::Lost => "lost",
        }
    }
}
