//! What a server tells of itself by INFO, and what of it is dangerous.

/// The lines of INFO, or of some of its sections.
#[derive(Clone, Debug, Default)]
pub struct Info(String);

impl Info {
    pub fn new(text: String) -> Self {
        Self(text)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.trim().parse().ok()
    }

    /// By which policy the server evicts keys that bear no expiry, as all of a kind's are, when its memory is full.
    pub fn evicts_by(&self) -> Option<&str> {
        // A server without a limit evicts nothing.
        if self.number("maxmemory") == Some(0) {
            return None;
        }
        if self.text("cache_mode") == Some("cache") {
            return Some("cache_mode");
        }
        self.text("maxmemory_policy").filter(|policy| policy.starts_with("allkeys"))
    }
}

/// A sentence for the user.
pub fn warn_of_eviction(address: &str, policy: &str) -> String {
    format!(
        "Redis at {address} may evict the leader's record when its memory is full (maxmemory-policy {policy}): set a policy volatile-* \
         or noeviction, or give Incumbent a server of its own"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evicts_by(text: &str) -> Option<String> {
        Info::new(text.replace('\n', "\r\n")).evicts_by().map(str::to_owned)
    }

    #[test]
    fn only_a_limit_and_a_policy_for_all_keys_evict_what_bears_no_expiry() {
        let all = Some("allkeys-lru".to_owned());
        assert_eq!(evicts_by("maxmemory:1000\nmaxmemory_policy:allkeys-lru\n"), all);
        assert_eq!(evicts_by("maxmemory:0\nmaxmemory_policy:allkeys-lru\n"), None);
        assert_eq!(evicts_by("maxmemory:1000\nmaxmemory_policy:volatile-lru\n"), None);
        assert_eq!(evicts_by("maxmemory:1000\nmaxmemory_policy:noeviction\n"), None);
        let dragonfly = "maxmemory:1000\ncache_mode:cache\nmaxmemory_policy:eviction\n";
        assert_eq!(evicts_by(dragonfly).as_deref(), Some("cache_mode"));
        assert_eq!(evicts_by(""), None);
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let info = Info::new("xmaxmemory:1\r\nmaxmemory_human:2\r\nmaxmemory:3\r\n".into());
        assert_eq!(info.number("maxmemory"), Some(3));
        assert_eq!(info.number("none"), None);
    }
}
