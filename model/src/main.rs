mod action;
mod canonical;
mod check;
mod configuration;
mod node;
mod order;
mod register;
mod rules;
mod world;

use configuration::{Configuration, Limits};
fn main() {
    let n = |s: &str| std::env::args().skip(1).find_map(|a| a.strip_prefix(s).and_then(|v| v.strip_prefix('=').map(|v| v.parse::<u8>().unwrap()))).unwrap_or(0);
    let d = |s: &str, d: u8| if n(s) == 0 { d } else { n(s) };
    let c = Configuration { name: "x", nodes: d("nodes", 3), terms: d("terms", 3), beats: d("beats", 2), is_led: n("cold") == 0, asks: n("asks") > 0, peeks_travel: n("peeks") > 0, answers_travel: n("travel")>0,
        anonymous: n("anon") > 0, replica: (n("replica") > 0).then_some(n("replica") > 1), leases: if n("unequal") > 0 { [2,1,1] } else { [1;3] },
        clock_is_right: n("behind") == 0,
        limits: Limits { wipes: n("wipes"), restarts: n("restarts"), late: n("late"), doubles: n("doubles"), moves: n("moves"), promotions: n("promotions"), stops: n("stops"), starts: n("starts"), crashes: n("crashes"), resignations: n("resign"), poisons: n("poisons"), forgeries: n("forge") },
        ..Configuration::PLAIN };
    let o = check::explore(c, std::time::Duration::from_secs(d("secs", 60) as u64));
    println!("unique {} generated {} depth {} took {:?} cut {} unmet {:?}", o.unique, o.generated, o.depth, o.took, o.is_cut_short, o.unmet);
    if let Some(p) = o.violation { for (s, a) in p.into_vec() { println!("{a:?}\n    broken {:?}", s.ghost.broken); if a.is_none() { println!("{s:#?}"); } } }
}
mod counterexamples;
#[test]
fn rows() {
    for c in counterexamples::ALL {
        use counterexamples::Expected;
        if let Expected::Livelock = c.expected { continue; }
        let o = check::hunt(c.configuration(), std::time::Duration::from_secs(20));
        let found = match c.expected { Expected::Violation => o.violation.is_some(), Expected::Unmet(g) => o.unmet.contains(&g) && o.violation.is_none(), _ => true };
        println!("{:24} found {found} unique {} depth {} {:?} cut {}", c.rule, o.unique, o.violation.as_ref().map_or(0, |p| p.clone().into_actions().len()), o.took, o.is_cut_short);
        if let Some(p) = o.violation { println!("     {:?} {:?}", p.last_state().ghost.broken.unwrap(), p.into_actions()); }
    }
}
mod slow_link;
#[test]
fn slow() { use rules::*; for off in [Off::NONE, Off::of(&[Rule::StandBack]), Off::of(&[Rule::OnlyLeadersRenew])] { let o = slow_link::explore(off); println!("slow {} {} {:?}", o.unique, o.stuck.is_some(), o.stuck.map(|p| p.into_actions())); } }
