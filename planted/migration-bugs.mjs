// Bugs where a fleet is moved from node-raft-redis: whom the old instances follow, and who of them lives.

const rule = 'src/migration/rule.rs';
const reign = 'src/migration/rule/reign.rs';
const standingIn = 'src/migration/rule/standing_in.rs';
const roll = 'src/migration/roll.rs';
const known = 'src/migration/roll/known.rs';
const wire = 'src/migration/wire.rs';
const driver = 'src/driver/migration.rs';
const publisher = 'src/driver/publisher.rs';
const routing = 'src/medium/redis/routing.rs';
const transitions = 'src/election/election/transitions.rs';
const tests = 'migration';

/** @type {import('./bugs.mjs').Bug[]} */
export const migrationBugs = [
  {
    about: 'a grant that is withheld is told at once',
    edits: [
      {
        file: transitions,
        from: '        if !self.withholds {',
        to: '        if true || !self.withholds {',
      },
    ],
  },
  {
    about: 'a new leader does not wait for the old ones',
    tests,
    edits: [
      {
        file: reign,
        from: 'reign.is_undisputed || now >= out_at + PATIENCE_AT_MOST || all_follow()',
        to: 'true || all_follow()',
      },
    ],
  },
  {
    about: 'a check of an old leader is forgotten by the next new leader',
    tests,
    edits: [{ file: rule, from: 'self.old_led_at = Some(now);', to: 'let _ = subject;' }],
  },
  {
    about: 'votes of an earlier reign count',
    tests,
    edits: [
      {
        file: roll,
        from: 'known.follows.is_some_and(|said| said >= term)',
        to: 'known.follows.is_some()',
      },
    ],
  },
  {
    about: 'the term of the checks stands still',
    tests,
    edits: [
      {
        file: rule,
        from: 'let term = above(reign.base.plus(passed), roll.highest_term());',
        to: 'let term = above(reign.base.plus(passed * 0), roll.highest_term());',
      },
    ],
  },
  {
    about: 'nobody stands in for a leader that fell silent',
    tests,
    edits: [
      {
        file: standingIn,
        from: 'let is_ours_to_do = self.reign.is_none()',
        to: 'let is_ours_to_do = false',
      },
    ],
  },
  {
    about: 'a leader that was stood in for is waited for for ever',
    tests,
    edits: [
      {
        file: rule,
        from: 'by_leader_at: before.filter(|_| !is_by_leader).unwrap_or(now),',
        to: 'by_leader_at: before.filter(|_| is_by_leader).unwrap_or(now),',
      },
    ],
  },
  {
    about: 'old records are judged by the clock of their host',
    tests,
    edits: [
      {
        file: known,
        from: 'self.ts.map_or(is_plausible, |before| before != record.ts)',
        to: '(record.ts - wall_ms).abs() < 2000.0',
      },
    ],
  },
  {
    about: 'the silence of an outage counts',
    tests,
    edits: [{ file: known, from: 'alive.max(reading_since)', to: 'alive' }],
  },
  {
    about: 'the first check is not held back for what a stopped instance left behind',
    tests,
    edits: [{ file: reign, from: 'is_held_back: !is_undisputed,', to: 'is_held_back: false,' }],
  },
  {
    about: 'a former leader that stands in for itself is heard as a leader',
    tests,
    edits: [
      {
        file: rule,
        from: 'let is_by_leader = !check.is_stand_in && check',
        to: 'let is_by_leader = check',
      },
    ],
  },
  {
    about: 'who stands in blindly says that the old ones followed',
    tests,
    edits: [
      {
        file: standingIn,
        from: 'let leads = last.leads && listening_since <= last.at;',
        to: 'let leads = listening_since <= now;',
      },
    ],
  },
  {
    about: 'above a forged height the term stands still',
    tests,
    edits: [{ file: rule, from: 'heard.plus(1) } else', to: 'heard } else' }],
  },
  {
    about: 'an old instance without a record is not waited for',
    tests,
    edits: [
      {
        file: roll,
        from: 'self.known.iter().chain(&self.strangers).filter',
        to: 'self.known.iter().filter',
      },
    ],
  },
  {
    about: 'whoever is heard for the first time makes all records be read at once',
    tests,
    edits: [{ file: roll, from: '.filter(|(_, known)| now >= known.due).map(', to: '.map(' }],
  },
  {
    about: 'whoever cannot tell the old ones that it leads keeps the register',
    tests: 'driver::tests::migration',
    edits: [
      {
        file: 'src/driver/migration.rs',
        from: 'awaits_admission && migration.gives_up(now)',
        to: 'false && migration.gives_up(now)',
      },
    ],
  },
  {
    about: 'a kind is a pattern',
    tests,
    edits: [{ file: wire, from: "            pattern.push('\\\\');\n", to: '' }],
  },
  {
    about: 'the message null is taken for undefined',
    tests,
    edits: [{ file: wire, from: ', deserialize_with = "even_null")]', to: ')]' }],
  },
  {
    about: 'what new instances say on the old wire is heard a second time',
    tests,
    edits: [{ file: wire, from: 'if body.incumbent.is_some() {', to: 'if false {' }],
  },
  {
    about: 'errors of the old wire that alternate are told for ever',
    tests: 'driver::tests::migration',
    edits: [
      { file: driver, from: 'told.insert(call, ', to: 'told.insert([call, Call::Read][1], ' },
    ],
  },
  {
    about: 'a start does not wait for the first look at the old records',
    tests: 'driver::tests::migration',
    edits: [
      {
        file: driver,
        from: 'FirstLook::Until(clock::now() + FIRST_LOOK)',
        to: 'FirstLook::Over',
      },
    ],
  },
  {
    about: 'a message to what is no id goes out on the old wire',
    tests: 'publisher',
    edits: [{ file: publisher, from: 'if !is_id(id.as_str())', to: 'if id.as_str() == "-"' }],
  },
  {
    about: 'copies for the old instances do not count as bytes under way',
    tests: 'publisher',
    edits: [
      {
        file: publisher,
        from: 'let copy = if migrates {',
        to: 'let copy = if false && migrates {',
      },
    ],
  },
  {
    about: 'copies of what new instances sent are held against them',
    tests: 'routing',
    edits: [{ file: routing, from: '&& legacy::is_copy(payload)', to: '&& payload.is_empty()' }],
  },
];
