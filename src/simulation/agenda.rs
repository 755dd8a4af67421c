//! What is to happen, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::clock::Nanos;

/// A queue in order of time; what is due at the same moment comes in the order in which it was planned.
#[derive(Debug)]
pub struct Agenda<T> {
    /// The moment, the order of planning, and where the entry lies: entries themselves are too large to be sifted about.
    order: BinaryHeap<Reverse<(Nanos, u64, u32)>>,
    entries: Vec<Option<T>>,
    free: Vec<u32>,
    planned: u64,
}

impl<T> Agenda<T> {
    pub fn new() -> Self {
        Self { order: BinaryHeap::new(), entries: Vec::new(), free: Vec::new(), planned: 0 }
    }

    pub fn plan(&mut self, at: Nanos, entry: T) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.entries[slot as usize] = Some(entry);
                slot
            }
            None => {
                self.entries.push(Some(entry));
                (self.entries.len() - 1) as u32
            }
        };
        self.planned += 1;
        self.order.push(Reverse((at, self.planned, slot)));
    }

    pub fn next_at(&self) -> Option<Nanos> {
        self.order.peek().map(|Reverse((at, ..))| *at)
    }

    pub fn next(&mut self) -> Option<(Nanos, T)> {
        let Reverse((at, _, slot)) = self.order.pop()?;
        self.free.push(slot);
        self.entries[slot as usize].take().map(|entry| (at, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_in_the_order_of_time_and_then_of_planning() {
        let mut agenda = Agenda::new();
        for (at, entry) in [(5, "c"), (1, "a"), (5, "d"), (2, "b")] {
            agenda.plan(at, entry);
        }
        assert_eq!(agenda.next_at(), Some(1));
        let order: Vec<_> = std::iter::from_fn(|| agenda.next()).map(|(_, entry)| entry).collect();
        assert_eq!(order, ["a", "b", "c", "d"]);
    }
}
