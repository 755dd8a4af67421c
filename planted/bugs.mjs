// Bugs to be planted, one at a time, each of which some simulation or test must catch.
//
// `simulation` names a switch of the simulator, which wrongs what surrounds the core: the register's scripts, the driver, the clocks
// (src/simulation/bug.rs). `edits` change the sources: the text `from`, which must stand there exactly once, gives way to `to`.
// An edit of src/election is judged by the simulation first, then by the tests; any other by the tests that `tests` names.

import { connectionBugs } from './connection-bugs.mjs';
import { crowdBugs } from './crowd-bugs.mjs';
import { handoverBugs } from './handover-bugs.mjs';
import { migrationBugs } from './migration-bugs.mjs';
import { secretBugs } from './secret-bugs.mjs';

const election = 'src/election/election.rs';
const answers = 'src/election/election/answers.rs';
const precedence = 'src/election/election/precedence.rs';
const transitions = 'src/election/election/transitions.rs';
const watch = 'src/election/watch.rs';
const tenure = 'src/election/tenure.rs';
const take = 'src/medium/redis/lua/take.lua';
const renew = 'src/medium/redis/lua/renew.lua';
const release = 'src/medium/redis/lua/release.lua';

/**
 * @typedef {{ about: string, simulation?: string, edits?: { file: string, from: string, to: string }[], tests?: string }} Bug
 */

/** @type {Bug[]} */
export const bugs = [
  // ---- The wait and the validity ------------------------------------------------------------------------------------
  {
    about: 'a watcher waits D instead of L',
    edits: [
      {
        file: election,
        from: 'let watched = self.watch.permit(self.patience, self.hears())',
        to: 'let watched = self.watch.permit(self.patience * 4 / 5, self.hears())',
      },
    ],
  },
  { about: 'a sight counts from the sending of the read', simulation: 'sight-from-sending' },
  {
    about: 'a sight counts from the decision to read',
    edits: [
      {
        file: answers,
        from: 'let is_new = self.watch.read(now, reply.shown);',
        to: 'let decided = Instant::from_nanos(now.as_nanos().saturating_sub(self.timing.command_timeout().as_nanos() as u64));\n        let is_new = self.watch.read(decided, reply.shown);',
      },
    ],
  },
  {
    about: 'validity counts from the answer instead of the sending',
    edits: [
      {
        file: answers,
        from: 'let until = max(reign.valid_until, sent + self.timing.validity());',
        to: 'let until = max(reign.valid_until, now + self.timing.validity());',
      },
    ],
  },
  { about: 'validity counts from a clock that was read late', simulation: 'dated-from-answer' },
  {
    about: 'a renewal that is answered after the deadline is accepted',
    edits: [
      {
        file: election,
        from: 'pub fn handle_reply(&mut self, now: Instant, id: RequestId, reply: Reply) {\n        self.expire(now);',
        to: 'pub fn handle_reply(&mut self, now: Instant, id: RequestId, reply: Reply) {',
      },
    ],
  },
  {
    about: 'an answer after the release is accepted',
    edits: [
      {
        file: answers,
        from: 'let Some(reign) = &mut self.reign else {\n',
        to: 'if self.reign.is_none() && reply.granted {\n            return self.become_leader(reply.shown.record.term, sent, false, None);\n        }\n        let Some(reign) = &mut self.reign else {\n',
      },
      {
        file: election,
        from: 'if let Some(reign) = self.reign.take_if(|reign| reign.drained) {',
        to: 'if self.outstanding.is_none() && let Some(reign) = self.reign.take_if(|reign| reign.drained) {',
      },
      {
        file: election,
        from: 'self.outstanding.take_if(|outstanding| outstanding.id == id)\n        else {\n            return;\n        };\n        match command {',
        to: 'self.outstanding.take_if(|outstanding| outstanding.id == id)\n        else {\n            let record = &reply.shown.record;\n            if reply.granted && self.reign.is_none() && record.holder.as_ref() == Some(&self.holder) {\n                self.become_leader(record.term, now, false, None);\n            }\n            return;\n        };\n        match command {',
      },
    ],
  },
  {
    about: 'an answer from another connection is accepted',
    simulation: 'answer-to-whoever-waits',
  },
  {
    about: 'the watcher goes by its own L where the register names a longer lease',
    edits: [
      {
        file: answers,
        from: 'self.patience = max(self.patience, record.lease);',
        to: '',
      },
    ],
  },
  { about: 'the register does not name its lease', simulation: 'no-lease' },
  {
    about: 'an expiry is taken back by a late extension',
    edits: [
      {
        file: tenure,
        from: `        self.deadline
            .compare_exchange(from.as_nanos(), to.as_nanos(), Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()`,
        to: '        let _ = from;\n        self.deadline.store(to.as_nanos(), Ordering::SeqCst);\n        true',
      },
    ],
  },

  // ---- A register that is missing, or another one --------------------------------------------------------------------
  { about: 'a missing register is taken', simulation: 'take-missing' },
  {
    about: 'a missing register is taken (Lua)',
    edits: [
      { file: take, from: 'if missing then\n  return answer(false)\nend\n', to: '' },
      {
        file: take,
        from: 'if not (unchanged and (watched or vacated_here or is_deserted)) then',
        to: 'if not (missing or unchanged and (watched or vacated_here or is_deserted)) then',
      },
    ],
    tests: 'redis',
  },
  { about: 'a missing register is re-created by renew', simulation: 'renew-missing' },
  {
    about: 'a missing register is re-created by renew (Lua)',
    edits: [
      {
        file: renew,
        from: 'if missing then\n  return answer(false)\nend\n',
        to: 'if missing then\n  record.holder, record.term = holder, term\nend\n',
      },
    ],
    tests: 'redis',
  },
  {
    about: "'missing' counts as a sight",
    edits: [{ file: answers, from: 'if reply.missing {', to: 'if reply.missing && false {' }],
  },
  { about: 'a placeholder has a stamp that repeats', simulation: 'placeholder-repeats' },
  {
    about: 'a placeholder has a stamp that repeats (Lua)',
    edits: [
      {
        file: 'src/medium/redis/lua/record.lua',
        from: "stamp = command_stamp .. '-' .. number_text(server_time_us()),",
        to: 'stamp = command_stamp,',
      },
    ],
    tests: 'redis',
  },
  {
    about: 'a vacancy is taken at once under another identity',
    simulation: 'stale-vacancy',
  },
  {
    about: 'a vacancy is taken at once under another identity (Lua)',
    edits: [
      {
        file: take,
        from: "local vacated_here = record.holder == '' and granted_here",
        to: "local vacated_here = record.holder == '' and record.server ~= ''",
      },
    ],
    tests: 'redis',
  },
  {
    about: 'an observation is kept over a change of identity',
    edits: [
      {
        file: watch,
        from: 'if sight.observation == observation {\n',
        to: 'if sight.observation.record == observation.record {\n                sight.observation.identity = observation.identity;\n',
      },
    ],
  },
  { about: 'a script writes on a writable replica', simulation: 'writable-replica' },
  {
    about: 'a script writes on a writable replica (Lua)',
    edits: [
      {
        file: 'src/medium/redis/lua/server.lua',
        from: "if string.match(info, '\\nrole:(%a+)') ~= 'master' then",
        to: 'if false then',
      },
    ],
    tests: 'redis',
  },

  // ---- The compares --------------------------------------------------------------------------------------------------
  { about: 'take skips the compare of the stamp', simulation: 'skip-stamp' },
  {
    about: 'take skips the compare of the stamp (Lua)',
    edits: [{ file: take, from: '\n  and record.stamp == seen_stamp', to: '' }],
    tests: 'redis',
  },
  { about: 'take skips the compare of the holder', simulation: 'skip-holder' },
  {
    about: 'take skips the compare of the holder (Lua)',
    edits: [{ file: take, from: 'record.holder == seen_holder and ', to: '' }],
    tests: 'redis',
  },
  { about: 'take skips the compare of the identity', simulation: 'skip-identity' },
  {
    about: 'take skips the compare of the identity (Lua)',
    edits: [{ file: take, from: 'identity == seen_identity and ', to: '' }],
    tests: 'redis',
  },
  { about: 'renew skips the compare of the beat', simulation: 'skip-beat' },
  {
    about: 'renew skips the compare of the beat (Lua)',
    edits: [{ file: renew, from: ' and beat > record.beat', to: '' }],
    tests: 'redis',
  },
  { about: 'renew skips the compare of the term', simulation: 'skip-term' },
  {
    about: 'renew skips the compare of the term (Lua)',
    edits: [{ file: renew, from: ' and record.term == term and beat', to: ' and beat' }],
    tests: 'redis',
  },
  { about: 'release compares nothing', simulation: 'release-anyones' },
  {
    about: 'release compares nothing (Lua)',
    edits: [
      {
        file: release,
        from: 'if missing or record.holder ~= holder or record.term ~= term or',
        to: 'if missing or',
      },
    ],
    tests: 'redis',
  },
  {
    about: 'a release under another identity is granted (Lua)',
    edits: [{ file: release, from: ' or record.server ~= identity then', to: ' then' }],
    tests: 'redis',
  },
  { about: 'release keeps the old stamp', simulation: 'release-keeps-stamp' },
  {
    about: 'release keeps the old stamp (Lua)',
    edits: [
      {
        file: release,
        from: "record.holder, record.stamp, record.heir, record.presence = '', command_stamp, heir, ''",
        to: "record.holder, record.heir, record.presence = '', heir, ''",
      },
    ],
    tests: 'redis',
  },

  // ---- What is one's own ---------------------------------------------------------------------------------------------
  {
    about: "one's own record is taken at once",
    edits: [
      {
        file: election,
        from: '        let watched = self.watch.permit(self.patience, self.hears());',
        to: '        let watched = self.own_permit().or_else(|| self.watch.permit(self.patience, self.hears()));',
      },
      {
        file: election,
        from: 'if !self.seeks() || is_ours && record.names_server(identity) {',
        to: 'if !self.seeks() || is_ours && record.names_server(identity) && false {',
      },
      {
        file: election,
        from: '    fn next_peek(&self)',
        to: '    fn own_permit(&self) -> Option<super::watch::Permit> {\n        let observation = &self.watch.sight()?.observation;\n        let record = &observation.record;\n        record.holder.as_ref().filter(|holder| holder.belongs_to(&self.instance))?;\n        let seen = super::command::Seen {\n            identity: observation.identity.clone(),\n            holder: record.holder.clone(),\n            term: record.term,\n            stamp: record.stamp.clone(),\n            watched: true,\n            gone: false,\n        };\n        Some(super::watch::Permit { at: Instant::default(), seen, heir: None })\n    }\n\n    fn next_peek(&self)',
      },
      {
        file: answers,
        from: 'self.owe(now, holder, record.term);',
        to: '',
      },
    ],
  },
  {
    about: "one's own record is released on another server",
    edits: [
      { file: answers, from: 'if names_this_server {', to: 'if names_this_server || true {' },
    ],
  },
  {
    about: "one's own record of another server is never taken",
    edits: [
      {
        file: election,
        from: 'if !self.seeks() || is_ours && record.names_server(identity) {',
        to: 'if !self.seeks() || is_ours {',
      },
    ],
  },
  {
    about: 'a take whose answer was lost is adopted',
    edits: [
      {
        file: answers,
        from: '        let is_new = self.watch.read(now, reply.shown);',
        to: '        if record.holder.as_ref() == Some(&self.holder) && self.phase == Phase::Running && self.owed.is_none() {\n            return self.become_leader(record.term, now, false, None);\n        }\n        let is_new = self.watch.read(now, reply.shown);',
      },
    ],
  },
  {
    about: 'whoever is leader no more goes on renewing',
    edits: [
      {
        file: election,
        from: 'return Some(Command::Release { holder, term, stamp, heir });',
        to: 'let _ = heir;\n            return Some(Command::Renew { holder, term, beat: now.as_nanos(), stamp, lease: self.timing.lease(), over: None });',
      },
    ],
  },
  {
    about: 'a leader goes on renewing after stop()',
    edits: [
      {
        file: election,
        from: 'self.reign.take_if(|reign| reign.drained)',
        to: 'self.reign.take_if(|reign| reign.drained && self.phase == Phase::Running)',
      },
    ],
  },
  {
    about: 'no stand-back after a grant that was void',
    edits: [
      {
        file: answers,
        from: '        if reply.granted {\n            self.no_take_before = max(self.no_take_before, now + self.timing.renewal_interval());\n        }\n        self.settle_owed();',
        to: '        self.settle_owed();',
      },
    ],
  },
  {
    about: 'two takes are outstanding',
    edits: [
      {
        file: election,
        from: 'if self.outstanding.is_some() || self.next_command_at()',
        to: 'if self.next_command_at()',
      },
    ],
  },
  {
    about: 'a grant makes a leader after stop() was called',
    edits: [
      {
        file: answers,
        from: 'self.phase == Phase::Running && !self.tenure.is_closed();',
        to: 'self.phase == Phase::Running;',
      },
      {
        file: tenure,
        from: 'if self.resigned.load(Ordering::SeqCst) || self.is_closed() {',
        to: 'if self.resigned.load(Ordering::SeqCst) {',
      },
      {
        file: tenure,
        from: 'deadline != 0 && !self.resigned.load(Ordering::SeqCst) && !self.is_closed();',
        to: 'deadline != 0 && !self.resigned.load(Ordering::SeqCst);',
      },
    ],
  },

  // ---- Terms and stamps ----------------------------------------------------------------------------------------------
  { about: 'a term knows no floor', simulation: 'no-floor' },
  {
    about: 'a term knows no floor (Lua)',
    edits: [{ file: take, from: 'floor + 1, ', to: '' }],
    tests: 'redis',
  },
  { about: "a term knows no server's time", simulation: 'no-server-time' },
  {
    about: "a term knows no server's time (Lua)",
    edits: [{ file: take, from: ', math.min(server_time_us(), NUMBER_LIMIT - 1)', to: '' }],
    tests: 'redis',
  },
  {
    about: 'the floor comes from a heartbeat',
    edits: [
      {
        file: election,
        from: 'Announcement::Heartbeat { holder, term, beat, stamp } => {\n',
        to: 'Announcement::Heartbeat { holder, term, beat, stamp } => {\n                self.floor = max(self.floor, term);\n',
      },
    ],
  },
  {
    about: 'any heartbeat displaces a confirmed sight',
    edits: [
      {
        file: election,
        from: 'if self.watch.confirms(&holder, term) {',
        to: 'if self.watch.sight().is_some() {',
      },
    ],
  },
  { about: 'stamps count up', simulation: 'stamps-repeat' },
  {
    about: 'stamps count up with the commands',
    edits: [
      {
        file: election,
        from: 'let stamp = Stamp::new((self.draw)());',
        to: 'let stamp = Stamp::new(self.next_request);',
      },
    ],
  },
  {
    about: 'two commands bear the same stamp',
    edits: [
      {
        file: election,
        from: 'let stamp = Stamp::new((self.draw)());',
        to: 'let stamp = Stamp::parse(&format!("{}/{}", self.holder.as_str(), self.next_request / 2));',
      },
    ],
  },

  // ---- What is told and asked ----------------------------------------------------------------------------------------
  { about: 'isLeader() is cached', simulation: 'cached-truth' },
  {
    about: 'isLeader() does not ask the clock',
    edits: [
      {
        file: tenure,
        from: 'if holds && clock().as_nanos() < deadline {',
        to: 'if holds && clock().as_nanos() < u64::MAX {',
      },
    ],
  },
  {
    about: 'an expiry is not told',
    edits: [
      {
        file: transitions,
        from: 'term, heir: None });\n            self.lose(None, reason);',
        to: 'term, heir: None });\n            let _ = reason;',
      },
    ],
  },
  { about: 'a loss is not told', simulation: 'loss-untold' },
  {
    about: 'an expiry is told twice',
    edits: [
      {
        file: transitions,
        from: 'term, heir: None });\n            self.lose(None, reason);',
        to: 'term, heir: None });\n            self.lose(None, reason);\n            self.events.push_back(Event::Defeated { leader: None, reason });',
      },
    ],
  },
  { about: 'everything is told twice', simulation: 'told-twice' },
  { about: 'the end of a stop is not told', simulation: 'stop-untold' },
  {
    about: '`elected` comes before the subscription stands',
    edits: [
      {
        file: 'src/driver/mod.rs',
        from: '                self.hold_until = Some(clock::now() + self.election.timing().command_timeout());\n',
        to: '',
      },
    ],
    tests: 'driver',
  },

  {
    about: 'an earlier reign that a server shows names a leader that may be gone for long',
    edits: [
      {
        file: 'src/election/election/answers.rs',
        from: 'record.term >= self.floor || self.watch.shows_to_go_on(&reply.shown)',
        to: 'record.term >= self.floor || record.term < self.floor',
      },
    ],
  },
  {
    about: 'a placeholder drops the checkpoint',
    edits: [
      {
        file: 'src/medium/redis/lua/record.lua',
        from: '  write_register(record)',
        to: "  redis.call('DEL', register_key)\n  write_register(record)",
      },
    ],
    tests: 'redis',
  },
  {
    about: 'in an outage each kind asks the nodes of a cluster on connections of its own',
    edits: [
      {
        file: 'src/medium/redis/guide/nodes.rs',
        from: 'Inquiries::of(&self.target)',
        to: 'Arc::<Inquiries>::default()',
      },
    ],
    tests: 'redis',
  },
  {
    about: 'a grant counts that too few replicas have',
    edits: [
      {
        file: 'src/medium/redis/mod.rs',
        from: 'if reply.granted && replicas < u64::from(wanted) {',
        to: 'if reply.granted && replicas > u64::from(wanted) {',
      },
    ],
    tests: 'redis',
  },
  {
    about: 'in a cluster messages go where nobody listens',
    edits: [
      {
        file: 'src/medium/redis/mod.rs',
        from: 'let publish = if is_sharded { "SPUBLISH" } else { "PUBLISH" };',
        to: 'let publish = if is_sharded { "PUBLISH" } else { "PUBLISH" };',
      },
    ],
    tests: 'redis',
  },
  {
    about:
      'the sentinel that has seen to the failover is outvoted by those that have not heard of it',
    edits: [
      {
        file: 'src/medium/redis/guide/board.rs',
        from: '(word.epoch, votes(word), word.master.to_string(), sentinel.to_string())',
        to: '(0, votes(word), word.master.to_string(), sentinel.to_string())',
      },
    ],
    tests: 'redis',
  },
  ...connectionBugs,

  // ---- What must not be forgotten --------------------------------------------------------------------------------------
  { about: 'no timer is armed after an error', simulation: 'timers-unarmed' },
  { about: 'a failed command is not told to the core', simulation: 'failure-untold' },
  {
    about: 'the wake-up on an announced vacancy is forgotten',
    edits: [
      {
        file: election,
        from: 'Announcement::Vacancy { stamp, .. } if self.watch.shows(&stamp) => {}',
        to: 'Announcement::Vacancy { .. } if true => {}',
      },
    ],
  },
  { about: 'announcements do not reach the core', simulation: 'unheard' },
  { about: 'nothing is subscribed after a reconnect', simulation: 'no-resubscription' },
  {
    about: 'nothing is subscribed after a reconnect (Redis)',
    edits: [
      {
        file: 'src/medium/redis/routing.rs',
        from: '        self.standing.clear();\n        self.refused.clear();',
        to: '        self.refused.clear();',
      },
    ],
    tests: 'redis',
  },
  {
    about: "the registry is swept by the host's clock (Redis)",
    edits: [
      {
        file: 'src/medium/redis/scripts.rs',
        from: '    more.iter().for_each(|word| arguments.push(word));',
        to: '    more.iter().for_each(|word| arguments.push(word));\n    arguments.push(&(crate::clock::wall_ms() * 1000).to_string());',
      },
      {
        file: 'src/medium/redis/lua/registry.lua',
        from: 'local now_us = server_time_us()',
        to: 'local now_us = tonumber(ARGV[#ARGV])',
      },
    ],
    tests: 'redis',
  },

  // ---- The assumptions -----------------------------------------------------------------------------------------------
  { about: 'clocks stand still while the machine sleeps', simulation: 'clock-sleeps' },
  { about: "clocks' rates differ by more than a quarter", simulation: 'clocks-apart' },
  {
    about: "an assertion over one's own record leaves the old server's name",
    simulation: 'assert-keeps-server',
  },

  ...crowdBugs,
  ...handoverBugs,
  ...migrationBugs,
  ...secretBugs,
];
