//! Whether, and before whom, an instance seeks the leadership.

/// Higher ones come first where the register is free to be taken. A preference: nothing that keeps two from leading depends on it.
pub type Priority = i32;

/// The part that an instance wants in the election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidacy {
    /// Whether it may lead at all. One that may not takes part in everything else.
    pub is_eligible: bool,
    pub priority: Priority,
    /// It takes nothing while fewer instances are known, itself included.
    pub min_instances: usize,
}

impl Default for Candidacy {
    fn default() -> Self {
        Self { is_eligible: true, priority: 0, min_instances: 1 }
    }
}
