//! What each sentinel has said last, and which word counts.

use std::collections::HashMap;
use std::time::Duration;

use super::Direction;
use crate::medium::redis::errors;
use crate::medium::redis::place::{Endpoint, SentinelPlace};
use crate::medium::{MediumError, MediumErrorKind};

#[derive(Default)]
pub struct Board(pub HashMap<Endpoint, Entry>);

#[derive(Default)]
pub struct Entry {
    /// The number of the last question that it has answered.
    pub answered: u64,
    /// `None` until something came.
    pub outcome: Option<Result<Word, MediumError>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub master: Endpoint,
    /// The number of the failover that made it the master; 0 where this is not told.
    pub epoch: u64,
}

impl Board {
    /// Whether nothing more is to be expected for the question of that number: who cannot be reached does not answer.
    pub fn is_complete(&self, number: u64) -> bool {
        self.0.values().all(|entry| match &entry.outcome {
            None => false,
            Some(outcome) => entry.answered >= number || outcome.is_err(),
        })
    }

    pub fn has_word(&self, number: u64) -> bool {
        self.0
            .values()
            .any(|entry| entry.answered >= number && matches!(entry.outcome, Some(Ok(_))))
    }

    /// The word that counts: that of the latest failover, and among equals what most of them say.
    pub fn direction(&self) -> Option<Direction> {
        let words: Vec<(&Endpoint, &Word)> = self
            .0
            .iter()
            .filter_map(|(sentinel, entry)| {
                Some(sentinel).zip(entry.outcome.as_ref()?.as_ref().ok())
            })
            .collect();
        let votes = |word: &Word| words.iter().filter(|(_, other)| *other == word).count();
        // The name decides among the rest, so that all see the same.
        let (sentinel, word) = words.iter().max_by_key(|(sentinel, word)| {
            (word.epoch, votes(word), word.master.to_string(), sentinel.to_string())
        })?;
        let told_by = Some(format!("the sentinel at {sentinel}"));
        Some(Direction { endpoint: word.master.clone(), told_by })
    }

    pub fn failure(&self, place: &SentinelPlace, limit: Duration) -> MediumError {
        let mut errors: Vec<&MediumError> =
            self.0.values().filter_map(|entry| entry.outcome.as_ref()?.as_ref().err()).collect();
        // What they say themselves tells more than that one of them is away.
        errors.sort_by_key(|error| {
            (error.kind == MediumErrorKind::Unreachable, error.message.clone())
        });
        errors::no_sentinel_tells(&place.name, self.0.len(), errors.first().copied(), limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(words: &[(&str, Option<(&str, u64)>)]) -> Board {
        let entry = |word: Option<(&str, u64)>| Entry {
            answered: 1,
            outcome: Some(match word {
                Some((host, epoch)) => Ok(Word { master: Endpoint::tcp(host, 6379), epoch }),
                None => Err(errors::lost("it", None)),
            }),
        };
        Board(
            words.iter().map(|(host, word)| (Endpoint::tcp(*host, 26379), entry(*word))).collect(),
        )
    }

    fn named(words: &[(&str, Option<(&str, u64)>)]) -> Option<Endpoint> {
        board(words).direction().map(|direction| direction.endpoint)
    }

    #[test]
    fn the_word_of_the_latest_failover_counts_though_others_have_not_heard_of_it() {
        let words = [("s1", Some(("old", 4))), ("s2", Some(("new", 5))), ("s3", Some(("old", 4)))];
        assert_eq!(named(&words), Some(Endpoint::tcp("new", 6379)));
    }

    #[test]
    fn where_no_epoch_is_told_most_of_them_decide() {
        let words = [("s1", Some(("b", 0))), ("s2", Some(("a", 0))), ("s3", Some(("a", 0)))];
        assert_eq!(named(&words), Some(Endpoint::tcp("a", 6379)));
    }

    #[test]
    fn who_cannot_be_reached_says_nothing() {
        assert_eq!(named(&[("s1", None), ("s2", Some(("a", 1)))]), Some(Endpoint::tcp("a", 6379)));
        assert_eq!(named(&[("s1", None)]), None);
    }

    #[test]
    fn a_question_is_answered_when_all_have_answered_it_who_can_be_reached() {
        let mut board = board(&[("s1", None), ("s2", Some(("a", 1)))]);
        assert!(board.is_complete(1) && !board.is_complete(2));
        board.0.insert(Endpoint::tcp("s3", 26379), Entry::default());
        assert!(!board.is_complete(1), "the first attempt to reach it is under way");
    }
}
