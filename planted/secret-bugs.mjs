// Bugs in messages under a shared secret.

const authentication = 'src/authentication.rs';
const repeats = 'src/messaging/repeats.rs';

/** @type {import('./bugs.mjs').Bug[]} */
export const secretBugs = [
  {
    about: "a message's code is not compared",
    edits: [
      {
        file: authentication,
        from: 'if !self.keys.iter().any(is_made_by) {',
        to: 'if self.keys.iter().all(is_made_by) && self.keys.is_empty() {',
      },
    ],
    tests: 'authentication',
  },
  {
    about: 'a message is taken from one channel to another',
    edits: [
      {
        file: authentication,
        from: '"incumbent message {} {channel_name}\\n", channel_name.len()',
        to: '"incumbent message {}\\n", channel_name.len().min(0)',
      },
    ],
    tests: 'authentication',
  },
  {
    about: "a message's body is not covered by its code",
    edits: [{ file: authentication, from: 'context.update(parts.body);', to: '' }],
    tests: 'authentication',
  },
  {
    about: 'only what the first secret has signed is heard',
    edits: [
      {
        file: authentication,
        from: 'self.keys.iter().any(is_made_by)',
        to: 'self.keys.iter().take(1).any(is_made_by)',
      },
    ],
    tests: 'authentication',
  },
  {
    about: 'a recorded message is heard again',
    edits: [
      {
        file: repeats,
        from: 'if at <= *last => return false',
        to: 'if at < *last => return false',
      },
    ],
    tests: 'authentication',
  },
  {
    about: 'a message is heard however old it is',
    edits: [{ file: repeats, from: '(distance > WINDOW_US)', to: '(distance > u64::MAX / 2)' }],
    tests: 'authentication',
  },
  {
    about: 'what was heard is forgotten while it can be heard again',
    edits: [
      {
        file: repeats,
        from: 'Duration::from_secs(2 * WINDOW.as_secs())',
        to: 'Duration::from_secs(WINDOW.as_secs() / 2)',
      },
    ],
    tests: 'messaging',
  },
  {
    about: 'two messages of one moment bear one date',
    edits: [{ file: repeats, from: 'wall_us.max(self.last + 1)', to: 'wall_us.max(self.last)' }],
    tests: 'messaging',
  },
  {
    about: 'the driver hears what is not genuine',
    edits: [
      {
        file: 'src/driver/inbound.rs',
        from: 'self.refuse_message(fault);\n                return 1;',
        to: 'self.refuse_message(fault);',
      },
    ],
    tests: 'driver',
  },
];
