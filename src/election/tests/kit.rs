//! A network whose server, clock and deliveries are moved by hand, and nodes that say what they do.
//!
//! After every step the network asks all nodes at once whether they lead, so each story proves on the way that there were
//! never two leaders.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::election::register::Server;
use crate::election::{
    Announcement, Candidacy, Command, Election, Event, Holder, Identity, InstanceId, Instant, Loss,
    Presence, Record, Register, Reply, Request, RequestId, Role, Stamp, Tenure, Term, Timing,
};

/// L, D and the renewal interval of the nodes that are not given a timing of their own.
pub const LEASE: u64 = 800;
pub const VALIDITY: u64 = 640;
pub const INTERVAL: u64 = 160;

/// One round of the splitmix64 generator: enough chance for tests, and the same at each run.
pub fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[derive(Clone)]
pub struct Network(Rc<RefCell<State>>);

struct State {
    now: Instant,
    register: Register,
    server: Server,
    servers: u64,
    announced: Vec<Announcement>,
    tenures: Vec<(String, Arc<Tenure>)>,
    /// Who was granted each term.
    granted: HashMap<Term, Holder>,
    /// How often it was looked at.
    checks: u32,
}

/// A story that goes on for longer never ends.
const LONGEST_STORY: u32 = 200_000;

impl Network {
    pub fn new() -> Self {
        Self(Rc::new(RefCell::new(State {
            now: Instant::from_millis(1_000_000),
            register: Register::default(),
            server: Server::new(Identity::server("server-1"), 1_000_000_000),
            servers: 1,
            announced: Vec::new(),
            tenures: Vec::new(),
            granted: HashMap::new(),
            checks: 0,
        })))
    }

    pub fn node(&self, name: &str) -> Node {
        self.node_with(name, Timing::default())
    }

    pub fn node_of(&self, name: &str, candidacy: Candidacy) -> Node {
        self.node_made(name, Timing::default(), candidacy)
    }

    pub fn node_with(&self, name: &str, timing: Timing) -> Node {
        self.node_made(name, timing, Candidacy::default())
    }

    fn node_made(&self, name: &str, timing: Timing, candidacy: Candidacy) -> Node {
        let bond = Arc::new(AtomicBool::new(true));
        let asked = bond.clone();
        let tenure = Arc::new(Tenure::bound_to(move || asked.load(Ordering::SeqCst)));
        let mut seed = name.bytes().fold(self.0.borrow().tenures.len() as u64, |seed, byte| {
            seed.wrapping_mul(257) + u64::from(byte)
        });
        let election = Election::new(
            InstanceId::new(name),
            timing,
            tenure.clone(),
            Box::new(move || splitmix64(&mut seed)),
        )
        .with_candidacy(candidacy);
        self.0.borrow_mut().tenures.push((name.to_owned(), tenure.clone()));
        let (name, network) = (name.to_owned(), self.clone());
        Node { name, election, tenure, bond, network, connection: None, heard: 0 }
    }

    /// A node that was started and is led by none yet: over an empty register it watches the placeholder first.
    pub fn leader(&self, name: &str) -> Node {
        let mut node = self.node(name);
        node.starts();
        run(&mut [&mut node], 2 * LEASE);
        assert!(node.leads(), "{name} should lead by now");
        node.events();
        node
    }

    pub fn follower(&self, name: &str) -> Node {
        let mut node = self.watcher(name);
        assert_eq!(node.election.role(), Role::Follower);
        node.events();
        node
    }

    /// A node that was started over a register that nobody leads, and watches it.
    pub fn watcher(&self, name: &str) -> Node {
        let mut node = self.node(name);
        node.starts();
        node.settles();
        node
    }

    /// A follower named `b` that has read `term` in the register.
    pub fn follower_of_a_term(&self, term: u64) -> Node {
        self.applies(&Request {
            id: RequestId(0),
            command: Command::Peek { stamp: Stamp::new(1) },
        });
        let holder = Holder::new(&InstanceId::new("a"), 1);
        let record = Record { holder: Some(holder), term: Term(term), ..self.stored() };
        self.restores(Some(record));
        self.follower("b")
    }

    pub fn now(&self) -> Instant {
        self.0.borrow().now
    }

    pub fn passes(&self, millis: u64) {
        self.passes_until(self.now() + Duration::from_millis(millis));
    }

    pub fn passes_until(&self, moment: Instant) {
        {
            let mut state = self.0.borrow_mut();
            let elapsed = moment.since(state.now);
            state.now = moment;
            state.server.time_us += elapsed.as_micros() as u64;
        }
        self.check();
    }

    /// The server applies a command that reached it. Called twice, it was delivered twice.
    pub fn applies(&self, request: &Request) -> Reply {
        self.applies_from(None, request)
    }

    /// The same, on a connection that shows.
    pub fn applies_from(&self, connection: Option<Presence>, request: &Request) -> Reply {
        let reply = {
            let mut state = self.0.borrow_mut();
            let server = Server { caller: connection, ..state.server.clone() };
            let (reply, announcement) = state.register.execute(&request.command, &server);
            state.announced.extend(announcement);
            if let (true, Command::Take { holder, .. }) = (reply.granted, &request.command) {
                let former = state.granted.insert(reply.shown.record.term, holder.clone());
                assert!(
                    former.is_none_or(|former| former == *holder),
                    "a term granted to two holders"
                );
            }
            reply
        };
        self.check();
        reply
    }

    pub fn wipes(&self) {
        self.0.borrow_mut().register.wipe();
    }

    pub fn snapshot(&self) -> Option<Record> {
        self.0.borrow().register.stored().cloned()
    }

    /// Somebody puts `data` in the register's place.
    pub fn restores(&self, data: Option<Record>) {
        self.0.borrow_mut().register.restore(data);
    }

    /// The server restarts with `data`: under another identity.
    pub fn restarts_from(&self, data: Option<Record>) {
        self.restores(data);
        self.changes_identity();
    }

    pub fn changes_identity(&self) {
        let mut state = self.0.borrow_mut();
        state.servers += 1;
        state.server.identity = Identity::server(&format!("server-{}", state.servers));
    }

    pub fn sets_identity(&self, identity: Identity) {
        self.0.borrow_mut().server.identity = identity;
    }

    /// The server sees a connection come to stand.
    pub fn sees(&self, connection: &Presence) {
        self.0.borrow_mut().server.present.push(connection.clone());
    }

    /// The server sees a connection end.
    pub fn loses_sight_of(&self, connection: &Presence) {
        self.0.borrow_mut().server.present.retain(|other| other != connection);
    }

    /// Somebody reads the register.
    pub fn reads(&self) -> Reply {
        let stamp = Stamp::new(self.now().as_nanos());
        self.applies(&Request { id: RequestId(0), command: Command::Peek { stamp } })
    }

    pub fn sets_server_time(&self, micros: u64) {
        self.0.borrow_mut().server.time_us = micros;
    }

    pub fn server(&self) -> Server {
        self.0.borrow().server.clone()
    }

    pub fn stored(&self) -> Record {
        self.snapshot().expect("the register exists")
    }

    /// Who holds the register, by name.
    pub fn holder(&self) -> Option<String> {
        self.stored().holder.map(|holder| holder.instance().as_str().to_owned())
    }

    pub fn last_announcement(&self) -> Announcement {
        self.0.borrow().announced.last().expect("something was announced").clone()
    }

    /// At most one node leads.
    pub fn check(&self) {
        self.0.borrow_mut().checks += 1;
        let state = self.0.borrow();
        assert!(state.checks < LONGEST_STORY, "this story does not end");
        let leads = |tenure: &Tenure| tenure.is_valid(|| state.now);
        let leaders: Vec<_> = state
            .tenures
            .iter()
            .filter(|(_, tenure)| leads(tenure))
            .map(|(name, _)| name)
            .collect();
        assert!(leaders.len() < 2, "two leaders at one moment: {leaders:?}");
    }
}

pub struct Node {
    pub name: String,
    pub election: Election,
    pub tenure: Arc<Tenure>,
    /// What its leadership is bound to beside its deadline.
    bond: Arc<AtomicBool>,
    network: Network,
    /// Its connection, if that shows at the server.
    pub connection: Option<Presence>,
    /// How many of the announcements passed by.
    heard: usize,
}

impl Node {
    fn then<T>(&mut self, result: T) -> T {
        self.network.check();
        result
    }

    pub fn starts(&mut self) {
        self.tenure.open();
        self.election.handle_start(self.network.now());
        self.election.handle_subscribed(self.network.now());
        self.misses_the_news();
        self.then(());
    }

    pub fn stops(&mut self) {
        self.election.handle_stop(self.network.now());
        self.then(());
    }

    pub fn reelects(&mut self) {
        self.election.handle_reelect(self.network.now());
        self.then(());
    }

    pub fn transfers(&mut self, heir: &str) {
        self.election.handle_transfer(self.network.now(), InstanceId::new(heir));
        self.then(());
    }

    /// Its work is waited for no longer.
    pub fn overruns(&mut self) {
        self.election.handle_drain_overrun(self.network.now());
        self.then(());
    }

    /// It hears that so many instances are there.
    pub fn knows(&mut self, network: &Network, instances: usize) {
        self.election.handle_fleet_size(network.now(), instances);
    }

    pub fn drains(&mut self) {
        self.election.handle_drained(self.network.now());
        self.then(());
    }

    /// The command that is due; it is under way from now on.
    pub fn sends(&mut self) -> Request {
        self.polls().unwrap_or_else(|| panic!("{} has no command to send", self.name))
    }

    /// Asks for a command, and holds the core to its promise: none now means a timeout that lies ahead.
    pub fn polls(&mut self) -> Option<Request> {
        let now = self.network.now();
        let request = self.election.poll_command(now);
        if request.is_none() {
            let timeout = self.election.poll_timeout();
            assert!(timeout.is_none_or(|at| at > now), "{} would spin", self.name);
        }
        self.then(request)
    }

    pub fn hears_back(&mut self, request: &Request, reply: Reply) {
        self.election.handle_reply(self.network.now(), request.id, reply);
        self.then(());
    }

    /// It makes a connection that shows at the server.
    pub fn connects(&mut self, number: u64) {
        let connection = Presence::of_connection(number);
        self.network.sees(&connection);
        self.connection = Some(connection);
        self.election.handle_connected(self.network.now());
        self.then(());
    }

    /// Its connection ends, and it is told.
    pub fn is_cut_off(&mut self) {
        self.connection_ends();
        self.hears_of_the_end();
    }

    /// Its connection ends, and it does not know yet.
    pub fn connection_ends(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.network.loses_sight_of(&connection);
        }
    }

    /// Somebody asks whether it leads, at a moment at which its leadership is bound to something that does not hold.
    pub fn is_found_unbound(&mut self) {
        self.bond.store(false, Ordering::SeqCst);
        assert!(!self.leads());
        self.bond.store(true, Ordering::SeqCst);
    }

    pub fn hears_of_the_end(&mut self) {
        self.election.handle_disconnected(self.network.now());
        self.then(());
    }

    /// The command failed, or was not answered in time.
    pub fn gives_up(&mut self, request: &Request) {
        self.election.handle_failure(self.network.now(), request.id);
        self.then(());
    }

    /// Sends the command that is due, which is applied and answered at once.
    pub fn acts(&mut self) -> Option<(&'static str, Reply)> {
        let request = self.polls()?;
        let reply = self.network.applies_from(self.connection.clone(), &request);
        self.hears_back(&request, reply.clone());
        Some((request.command.name(), reply))
    }

    /// Acts until nothing is due, and says what it did.
    pub fn settles(&mut self) -> Vec<&'static str> {
        let mut acts = Vec::new();
        while let Some((act, _)) = self.acts() {
            acts.push(act);
            assert!(acts.len() < 10, "{} does not come to rest: {acts:?}", self.name);
        }
        acts
    }

    /// Sends the command that is due, and it is lost on its way.
    pub fn loses(&mut self) -> Request {
        let request = self.sends();
        self.gives_up(&request);
        request
    }

    pub fn hears(&mut self, announcement: Announcement) {
        self.election.handle_announcement(self.network.now(), announcement);
        self.then(());
    }

    /// Hears what was announced since it last listened.
    pub fn listens(&mut self) {
        let news = self.network.0.borrow().announced[self.heard..].to_vec();
        self.heard += news.len();
        for announcement in news {
            self.hears(announcement);
        }
    }

    /// What was announced since it last listened is lost for it.
    pub fn misses_the_news(&mut self) {
        self.heard = self.network.0.borrow().announced.len();
    }

    /// Reads the register beside something else: the registry's script shows it too.
    pub fn observes(&mut self) {
        let reply = self.network.reads();
        self.observes_late(reply);
    }

    /// The same, where the answer was some time under way.
    pub fn observes_late(&mut self, reply: Reply) {
        self.election.handle_observation(self.network.now(), reply);
        self.then(());
    }

    pub fn leads(&self) -> bool {
        self.tenure.is_valid(|| self.network.now())
    }

    pub fn follows(&self) -> Option<&str> {
        self.election.leader().map(|(id, _)| id.as_str())
    }

    /// Milliseconds until its next turn.
    pub fn rests(&self) -> Option<u64> {
        let at = self.election.poll_timeout()?;
        Some(at.since(self.network.now()).as_millis() as u64)
    }

    pub fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.election.poll_event()).collect()
    }

    /// The events that a caller of the JavaScript class sees, in short: see [`short`].
    pub fn tells(&mut self) -> Vec<String> {
        self.events().iter().filter_map(short).collect()
    }
}

/// `elected`, `defeated <leader>: <reason>`, and the roles by their names.
fn short(event: &Event) -> Option<String> {
    Some(match event {
        Event::RoleChanged(role) => format!("{role:?}").to_lowercase(),
        Event::Elected { .. } => "elected".to_owned(),
        Event::Defeated { leader, reason } => {
            let leader = leader.as_ref().map_or("nobody", InstanceId::as_str);
            format!("defeated by {leader}: {}", Loss::as_str(*reason))
        }
        _ => return None,
    })
}

/// Lets `nodes` act and hear for `millis`, with a network that loses and delays nothing.
pub fn run(nodes: &mut [&mut Node], millis: u64) {
    let network = nodes[0].network.clone();
    let end = network.now() + Duration::from_millis(millis);
    loop {
        for node in nodes.iter_mut() {
            node.listens();
        }
        let mut acted = false;
        for node in nodes.iter_mut() {
            acted |= !node.settles().is_empty();
        }
        if acted {
            continue;
        }
        let next = nodes.iter().filter_map(|node| node.election.poll_timeout()).min();
        match next {
            Some(at) if at <= end => network.passes_until(at),
            _ => return network.passes_until(end),
        }
    }
}
