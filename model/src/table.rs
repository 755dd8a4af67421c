//! The worlds that are explored with all rules in force.

use crate::configuration::{Configuration, Limits};

const NO: Limits = Configuration::PLAIN.limits;

const fn world(name: &'static str, nodes: u8, terms: u8, limits: Limits) -> Configuration {
    Configuration { name, nodes, terms, limits, ..Configuration::PLAIN }
}

/// Small ones, for the tests too.
pub const SMALL: &[Configuration] = &[
    Configuration { answers_travel: true, ..world("2: answers travel", 2, 3, NO) },
    world("2: late", 2, 3, Limits { late: 1, ..NO }),
    Configuration {
        answers_travel: true,
        asks: true,
        ..world("2: isLeader() asked in between", 2, 3, Limits { resignations: 1, ..NO })
    },
    world("1: poisoned term", 1, 3, Limits { poisons: 1, ..NO }),
    world("2: poisoned term", 2, 3, Limits { poisons: 1, ..NO }),
    Configuration {
        clock_is_right: false,
        ..world("2: server clock behind, wipe, late", 2, 3, Limits { wipes: 1, late: 1, ..NO })
    },
    Configuration {
        answers_travel: true,
        ..world("2: stop, start, answers travel", 2, 3, Limits { stops: 1, starts: 1, ..NO })
    },
    world("3: undisturbed", 3, 3, NO),
];

/// With those, the default run.
pub const DEFAULT: &[Configuration] = &[
    Configuration {
        is_led: false,
        ..world("3: cold start, wipe, late", 3, 3, Limits { wipes: 1, late: 1, ..NO })
    },
    world("3: two wipes", 3, 2, Limits { wipes: 2, ..NO }),
    world("3: late, doubled", 3, 2, Limits { late: 1, doubles: 1, ..NO }),
    world("3: two restarts", 3, 2, Limits { restarts: 2, ..NO }),
    world("3: restart, wipe", 3, 2, Limits { restarts: 1, wipes: 1, ..NO }),
    world("2: restart, wipe, late", 2, 2, Limits { restarts: 1, wipes: 1, late: 1, ..NO }),
    world(
        "3: stop, start, reelect, wipe",
        3,
        2,
        Limits { stops: 1, starts: 1, resignations: 1, wipes: 1, ..NO },
    ),
    world("3: crash, start, restart", 3, 2, Limits { crashes: 1, starts: 1, restarts: 1, ..NO }),
    Configuration {
        replica: Some(false),
        ..world("2: promotion, move", 2, 2, Limits { promotions: 1, moves: 1, ..NO })
    },
    Configuration {
        replica: Some(true),
        ..world(
            "2: writable replica, promotion, move",
            2,
            2,
            Limits { promotions: 1, moves: 1, ..NO },
        )
    },
    Configuration {
        replica: Some(false),
        ..world("2: two promotions", 2, 3, Limits { promotions: 2, ..NO })
    },
    Configuration {
        leases: [2, 1, 1],
        ..world("3: unequal leases, late, reelect", 3, 2, Limits { late: 1, resignations: 1, ..NO })
    },
    Configuration {
        anonymous: true,
        ..world(
            "3: connection as identity, restart, wipe",
            3,
            2,
            Limits { restarts: 1, wipes: 1, ..NO },
        )
    },
    Configuration {
        answers_travel: true,
        asks: true,
        ..world("3: isLeader() asked in between", 3, 2, NO)
    },
    world("3: forged announcement, wipe", 3, 2, Limits { forgeries: 1, wipes: 1, ..NO }),
    world("2: two forged announcements, restart", 2, 2, Limits { forgeries: 2, restarts: 1, ..NO }),
    Configuration {
        answers_travel: true,
        peeks_travel: true,
        ..world("2: peeks travel, wipe, doubled", 2, 2, Limits { wipes: 1, doubles: 1, ..NO })
    },
];

/// With those, `--big`.
pub const BIG: &[Configuration] = &[
    world("3: two wipes, late, doubled", 3, 2, Limits { wipes: 2, late: 1, doubles: 1, ..NO }),
    world("3: restart, late", 3, 3, Limits { restarts: 1, late: 1, ..NO }),
    world("2: two restarts, wipe, late", 2, 2, Limits { restarts: 2, wipes: 1, late: 1, ..NO }),
    Configuration {
        answers_travel: true,
        ..world(
            "2: stop, start, wipe, late, answers travel",
            2,
            2,
            Limits { stops: 1, starts: 1, wipes: 1, late: 1, ..NO },
        )
    },
    Configuration {
        replica: Some(false),
        ..world("3: promotion, move", 3, 2, Limits { promotions: 1, moves: 1, ..NO })
    },
    Configuration {
        replica: Some(true),
        ..world(
            "3: writable replica, promotion, move",
            3,
            2,
            Limits { promotions: 1, moves: 1, ..NO },
        )
    },
    Configuration {
        leases: [2, 1, 1],
        ..world(
            "3: unequal leases, late, doubled, reelect",
            3,
            3,
            Limits { late: 1, doubles: 1, resignations: 1, ..NO },
        )
    },
    Configuration {
        answers_travel: true,
        peeks_travel: true,
        ..world("2: peeks travel, two wipes, doubled", 2, 2, Limits { wipes: 2, doubles: 1, ..NO })
    },
    Configuration {
        answers_travel: true,
        ..world("3: answers travel", 3, 2, Limits { late: 1, ..NO })
    },
];
