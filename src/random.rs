//! Randomness from the operating system: for stamps, tokens and ids, which nobody may foresee and no restart may repeat.

/// 64 random bits.
///
/// # Panics
/// When the operating system gives none, which on the supported systems happens in early boot alone.
pub fn bits() -> u64 {
    getrandom::u64().expect("the operating system gives random bits")
}

/// A new instance's id: 24 characters of `[0-9a-f]`, 96 random bits.
pub fn instance_id() -> String {
    format!("{:016x}{:08x}", bits(), bits() as u32)
}
