//! Messages that bear what only holders of a shared secret can make (a MAC, message authentication code): HMAC-SHA256 over channel, envelope and body.
//!
//! The envelope says who sent it in which run, when, and as which of its messages, so none of these can be changed either. What was
//! recorded is not heard a second time; see [`Repeats`].

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ring::hmac;
use subtle::ConstantTimeEq;

use crate::election::Instant;
use crate::messaging::{Channel, Envelope, Repeats, WINDOW, stray};
use crate::wire::{self, MacParts};

/// The secrets of one candidate, and what it has heard.
pub struct Authenticator {
    /// The first one signs; what any of them has signed is good.
    keys: Vec<hmac::Key>,
    repeats: Mutex<Repeats>,
}

/// Why a message is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It bears no MAC.
    Missing,
    /// Its MAC is of another secret, or it was changed.
    Forged,
    /// Its date and this host's wall clock are so far apart.
    Stray(Duration),
    /// It was heard before, or a later one was.
    Repeated,
}

impl Authenticator {
    /// `None` without a secret.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let key = |secret: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, secret);
        let keys: Vec<hmac::Key> = secrets.into_iter().map(key).collect();
        (!keys.is_empty()).then(|| Self { keys, repeats: Mutex::default() })
    }

    /// Writes the MAC into its place. `payload` was written by a dated [`wire::Letterhead`].
    pub fn sign(&self, channel_name: &str, payload: &mut [u8]) {
        let Some(parts) = wire::mac_parts(payload) else { return };
        let tag = tag(&self.keys[0], channel_name, &parts);
        let place = parts.place;
        wire::write_mac(tag.as_ref(), &mut payload[place]);
    }

    /// Whether a message of another is genuine, and new. It then counts as heard.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn admit(
        &self,
        (now, wall_us): (Instant, u64),
        (channel, channel_name): (&Channel, &str),
        payload: &[u8],
        envelope: &Envelope,
    ) -> Result<(), Fault> {
        let (parts, at) = wire::mac_parts(payload).zip(envelope.at).ok_or(Fault::Missing)?;
        let mac = wire::read_mac(&payload[parts.place.clone()]).ok_or(Fault::Forged)?;
        // Compared in a time that tells nothing of where the two differ.
        let is_made_by = |key| bool::from(tag(key, channel_name, &parts).as_ref().ct_eq(&mac));
        if !self.keys.iter().any(is_made_by) {
            return Err(Fault::Forged);
        }
        if let Some(distance) = stray(at, wall_us) {
            return Err(Fault::Stray(distance));
        }
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        match repeats.admit(now, &envelope.from, channel, at) {
            true => Ok(()),
            false => Err(Fault::Repeated),
        }
    }
}

/// The MAC of a message. The length before the channel's name leaves no doubt where that ends.
fn tag(key: &hmac::Key, channel_name: &str, parts: &MacParts) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(format!("incumbent message {} {channel_name}\n", channel_name.len()).as_bytes());
    context.update(parts.head);
    context.update(b"\n");
    context.update(parts.body);
    context.sign()
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator(***)")
    }
}

impl fmt::Display for Fault {
    /// One sentence for the user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "a message without authentication was dropped: an instance has no messageSecret, or somebody forges messages",
            ),
            Self::Forged => f.write_str(
                "a message was dropped whose authentication is wrong: an instance has another messageSecret, or somebody forges or changes messages",
            ),
            Self::Stray(distance) => write!(
                f,
                "a message was dropped that was sent {} s before or after this host's time of day: the hosts' clocks must agree to {} s, \
                 or somebody repeats old messages",
                distance.as_secs(),
                WINDOW.as_secs()
            ),
            Self::Repeated => f.write_str(
                "a message was dropped that came a second time, or after a later one of its sender: somebody repeats messages",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::{Format, Letterhead, decode_envelope};

    const NAME: &str = "incumbent:{svc}:0:all";
    const NOON: u64 = 1_790_000_000_000_000;
    const SECRET: &[u8] = b"canary-4e1d and more";

    fn authenticator(secrets: &[&[u8]]) -> Authenticator {
        Authenticator::new(secrets.iter().copied()).expect("there is a secret")
    }

    fn signed(secret: &[u8], name: &str, at: u64) -> Vec<u8> {
        let mut payload =
            Letterhead::new("a:1", 7, false).encode(1, Format::Json, Some(at), b"[1,2]");
        authenticator(&[secret]).sign(name, &mut payload);
        payload
    }

    fn admit_at(authenticator: &Authenticator, wall_us: u64, payload: &[u8]) -> Result<(), Fault> {
        let (envelope, _) = decode_envelope(payload).expect("it is an envelope");
        let now = Instant::from_nanos(1_000_000_000);
        authenticator.admit((now, wall_us), (&Channel::All, NAME), payload, &envelope)
    }

    fn admit(authenticator: &Authenticator, payload: &[u8]) -> Result<(), Fault> {
        admit_at(authenticator, NOON, payload)
    }

    #[test]
    fn a_members_message_is_admitted_once() {
        let receiver = authenticator(&[SECRET]);
        let payload = signed(SECRET, NAME, NOON);
        assert_eq!(admit(&receiver, &payload), Ok(()));
        assert_eq!(admit(&receiver, &payload), Err(Fault::Repeated));
        assert_eq!(admit(&receiver, &signed(SECRET, NAME, NOON + 1)), Ok(()));
    }

    #[test]
    fn what_bears_no_mac_or_that_of_another_secret_or_channel_is_refused() {
        let receiver = authenticator(&[SECRET]);
        let plain = Letterhead::new("a:1", 7, false).encode(1, Format::Json, None, b"1");
        assert_eq!(admit(&receiver, &plain), Err(Fault::Missing));
        let unsigned = Letterhead::new("a:1", 7, false).encode(1, Format::Json, Some(NOON), b"1");
        assert_eq!(admit(&receiver, &unsigned), Err(Fault::Forged));
        let other = signed(b"canary-4e1d of another", NAME, NOON);
        assert_eq!(admit(&receiver, &other), Err(Fault::Forged));
        let elsewhere = signed(SECRET, "incumbent:{svc}:0:leader", NOON);
        assert_eq!(admit(&receiver, &elsewhere), Err(Fault::Forged));
    }

    #[test]
    fn what_is_refused_is_not_counted_as_heard() {
        let receiver = authenticator(&[SECRET]);
        let ahead = NOON + 2 * WINDOW.as_micros() as u64;
        let stray = admit(&receiver, &signed(SECRET, NAME, ahead));
        assert_eq!(stray, Err(Fault::Stray(2 * WINDOW)));
        assert_eq!(
            admit(&receiver, &signed(b"canary-4e1d of another", NAME, NOON)),
            Err(Fault::Forged)
        );
        assert_eq!(admit(&receiver, &signed(SECRET, NAME, NOON)), Ok(()));
    }

    #[test]
    fn old_messages_are_refused_though_nothing_of_their_sender_is_known() {
        let payload = signed(SECRET, NAME, NOON);
        let later = |distance: Duration| NOON + distance.as_micros() as u64;
        let admit = |wall_us| admit_at(&authenticator(&[SECRET]), wall_us, &payload);
        assert_eq!(admit(later(WINDOW)), Ok(()));
        let old = WINDOW + Duration::from_secs(1);
        assert_eq!(admit(later(old)), Err(Fault::Stray(old)));
    }

    #[test]
    fn secrets_can_be_replaced_one_instance_after_the_other() {
        let (old, new) = (SECRET, &b"the next canary-4e1d"[..]);
        let stages: [&[&[u8]]; 4] = [&[old], &[old, new], &[new, old], &[new]];
        for pair in stages.windows(2) {
            for (sender, receiver) in [(pair[0], pair[1]), (pair[1], pair[0])] {
                let mut payload =
                    Letterhead::new("a:1", 7, true).encode(1, Format::Bytes, Some(NOON), b"");
                authenticator(sender).sign(NAME, &mut payload);
                assert_eq!(admit(&authenticator(receiver), &payload), Ok(()));
            }
        }
    }

    proptest! {
        #[test]
        fn a_message_with_any_change_is_refused(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            cut in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let original = signed(SECRET, NAME, NOON);
            let mut changed = original.clone();
            for (index, byte) in changes {
                let index = index.index(changed.len());
                changed[index] = byte;
            }
            if let Some(cut) = cut {
                changed.truncate(cut.index(changed.len()));
            }
            prop_assume!(changed != original);
            if decode_envelope(&changed).is_some() {
                prop_assert!(admit(&authenticator(&[SECRET]), &changed).is_err());
            }
        }
    }

    #[test]
    fn no_secret_is_shown() {
        assert_eq!(format!("{:?}", authenticator(&[SECRET])), "Authenticator(***)");
    }
}
