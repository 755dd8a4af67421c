//! Time, reduced to order. See the crate's page for the argument.

use crate::world::{MAX_NODES, World};

/// What a sight began after: for each node, whether the command that its validity comes from was sent before the sight
/// began; the same for the command that it waits for, and for one that lingers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order(pub u16);

#[derive(Clone, Copy)]
enum Of {
    Validity = 0,
    Pending = 3,
    Lingering = 6,
}

impl Order {
    fn has(self, of: Of, node: usize) -> bool {
        self.0 & (1 << (of as usize + node)) != 0
    }

    fn set(&mut self, of: Of, node: usize, is_before: bool) {
        let bit = 1 << (of as usize + node);
        self.0 = if is_before { self.0 | bit } else { self.0 & !bit };
    }

    /// The order as it counts in `world`, seen by `watcher`, with nodes renamed: bits of what does not exist are dropped.
    pub fn renamed(self, world: &World, watcher: usize, names: &[usize; MAX_NODES]) -> u16 {
        let mut renamed = Order::default();
        for (i, node) in world.nodes().iter().enumerate().filter(|(i, _)| *i != watcher) {
            renamed.set(Of::Validity, names[i], node.reigns() && self.has(Of::Validity, i));
            renamed.set(Of::Pending, names[i], node.pending.is_some() && self.has(Of::Pending, i));
            let lingers = node.lingering.is_some() && self.has(Of::Lingering, i);
            renamed.set(Of::Lingering, names[i], lingers);
        }
        renamed.0
    }
}

/// A sight that begins now, after everything that was sent.
pub fn begins_now() -> Order {
    Order(u16::MAX)
}

/// Node `i` sends a command: no sight began after that yet.
pub fn sends(world: &mut World, i: usize) {
    for_each_sight(world, |order| order.set(Of::Pending, i, false));
}

/// Node `i` leads by a command that it sends this very moment.
pub fn is_valid_from_now(world: &mut World, i: usize) {
    for_each_sight(world, |order| order.set(Of::Validity, i, false));
}

/// The validity of node `i` comes from the command that was just answered.
pub fn is_valid_by(world: &mut World, i: usize, lingering: bool) {
    let from = if lingering { Of::Lingering } else { Of::Pending };
    for_each_sight(world, |order| order.set(Of::Validity, i, order.has(from, i)));
}

/// The command that node `i` waits for goes on beside the next one.
pub fn lingers(world: &mut World, i: usize) {
    for_each_sight(world, |order| order.set(Of::Lingering, i, order.has(Of::Pending, i)));
}

/// Whether a watch that began with `order` may have lasted for the patience of `watcher`: each validity that must have ended
/// before, has ended.
pub fn may_have_elapsed(world: &World, watcher: usize, order: Order) -> bool {
    let patience = world.nodes[watcher].patience;
    world.nodes().iter().enumerate().all(|(i, node)| {
        i == watcher || !node.reigns() || node.lease > patience || !order.has(Of::Validity, i)
    })
}

/// That watch has elapsed: what was sent before it began can make nobody valid any more.
pub fn has_elapsed(world: &mut World, watcher: usize, order: Order) {
    let patience = world.nodes[watcher].patience;
    for i in (0..usize::from(world.count)).filter(|i| *i != watcher) {
        let node = &mut world.nodes[i];
        if node.lease > patience {
            continue;
        }
        if let Some(pending) = node.pending.as_mut().filter(|_| order.has(Of::Pending, i)) {
            pending.stale = true;
        }
        if let Some(pending) = node.lingering.as_mut().filter(|_| order.has(Of::Lingering, i)) {
            pending.stale = true;
        }
    }
}

fn for_each_sight(world: &mut World, mut change: impl FnMut(&mut Order)) {
    for node in &mut world.nodes {
        if let Some(sight) = &mut node.sight {
            change(&mut sight.order);
        }
        if let Some(heard) = &mut node.heard {
            change(&mut heard.order);
        }
    }
}
