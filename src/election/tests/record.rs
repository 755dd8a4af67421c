//! How what stands in the register is written, read and shown.

use crate::election::{Holder, Identity, InstanceId, Presence, Stamp, Term};

#[test]
fn a_token_names_its_instance_and_its_run() {
    let instance = InstanceId::new("a:b");
    let holder = Holder::new(&instance, 0x1f);
    assert_eq!(holder.as_str(), "a:b:000000000000001f");
    assert_eq!(holder.instance(), instance);
    assert!(holder.belongs_to(&instance));
    assert!(!holder.belongs_to(&InstanceId::new("a")));
    assert_eq!(Holder::parse(holder.as_str()), Some(holder));
}

#[test]
fn no_text_is_no_holder() {
    assert_eq!(Holder::parse(""), None);
}

#[test]
fn a_token_that_somebody_else_wrote_is_an_instance_of_that_name_and_nobody_of_ours() {
    let strange = Holder::parse("strange").unwrap();
    assert_eq!(strange.instance(), InstanceId::new("strange"));
    assert!(!strange.belongs_to(&InstanceId::new("strange")));
}

#[test]
fn the_name_of_a_connection_is_read_back_as_it_was_written_and_the_empty_text_names_none() {
    let presence = Presence::of_connection(0x2a);
    assert_eq!(presence.as_str(), "000000000000002a");
    assert_eq!(Presence::parse(presence.as_str()), Some(presence));
    assert_eq!(Presence::parse(""), None);
}

#[test]
fn each_shows_itself_in_stories_and_debug_output() {
    assert_eq!(format!("{0} {0:?}", InstanceId::new("a")), "a a");
    assert_eq!(format!("{:?}", Holder::new(&InstanceId::new("a"), 1)), "a:0000000000000001");
    assert_eq!(Term(7).to_string(), "7");
    assert_eq!(format!("{:?}", Stamp::new(0x2a)), "000000000000002a");
    assert_eq!(format!("{:?}", Presence::of_connection(0x2a)), "000000000000002a");
    assert_eq!(format!("{:?}", Identity::server("s")), "server s");
    assert_eq!(format!("{:?}", Identity::Connection(3)), "connection 3");
}
