// Bugs where a leadership is handed over or given up, and in who may lead and comes first.

const election = 'src/election/election.rs';
const answers = 'src/election/election/answers.rs';
const precedence = 'src/election/election/precedence.rs';
const transitions = 'src/election/election/transitions.rs';

/** @type {import('./bugs.mjs').Bug[]} */
export const handoverBugs = [
  // ---- Handing over, and draining -----------------------------------------------------------------------------------
  {
    about: 'a leader that drains leads on',
    edits: [
      {
        file: transitions,
        from: '        if leads {\n            self.tenure.resign();',
        to: '        if leads {',
      },
    ],
  },
  {
    about: 'work that is waited for no longer counts as settled, and lapses nothing',
    simulation: 'overrun-drains',
  },
  {
    about: 'what is to lapse is released at once',
    edits: [
      {
        file: transitions,
        from: 'self.overrun = Some((term, renewed_at + lapse));',
        to: 'let _ = (renewed_at, lapse);',
      },
    ],
  },
  {
    about: 'a lapse counts from the last renewal that was granted',
    edits: [
      { file: election, from: '            reign.renewed_at = now;\n', to: '' },
      {
        file: answers,
        from: '            reign.valid_until = until;\n',
        to: '            reign.valid_until = until;\n            reign.renewed_at = sent;\n',
      },
    ],
  },
  {
    about: 'what is to lapse is renewed',
    edits: [
      {
        file: election,
        from: 'self.reign.take_if(|reign| is_draining && !reign.drained) else { return };\n        let term = reign.term;',
        to: 'self.reign.as_mut().filter(|reign| is_draining && !reign.drained) else { return };\n        let term = reign.term;\n        let reign = Reign { term, beat: reign.beat, valid_until: reign.valid_until, next_renewal: reign.next_renewal, assert_over: None, drained: false, renewed_at: reign.renewed_at, heir: None, told_register_lost: true, ends_with_connection: false };',
      },
    ],
  },
  {
    about: 'a later run releases what is to lapse',
    edits: [
      {
        file: election,
        from: '        self.owed = None;\n        self.take_in_doubt = false;\n        self.missed_heartbeat = false;',
        to: '        self.owed = None;\n        self.overrun = None;\n        self.take_in_doubt = false;\n        self.missed_heartbeat = false;',
      },
    ],
  },
  {
    about: 'a draining that expires is released at once',
    edits: [
      {
        file: transitions,
        from: '            self.events.push_back(Event::Released);\n            self.let_lapse(reign);',
        to: '            self.events.push_back(Event::Released);\n            self.let_lapse(Reign { drained: true, ..reign });',
      },
    ],
  },
  {
    about: 'a release names no heir',
    edits: [
      {
        file: election,
        from: 'Some(Owed { holder: self.holder.clone(), term: reign.term, heir: reign.heir });',
        to: 'Some(Owed { holder: self.holder.clone(), term: reign.term, heir: reign.heir.filter(|_| false) });',
      },
    ],
  },

  // ---- Who may lead, and who comes first ----------------------------------------------------------------------------
  {
    about: 'one that is not eligible takes',
    edits: [{ file: election, from: '            && self.candidacy.is_eligible\n', to: '' }],
  },
  {
    about: 'too few instances elect',
    edits: [
      {
        file: election,
        from: '            && self.instances >= self.candidacy.min_instances\n',
        to: '',
      },
    ],
  },
  {
    about: 'one that is not eligible believes in a leader that is gone',
    edits: [
      {
        file: election,
        from: '!self.seeks() && self.leader.is_some();',
        to: 'self.seeks() && self.leader.is_some();',
      },
    ],
  },
  { about: 'the election is not told who has a higher priority', simulation: 'rivals-untold' },
  {
    about: 'the election is told of more instances than there are: too few elect',
    simulation: 'fleet-overcounted',
  },
  {
    about: 'a higher priority is not waited for',
    edits: [
      {
        file: precedence,
        from: 'let wait = step * self.predecessors();',
        to: 'let wait = step * 0;',
      },
    ],
  },
  {
    about: 'an heir is not waited for',
    edits: [
      {
        file: precedence,
        from: 'max(free_at, self.heir_until.unwrap_or_default())',
        to: 'max(free_at, Instant::default())',
      },
    ],
  },
  {
    about: 'an heir waits for higher priorities',
    edits: [
      {
        file: election,
        from: 'if permit.heir.as_ref() == Some(&self.instance) {',
        to: 'if permit.heir.is_some() && permit.heir.is_none() {',
      },
    ],
  },
  {
    about: 'a higher priority that never stays is waited for again and again',
    edits: [
      {
        file: precedence,
        from: 'min(begun + wait, max(begun, at_most))',
        to: 'max(begun + wait, min(begun, at_most))',
      },
    ],
  },
  {
    about: 'a leader that fell is waited for',
    edits: [
      {
        file: precedence,
        from: 'self.fallen.as_ref() != Some(id)',
        to: 'self.fallen.is_none() || !id.as_str().is_empty()',
      },
    ],
  },
];
