// Bugs in crash detection by connection.

const election = 'src/election/election.rs';
const take = 'src/medium/redis/lua/take.lua';
const renew = 'src/medium/redis/lua/renew.lua';

/** @type {import('./bugs.mjs').Bug[]} */
export const connectionBugs = [
  { about: "a holder's connection counts as gone while it stands", simulation: 'skip-presence' },
  { about: 'the end of a connection is not told to the election', simulation: 'end-unheard' },
  { about: 'isLeader() does not ask the kernel for the connection', simulation: 'kernel-unasked' },
  {
    about: 'a deserted register is taken without the grace',
    edits: [
      {
        file: election,
        from: 'self.watch.permit_to_replace_deserter(self.timing.presence_grace())?;',
        to: 'self.watch.permit_to_replace_deserter(Duration::ZERO)?;',
      },
    ],
  },
  {
    about: 'a grant counts though its connection has ended since',
    edits: [
      {
        file: election,
        from: 'let was_in_time = !is_severed || reply.shown.record.presence.is_none();',
        to: 'let was_in_time = is_severed || !is_severed;',
      },
    ],
  },
  {
    about: 'a reign goes on after the end of its connection',
    edits: [
      {
        file: election,
        from: 'if self.reign.as_ref().is_some_and(|reign| reign.ends_with_connection) {',
        to: 'if self.reign.as_ref().is_some_and(|reign| reign.ends_with_connection && reign.drained) {',
      },
    ],
  },
  {
    about: 'a reign that ends with its connection is renewed over another one (Lua)',
    edits: [
      {
        file: renew,
        from: "\n  and (record.presence == '' or record.presence == presence)",
        to: '',
      },
    ],
    tests: 'redis',
  },
  {
    about: 'a deserted register is taken while its connection stands (Lua)',
    edits: [
      {
        file: take,
        from: "own_presence ~= '' and stands(record.presence) == false",
        to: "own_presence ~= '' and record.presence ~= ''",
      },
    ],
    tests: 'redis',
  },
  {
    about: 'a connection that an earlier reign left in the register counts (Lua)',
    edits: [
      {
        file: 'src/medium/redis/lua/prologue.lua',
        from: 'if own and string.sub(presence, 1, #own) == own then',
        to: "if string.find(presence, ':', 1, true) then\n    own = string.match(presence, '^%d+:')",
      },
    ],
    tests: 'redis',
  },
  {
    about: 'a reign outlives a connection that an unanswered assert named',
    edits: [
      {
        file: election,
        from: 'reign.assert_over.is_some() && self.timing.watches_connections();',
        to: 'reign.drained;',
      },
    ],
  },
  {
    about: 'a leadership that the register binds to no connection hangs on one',
    edits: [
      {
        file: 'src/medium/redis/mod.rs',
        from: '            self.lifeline.disarm();\n',
        to: '',
      },
    ],
    tests: 'redis',
  },
  {
    about: 'isLeader() does not ask for the connection at all',
    edits: [
      {
        file: 'src/candidate.rs',
        from: 'Tenure::bound_to(move || lifeline.holds())',
        to: 'Tenure::bound_to(move || lifeline.holds() || true)',
      },
    ],
    tests: 'redis',
  },
  {
    about: 'a channel that shows is given up though somebody wants it again',
    edits: [
      {
        file: 'src/medium/redis/presence.rs',
        from: '        if is_wanted() {\n            return;\n        }\n',
        to: '',
      },
    ],
    tests: 'redis',
  },
  {
    about: 'a connection shows through a proxy',
    edits: [
      {
        file: 'src/medium/redis/presence.rs',
        from: 'Ok(if seat.is_named_by(seen) {',
        to: 'Ok(if seat.is_named_by(seen) || !seen.is_empty() {',
      },
    ],
    tests: 'redis',
  },
  {
    about: 'credentials are asked for at the first connection alone',
    edits: [
      {
        file: 'src/medium/redis/credentials.rs',
        from: 'let answer = timeout(PATIENCE, (self.0)()).await;',
        to: 'static FIRST: tokio::sync::OnceCell<(Option<String>, String)> = tokio::sync::OnceCell::const_new();\n        let first = FIRST.get_or_try_init(|| async { (self.0)().await.map(|given| (given.username, given.password)) }).await;\n        let first = first.cloned().map(|(username, password)| Credentials { username, password });\n        let answer = timeout(PATIENCE, async { first }).await;',
      },
    ],
    tests: 'redis',
  },
  {
    about: 'those who ask another one for credentials share a connection',
    edits: [
      {
        file: 'src/medium/redis/credentials.rs',
        from: 'Arc::ptr_eq(&self.0, &other.0)',
        to: 'Arc::ptr_eq(&self.0, &other.0) || true',
      },
      {
        file: 'src/medium/redis/credentials.rs',
        from: 'Arc::as_ptr(&self.0).cast::<()>().hash(state);',
        to: 'state.write_u8(0);',
      },
    ],
    tests: 'redis',
  },
  {
    about: 'a prefix is left out of the names of channels',
    edits: [
      {
        file: 'src/medium/redis/keys.rs',
        from: 'channels: key(&format!("{db}:")),',
        to: 'channels: key(&format!("{db}:"))[prefix.len()..].to_owned(),',
      },
    ],
    tests: 'redis',
  },
  {
    about: 'a loss is forgotten as soon as the next connection stands',
    edits: [
      {
        file: 'src/lifeline.rs',
        from: 'self.losses.load(Ordering::SeqCst) == self.heeded.load(Ordering::SeqCst)\n                    && !socket.is_closed()',
        to: '!socket.is_closed()',
      },
    ],
    tests: 'lifeline',
  },
];
