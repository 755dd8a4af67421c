// Bugs where many candidates share a connection, and in the short ways that are taken there.

const unchanged = 'src/medium/redis/lua/unchanged.lua';
const batch = 'src/medium/redis/lua/batch.lua';
const batches = 'src/medium/redis/batches.rs';

/** @type {import('./bugs.mjs').Bug[]} */
export const crowdBugs = [
  {
    about: 'the looks of a large fleet are not spread',
    edits: [
      {
        file: 'src/election/election/crowd.rs',
        from: 'self.no_look_before = now + self.look_spread / 2 + share(self.look_spread, part);',
        to: 'self.no_look_before = now + share(Duration::ZERO, part);',
      },
    ],
  },
  {
    about: 'the outcomes of a batch are handed out in the wrong order',
    edits: [
      {
        file: batches,
        from: 'waiting.into_iter().zip(values)',
        to: 'waiting.into_iter().rev().zip(values)',
      },
    ],
    tests: 'batches',
  },
  {
    about: 'an error of one call of a batch fails all of them',
    edits: [
      {
        file: 'src/medium/redis/scripts.rs',
        from: '        answer => Ok(answer),\n    }\n}\n\n/// The call for a command',
        to: '        answer => answer.extract_error(),\n    }\n}\n\n/// The call for a command',
      },
    ],
    tests: 'batches',
  },
  {
    about: 'an error of one call of a batch ends the script (Lua)',
    edits: [
      {
        file: batch,
        from: 'pcall(call_one, keys, arguments)',
        to: 'true, call_one(keys, arguments)',
      },
    ],
    tests: 'batches',
  },
  {
    about: 'all calls of a batch bear the stamp of the first (Lua)',
    edits: [
      {
        file: batch,
        from: '  local is_done, reply',
        to: '  arguments[1] = ARGV[3]\n  local is_done, reply',
      },
    ],
    tests: 'batches',
  },
  {
    about: 'the arguments of a batch are read by one place too far (Lua)',
    edits: [
      {
        file: batch,
        from: 'copy(arguments, ARGV, 2 + before',
        to: 'copy(arguments, ARGV, 2 + before + before',
      },
    ],
    tests: 'batches',
  },
  {
    about: 'a batch that was not answered in time leaves one of its calls without an outcome',
    edits: [
      {
        file: batches,
        from: 'fn fail(waiting: Vec<oneshot::Sender<Result<Outcome, MediumError>>>, error: &MediumError) {\n    for done in waiting {',
        to: 'fn fail(waiting: Vec<oneshot::Sender<Result<Outcome, MediumError>>>, error: &MediumError) {\n    for done in waiting.into_iter().take(1) {',
      },
    ],
    tests: 'batches',
  },
  {
    about: 'a late answer to a batch is told to one alone',
    edits: [
      {
        file: batches,
        from: 'mailboxes.into_iter().for_each(',
        to: 'mailboxes.into_iter().take(1).for_each(',
      },
    ],
    tests: 'batches',
  },
  {
    about: 'the hasty and the patient share a batch, and its limit',
    edits: [
      {
        file: batches,
        from: 'script: script_hash, arguments, patience, replicas };',
        to: 'script: script_hash, arguments, patience: Patience { limit: Duration::ZERO, late_limit: Duration::ZERO }, replicas };',
      },
    ],
    tests: 'batches',
  },
  {
    about: 'a batch grows without a limit',
    edits: [{ file: batches, from: 'if count >= MAX_CALLS {', to: 'if count >= usize::MAX {' }],
    tests: 'batches',
  },
  {
    about: 'a batch names the keys of several kinds where the server keeps them apart',
    edits: [
      {
        file: 'src/medium/redis/mod.rs',
        from: 'shared.is_crowded() && !link.keeps_kinds_apart',
        to: 'shared.is_crowded()',
      },
    ],
    tests: 'batches',
  },
  {
    about: 'a roster that failed once is never asked for again',
    edits: [
      {
        file: 'src/driver/questions.rs',
        from: '        if matches!(inquiry, Inquiry::Changes) {\n            self.is_fetching = false;',
        to: '        if matches!(inquiry, Inquiry::Changes) && result.is_ok() {\n            self.is_fetching = false;',
      },
    ],
    tests: 'driver',
  },
  {
    about: 'the short way of a renewal skips the compare of the beat (Lua)',
    edits: [{ file: unchanged, from: ' and tonumber(fields[3]) < tonumber(next_beat)', to: '' }],
    tests: 'redis',
  },
  {
    about: 'the short way of a renewal skips the compare of the holder (Lua)',
    edits: [{ file: unchanged, from: 'and fields[1] == unchanged_holder ', to: '' }],
    tests: 'redis',
  },
  {
    about: 'the short way of a renewal skips the compare of the term (Lua)',
    edits: [{ file: unchanged, from: ' and fields[2] == unchanged_term', to: '' }],
    tests: 'redis',
  },
  {
    about: 'the short way of a renewal is taken by an assert, which then names no connection (Lua)',
    edits: [{ file: unchanged, from: 'ARGV[7] ~= YES and ', to: '' }],
    tests: 'redis',
  },
  {
    about: 'the short way of a renewal skips the compare of the connection (Lua)',
    edits: [{ file: unchanged, from: " and fields[8] == ''", to: '' }],
    tests: 'redis',
  },
  {
    about: 'a leader that leads no more does not hear again',
    edits: [
      {
        file: 'src/driver/mod.rs',
        from: '                    self.hear_again();\n',
        to: '',
      },
    ],
    tests: 'driver',
  },
];
