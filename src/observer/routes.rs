//! Which watch wants what comes on a channel.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use super::WatchId;
use super::traffic::Traffic;
use crate::medium::Channel;
use crate::medium::redis::visit::Heard;

/// Who is to be told of what comes on a channel, by its name.
pub type Routes = HashMap<String, Vec<Route>>;

#[derive(Clone)]
pub struct Route {
    pub watch: WatchId,
    pub traffic: Arc<Traffic>,
    pub channel: Channel,
    /// Whether messages are told, too.
    pub listens: bool,
}

/// What was heard for a watch.
pub struct Word {
    pub watch: WatchId,
    pub channel: Channel,
    pub heard: Heard,
}

/// Runs on the connection's own task: messages are counted at once, and only what a chronicle needs is passed on.
pub fn dispatch(routes: &Routes, sender: &Sender<Word>, heard: Heard) {
    let Some(routes) = routes.get(&heard.channel) else { return };
    for route in routes {
        let is_message = !matches!(route.channel, Channel::Election | Channel::Registry);
        if let Some(payload) = heard.payload.as_ref().filter(|_| is_message) {
            route.traffic.count(&route.channel, payload);
            if !route.listens {
                continue;
            }
        }
        let (payload, came) = (heard.payload.clone(), heard.came);
        let heard = Heard { channel: heard.channel.clone(), payload, came };
        let word = Word { watch: route.watch, channel: route.channel.clone(), heard };
        // The next look tells what was dropped of what it can tell; that the server left a channel shows with the next command.
        if sender.try_send(word).is_err() && is_message {
            route.traffic.note_unheard();
        }
    }
}
