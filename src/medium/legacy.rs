//! What else there is to read and write where the instances of node-raft-redis are: their records. See [`crate::migration`].

use crate::election::InstanceId;

/// One call of [`super::Medium::legacy`].
#[derive(Clone, Debug, PartialEq)]
pub enum LegacyCall {
    /// Write this instance's record among theirs, where it does not outlive this instance by long.
    Enter(Vec<u8>),
    /// Take it away.
    Leave,
    /// Look through a part of all keys, from a cursor on.
    Scan(u64),
    Read(Vec<InstanceId>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum LegacyAnswer {
    Done,
    /// Where to go on, zero once all was looked through; and whose records were found.
    Found {
        next: u64,
        ids: Vec<InstanceId>,
    },
    /// In the order in which they were asked for; `None` where there is none.
    Records(Vec<Option<Vec<u8>>>),
}
