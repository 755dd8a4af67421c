//! One read of the roster, and one list of the instances, for all candidates of a kind in this process. They learn of a hole in the revisions at the same moment, and
//! what each would ask the server for grows with the fleet: a hundred candidates in each of ten processes would ask for a million records.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync;
use tokio::time::Instant;

use crate::medium::{InstanceRecord, MediumError, Members, Roster};

/// The desks of one server, by the name of the kind's register.
#[derive(Default)]
pub struct Desks(Mutex<HashMap<String, Weak<Desk>>>);

impl Desks {
    pub fn of(&self, register: &str) -> Arc<Desk> {
        let mut desks = self.0.lock().expect("no panic holds the lock");
        if let Some(desk) = desks.get(register).and_then(Weak::upgrade) {
            return desk;
        }
        desks.retain(|_, desk| desk.strong_count() > 0);
        let desk = Arc::new(Desk::default());
        desks.insert(register.to_owned(), Arc::downgrade(&desk));
        desk
    }
}

/// Where the candidates of one kind ask for its roster.
#[derive(Default)]
pub struct Desk {
    last: sync::Mutex<Option<Read>>,
    /// The list that was handed in last, as long as somebody has it.
    members: Mutex<Weak<Vec<InstanceRecord>>>,
}

struct Read {
    began: Instant,
    outcome: Result<Arc<Roster>, MediumError>,
}

impl Desk {
    /// What a read shows that began after this call. Whoever waits while one is under way shares the next: so nobody waits for more than two.
    pub async fn read(
        &self,
        fetch: impl Future<Output = Result<Roster, MediumError>>,
    ) -> Result<Arc<Roster>, MediumError> {
        let asked = Instant::now();
        let mut last = self.last.lock().await;
        if let Some(read) = last.as_ref().filter(|read| read.began >= asked) {
            return read.outcome.clone();
        }
        let began = Instant::now();
        let outcome = fetch.await.map(Arc::new);
        *last = Some(Read { began, outcome: outcome.clone() });
        outcome
    }

    /// The list that another candidate has, if it is equal. A thousand candidates of a kind would have a million entries otherwise.
    pub fn common(&self, members: Members) -> Members {
        let mut last = self.members.lock().expect("no panic holds the lock");
        match last.upgrade().filter(|last| Arc::ptr_eq(last, &members) || *last == members) {
            Some(last) => last,
            None => {
                *last = Arc::downgrade(&members);
                members
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::task::yield_now;

    use super::*;
    use crate::election::{Holder, InstanceId};
    use crate::medium::MediumErrorKind;

    /// Fetches that are counted, and take a moment.
    async fn fetch(count: &AtomicUsize) -> Result<Roster, MediumError> {
        count.fetch_add(1, Ordering::Relaxed);
        yield_now().await;
        Err(MediumError::new(MediumErrorKind::TimedOut, "no answer"))
    }

    #[tokio::test]
    async fn a_hundred_who_ask_at_once_share_two_reads_also_of_a_failure() {
        let (desk, count) = (Desk::default(), AtomicUsize::new(0));
        let outcomes = join_all((0..100).map(|_| desk.read(fetch(&count)))).await;
        assert!(outcomes.iter().all(Result::is_err));
        assert_eq!(count.into_inner(), 2);
    }

    #[tokio::test]
    async fn whoever_asks_later_is_not_given_what_was_read_before() {
        let (desk, count) = (Desk::default(), AtomicUsize::new(0));
        for _ in 0..3 {
            let _ = desk.read(fetch(&count)).await;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        assert_eq!(count.into_inner(), 3);
    }

    #[test]
    fn equal_lists_become_one_and_others_stay_apart() {
        let members = |ids: &[&str]| {
            let meta = serde_json::value::RawValue::from_string("1".into()).unwrap();
            let meta: Arc<serde_json::value::RawValue> = meta.into();
            let record = |id: &&str| {
                InstanceRecord::new(&Holder::new(&InstanceId::new(*id), 1), meta.clone())
            };
            Members::new(ids.iter().map(record).collect())
        };
        let desk = Desk::default();
        let first = desk.common(members(&["a", "b"]));
        assert!(Arc::ptr_eq(&first, &desk.common(members(&["a", "b"]))));
        let other = desk.common(members(&["a", "c"]));
        assert_eq!(other, members(&["a", "c"]));
        assert!(Arc::ptr_eq(&other, &desk.common(members(&["a", "c"]))));
        assert_eq!(first, members(&["a", "b"]), "whoever has a list keeps it");
    }

    #[tokio::test]
    async fn a_desk_lasts_as_long_as_somebody_of_its_kind_does() {
        let desks = Desks::default();
        let first = desks.of("a");
        assert!(Arc::ptr_eq(&first, &desks.of("a")));
        assert!(!Arc::ptr_eq(&first, &desks.of("b")));
        drop(first);
        desks.of("c");
        assert_eq!(desks.0.lock().unwrap().len(), 1);
    }
}
