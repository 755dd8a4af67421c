//! Which of a cluster's 16384 slots a key is in.

/// Those with the same text between braces are in the same one.
pub fn of_key(key: &str) -> u16 {
    checksum(tag(key).as_bytes()) % 16384
}

/// What stands between the first opening brace and the first closing one behind it; or, without such a text, all.
fn tag(key: &str) -> &str {
    let tagged = key.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    tagged.map(|(tag, _)| tag).filter(|tag| !tag.is_empty()).unwrap_or(key)
}

/// CRC-16/XMODEM.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, &byte| {
        (0..8).fold(sum ^ (u16::from(byte) << 8), |sum, _| {
            if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_specification() {
        assert_eq!(checksum(b"123456789"), 0x31C3);
    }

    #[test]
    fn keys_with_the_same_tag_are_in_the_same_slot() {
        assert_eq!(of_key("incumbent:{orders}:register"), of_key("incumbent:{orders}:seen"));
        assert_eq!(of_key("incumbent:{orders}:register"), of_key("orders"));
        // As CLUSTER KEYSLOT tells.
        assert_eq!(of_key("incumbent:{orders}:register"), 105);
        assert_eq!(of_key("foo{}{bar}"), of_key("foo{}{bar}"));
        assert_ne!(of_key("foo{}{bar}"), of_key("bar"));
        assert_eq!(of_key("foo{{bar}}zap"), of_key("{bar"));
    }
}
