use std::time::Duration;

use incumbent::{Candidate, ErrorCode, Options};
use tokio::runtime::Builder;

use crate::kit::{candidate, eventually, in_memory, kind};

#[test]
fn outside_a_runtime_a_start_is_refused_with_what_it_needs() {
    let candidate = candidate(&kind());
    let error = futures_util::FutureExt::now_or_never(candidate.start()).unwrap().unwrap_err();
    assert_eq!(error.code(), ErrorCode::NoRuntime);
    assert!(error.message().contains("Tokio runtime"), "{error}");
}

#[test]
fn a_runtime_without_its_drivers_is_refused_with_what_is_missing() {
    let bare = Builder::new_current_thread().build().unwrap();
    let error = bare.block_on(candidate(&kind()).start()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NoRuntime);
    assert!(error.message().contains("no timer"), "{error}");

    let timed = Builder::new_current_thread().enable_time().build().unwrap();
    let over_redis = Candidate::new(Options::new()).unwrap();
    let error = timed.block_on(over_redis.start()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NoRuntime);
    assert!(error.message().contains("I/O driver"), "{error}");
    // The memory of the process needs none.
    timed.block_on(candidate(&kind()).start()).unwrap();
}

#[test]
fn a_blocked_runtime_loses_the_leadership_and_the_first_line_behind_the_block_knows() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let candidate = Candidate::new(in_memory(&kind())).unwrap();
        let mut events = candidate.events();
        candidate.start().await.unwrap();
        let elected = crate::kit::next("it is elected", &mut events, |event| match event {
            incumbent::Event::Elected(reign) => Some(reign),
            _ => None,
        });
        let reign = elected.await;
        assert!(candidate.is_leader() && !reign.is_over());
        // The whole of a lease.
        std::thread::sleep(Duration::from_millis(400));
        // No task of it has run since.
        assert!(!candidate.is_leader());
        assert!(reign.is_over());
        assert!(candidate.valid_for().is_zero());
    });
}

#[test]
fn on_a_runtime_of_its_own_it_goes_on_to_lead_while_that_of_the_service_is_blocked() {
    let own = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = in_memory(&kind()).runtime(own.handle().clone());
        let candidate = Candidate::new(options).unwrap();
        candidate.start().await.unwrap();
        let term = candidate.current_term();
        let granted = candidate.stats().renewals.granted;
        // Blocked: nothing of this runtime runs meanwhile.
        while candidate.stats().renewals.granted < granted + 10 {
            std::thread::sleep(Duration::from_millis(5));
        }
        eventually("it leads", || candidate.is_leader()).await;
        assert!(candidate.current_term() >= term);
        candidate.stop().await;
    });
}
