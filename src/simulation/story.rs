//! A run told in words. Only a run that is to be read pays for it.

use std::fmt::Write;

use super::clock::Nanos;

#[derive(Debug, Default)]
pub struct Story {
    text: Option<String>,
}

impl Story {
    pub fn untold() -> Self {
        Self { text: None }
    }

    pub fn told() -> Self {
        Self { text: Some(String::new()) }
    }

    /// One line: the true time in seconds, who, and what happened.
    pub fn tell(&mut self, now: Nanos, who: &str, what: impl FnOnce() -> String) {
        if let Some(text) = &mut self.text {
            let (seconds, micros) = (now / 1_000_000_000, now / 1_000 % 1_000_000);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{seconds:>3}.{micros:06}  {who:<8} {}", what());
        }
    }

    pub fn into_text(self) -> String {
        self.text.unwrap_or_default()
    }
}
